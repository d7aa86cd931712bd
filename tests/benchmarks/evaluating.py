"""How long it takes to write down who is in a run to everybody, who is not, and why; and plain rows beside it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from django.db import connection

from campaigns import arrivals, audience, configuration, content, policies
from campaigns.audience import Waterfall
from campaigns.models import Campaign, Run, Template
from delivery import bounds, caps
from tenants import context
from tenants.models import Retailer

UNIVERSAL = 0.02  # held out of every campaign
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
    done = Evaluated(Waterfall(0, 0, {}))
    prepare(retailer, now)
    for _ in range(repeat):
        once(done, retailer, now)
    return done


def prepare(retailer: Retailer, now: datetime) -> None:
    with context.in_retailer(retailer):
        policies.save(retailer, policy={"universal_holdout": UNIVERSAL})
        _write_to_some(configuration.launch(_campaign(), by="benchmark", now=now), now)


def once(done: Evaluated, retailer: Retailer, now: datetime) -> None:
    with context.in_retailer(retailer):
        done.limit.append(_plain_rows())
        _forget_members()
        run = configuration.launch(Campaign.objects.get(key=CONFIG["key"]), by="benchmark", now=now)
        begun = time.perf_counter()
        _evaluate(run, retailer, now)
        done.seconds.append(time.perf_counter() - begun)
        done.waterfall = audience.waterfall(run)
        done.complaints += _complaints(run, done.waterfall)
        _forget_members()


def _campaign() -> Campaign:
    template = Template.objects.create(
        key="news", name="News", subject="News", html='<p>Hello</p><a href="{{ unsubscribe_url }}">Unsubscribe</a>'
    )
    content.publish(template)
    return configuration.save_draft(CONFIG)


def _evaluate(run: Run, retailer: Retailer, now: datetime) -> None:
    """As delivery.pipeline does it."""
    limits = bounds.of(run, retailer).caps
    audience.evaluate(run, capped=caps.full(limits, now=now, among=arrivals.customers(run)))


def _write_to_some(run: Run, now: datetime) -> None:
    """Yesterday: three messages to one in ten, which is all they may have in a week, and one to half of the others."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITTEN, {"run": run.pk, "now": now})
        cursor.execute("ANALYZE delivery_message")


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


_WRITTEN = """
INSERT INTO delivery_message (run_id, batch_id, member_id, customer_id, step, channel, variant, position, send_at,
    state, settled_at)
SELECT %(run)s, 0, row_number() OVER (), id, 'first', 'email', 'a', 0, %(now)s - interval '1 day',
    'accepted', %(now)s - interval '1 day'
FROM campaigns_customer, generate_series(1, CASE WHEN id %% 10 = 0 THEN 3 WHEN id %% 2 = 0 THEN 1 ELSE 0 END)
"""
_JUDGE = """
SELECT (SELECT count(*) FROM campaigns_customer), count(DISTINCT m.customer_id), count(*) FILTER (WHERE m.is_included),
    count(DISTINCT c.email) FILTER (WHERE m.is_included),
    count(*) FILTER (WHERE m.is_included AND (
        c.email = '' OR NOT c.consent_email
        OR c.email IN (SELECT s.address FROM campaigns_suppression s WHERE s.channel = 'email')
        OR c.id IN (SELECT t.customer_id FROM campaigns_consent t
                     WHERE t.channel = 'email' AND t.topic = %(topic)s AND t.is_current AND NOT t.is_granted)
        OR c.id IN (SELECT d.customer_id FROM delivery_message d GROUP BY d.customer_id HAVING count(*) >= 3)))
FROM campaigns_member m JOIN campaigns_customer c ON c.id = m.customer_id WHERE m.run_id = %(run)s
"""
