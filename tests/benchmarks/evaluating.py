"""How long it takes to write down who is in a run to everybody, who is not, and why; and plain rows beside it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from django.db import connection

from campaigns import audience, configuration, content
from campaigns.audience import Waterfall
from campaigns.models import Campaign, Run, Template
from tenants import context
from tenants.models import Retailer

CONFIG: dict[str, Any] = {
    "key": "everybody",
    "name": "Everybody",
    "trigger": {"kind": "api"},
    "audience": {"include": {"all": []}, "exclude": {"event": "order", "within": "7d"}, "holdout": 0.05},
    "steps": [{"key": "first", "channel": "email", "template": "news"}],
    "limits": {"per_customer": {"messages": 3, "per": "7d"}},
    "topic": "promotions",
}


@dataclass
class Evaluated:
    """Seconds of each evaluation; `limit` are those of as many plain rows into a table like the members'."""

    waterfall: Waterfall
    seconds: list[float] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def usual(self) -> float:
        return median(self.seconds)


def evaluate(retailer: Retailer, *, now: datetime, repeat: int) -> Evaluated:
    """The same run, made and evaluated so often; no other run's members are in the way."""
    with context.in_retailer(retailer):
        campaign = _campaign()
        done = Evaluated(Waterfall(0, 0, {}))
        for _ in range(repeat):
            done.limit.append(_plain_rows())
            _forget_members()
            run = configuration.launch(campaign, by="benchmark", now=now)
            begun = time.perf_counter()
            audience.evaluate(run)
            done.seconds.append(time.perf_counter() - begun)
            done.waterfall = audience.waterfall(run)
            done.complaints += _complaints(run, done.waterfall)
        _forget_members()
    return done


def _campaign() -> Campaign:
    template = Template.objects.create(
        key="news", name="News", subject="News", html='<p>Hello</p><a href="{{ unsubscribe_url }}">Unsubscribe</a>'
    )
    content.publish(template)
    return configuration.save_draft(CONFIG)


def _forget_members() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE campaigns_member")


def _plain_rows() -> float:
    """As many rows of the same shape, with nothing asked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP TABLE IF EXISTS bench_member; CREATE TABLE bench_member (LIKE campaigns_member INCLUDING ALL)"
        )
        begun = time.perf_counter()
        cursor.execute(
            "INSERT INTO bench_member (run_id, customer_id, is_included, reason, draw) "
            "SELECT 1, customer_id, true, '', 0.5 FROM campaigns_facts ORDER BY customer_id"
        )
        seconds = time.perf_counter() - begun
        cursor.execute("DROP TABLE bench_member")
        return seconds


def _complaints(run: Run, told: Waterfall) -> list[str]:
    """Everybody is a member once, nobody included has a reason not to be, and no address is included twice."""
    with connection.cursor() as cursor:
        cursor.execute(_JUDGE, {"run": run.pk, "topic": CONFIG["topic"]})
        people, members, included, addresses, wrong = cursor.fetchone()
    problems = {
        f"{people} customers, {members} members": people != members,
        f"the waterfall says {told}, the members {members} and {included}": (
            told.candidates != members or told.included != included
            or told.included + sum(told.excluded.values()) != told.candidates
        ),
        f"{included} included have {addresses} addresses": included != addresses,
        f"{wrong} are included who may not be": wrong > 0,
    }  # fmt: skip
    return [f"evaluate: {words}" for words, is_so in problems.items() if is_so]


_JUDGE = """
SELECT (SELECT count(*) FROM campaigns_customer), count(DISTINCT m.customer_id), count(*) FILTER (WHERE m.is_included),
    count(DISTINCT c.email) FILTER (WHERE m.is_included),
    count(*) FILTER (WHERE m.is_included AND (
        c.email = '' OR NOT c.consent_email
        OR EXISTS (SELECT FROM campaigns_suppression s WHERE s.channel = 'email' AND s.address = c.email)))
FROM campaigns_member m JOIN campaigns_customer c ON c.id = m.customer_id WHERE m.run_id = %(run)s
"""
