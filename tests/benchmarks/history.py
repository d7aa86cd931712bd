"""A retailer with a past: what it sent and what came back of it, made by Postgres itself.

Everything follows from a seed, by hashing. One run has a quarter of all messages and the others share the rest. People
open and click less than machines do, some bounce, complain or leave, and some order afterwards, in three currencies.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Max

from campaigns import configuration, content, facts
from campaigns.models import Brand, Member, Run
from delivery.models import Batch
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.benchmarks.population import Population, indexed_later

PER_MESSAGE = 2.1  # signals, about
DAYS = 80  # over which the runs lie
HELD_OUT = 0.05
_DOMAINS = 400
_RULES: dict[str, dict[str, Any]] = {
    "gold": {"attribute": "tier", "eq": "gold"},
    "leeds": {"attribute": "city", "eq": "City 1"},
    "cities": {"attribute": "city", "in": ["City 1", "City 2", "City 3"]},
    "buyers": {"event": "order", "count": {"gte": 1}},
    "lapsed": {"not": {"event": "order", "within": "180d"}},
    "many": {"event": "order", "count": {"gte": 3}},
    "wine": {"event": "order", "where": [{"property": "category", "eq": "wine"}]},
    "sample": {"sample": 0.2},
    "texted": {"consent": {"channel": "sms"}},
    "everybody": {"all": []},
}


@dataclass(frozen=True)
class Past:
    """So many signals of so many runs before `until`; the first run is the large one."""

    signals: int
    runs: int
    seed: int
    until: datetime

    @property
    def messages(self) -> int:
        return round(self.signals / PER_MESSAGE)

    @property
    def customers(self) -> int:
        return max(100, self.messages // 4)

    def chance(self, of: str, purpose: int) -> str:
        """A number in [0, 1) for each value of an integer expression, as SQL."""
        return Population(self.customers, 0, self.seed, self.until).chance(of, purpose)

    def of_run(self, number: int) -> int:
        return self.messages // 4 if number == 0 else self.messages * 3 // 4 // (self.runs - 1)

    def began(self, number: int) -> datetime:
        return self.until - timedelta(days=3 + number * (DAYS - 3) / self.runs)


def fill(retailer: Retailer, past: Past) -> list[Run]:
    """Into the retailer's empty tables. Returns the runs, the large one first; none of them is counted."""
    Brand.objects.filter(pk=content.brand().pk).update(currency="EUR")
    runs = [_run(past, number) for number in range(past.runs)]
    AgendaItem.objects.filter(retailer=retailer).delete()  # nobody is to send any of it
    for key, rule in _RULES.items():
        factories.segment(key, rule)
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'; SET work_mem = '128MB'")
        with indexed_later("campaigns_customer", "campaigns_event"):
            cursor.execute(_customers(past), {"customers": past.customers, "domains": _DOMAINS})
            cursor.execute(_events(past), {"events": 2 * past.customers, "until": past.until})
        facts.recompute()
        with indexed_later("campaigns_member", "delivery_message"):
            for number, run in enumerate(runs):
                _send(cursor, run, past, number)
        cursor.execute("ANALYZE delivery_message")
        with indexed_later("delivery_signal"):
            cursor.execute(_signals(past), {"signals": past.signals})
        for table in _TABLES:
            cursor.execute(f"VACUUM ANALYZE {table}")
        cursor.execute("RESET maintenance_work_mem; RESET work_mem")
        cursor.execute("CHECKPOINT")
    return runs


def size_mb() -> dict[str, float]:
    """On disk with indexes, by table."""
    with connection.cursor() as cursor:
        return {table: round(_size(cursor, table) / 2**20, 1) for table in (*_TABLES, *TALLIES)}


def _size(cursor: Any, table: str) -> int:
    cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [table])
    return int(cursor.fetchone()[0])


def _run(past: Past, number: int) -> Run:
    """Launched as a marketer would, and set back in time."""
    step = {"key": "first", "channel": "email", "template": "hello", "variants": [{"key": key} for key in "abc"]}
    audience = {"include": {"all": []}, "holdout": HELD_OUT}
    goal = {"event": "order", "within": "7d"}
    campaign = factories.campaign(f"run-{number}", steps=[step], audience=audience, goal=goal)
    run = configuration.launch(campaign, by="benchmark", now=past.until)
    began = past.began(number)
    values = {"started_at": began, "as_of": began, "evaluated_at": began, "finished_at": began + timedelta(hours=6)}
    Run.objects.filter(pk=run.pk).update(state="completed", generated={"first": 2**40}, **values)
    return Run.objects.select_related("version", "campaign").get(pk=run.pk)


def _send(cursor: Any, run: Run, past: Past, number: int) -> None:
    """Members, their messages, and the batches that those went out in."""
    params = {"run": run.pk, "members": past.of_run(number), "customers": past.customers, "holdout": HELD_OUT}
    cursor.execute(_members(past, number), params)
    messages = Member.objects.filter(run=run, is_included=True).count()
    first = (Batch.objects.aggregate(last=Max("pk"))["last"] or 0) + 1
    cursor.execute(_BATCHES, {"run": run.pk, "batches": -(-messages // _OF_BATCH), "began": past.began(number)})
    cursor.execute(_messages(past), {"run": run.pk, "first": first, "all": messages, "began": past.began(number)})


def _customers(past: Past) -> str:
    c = past.chance
    return f"""
    INSERT INTO campaigns_customer (external_id, email, first_name, city, country, consent_email, consent_sms,
        attributes)
    SELECT 'c' || i, 'p' || i || '@mail' || floor({c("i", 1)} ^ 3 * %(domains)s) || '.example', 'Ana',
        'City ' || floor({c("i", 2)} ^ 2 * 200 + 1), 'GB', TRUE, {c("i", 3)} < 0.3,
        jsonb_build_object('tier', CASE WHEN {c("i", 4)} < 0.1 THEN 'gold' ELSE 'bronze' END)
    FROM generate_series(1, %(customers)s) i ORDER BY i
    """


def _events(past: Past) -> str:
    """Orders mostly, of the last hundred days; one in ten is in another currency."""
    c = past.chance
    return f"""
    INSERT INTO campaigns_event (event_id, customer_id, name, occurred_at, value, currency, properties, category)
    SELECT 'e' || i, (SELECT min(id) FROM campaigns_customer) + floor({c("i", 11)} * {past.customers})::bigint,
        CASE WHEN {c("i", 12)} < 0.6 THEN 'order' ELSE 'view' END,
        %(until)s::timestamptz - {c("i", 13)} * interval '100 days',
        round((5 - 40 * ln(1 - {c("i", 14)}))::numeric, 2),
        CASE WHEN {c("i", 15)} < 0.05 THEN 'GBP' WHEN {c("i", 15)} < 0.1 THEN 'USD' WHEN {c("i", 15)} < 0.2 THEN ''
             ELSE 'EUR' END,
        jsonb_build_object('category', CASE WHEN {c("i", 16)} < 0.2 THEN 'wine' ELSE 'grocery' END),
        CASE WHEN {c("i", 16)} < 0.2 THEN 'wine' ELSE 'grocery' END
    FROM generate_series(1, %(events)s) i
    """


def _members(past: Past, number: int) -> str:
    """People in a row, from another one on for each run."""
    c, of = past.chance, f"(i + {number * 1_000_003})"
    return f"""
    INSERT INTO campaigns_member (run_id, customer_id, is_included, reason, draw)
    SELECT %(run)s,
        (SELECT min(id) FROM campaigns_customer) + mod(i + {number * past.customers // past.runs}, %(customers)s),
        {c(of, 21)} >= %(holdout)s, CASE WHEN {c(of, 21)} < %(holdout)s THEN 'holdout' ELSE '' END, {c(of, 22)}
    FROM generate_series(0, least(%(members)s, %(customers)s) - 1) i
    """


_OF_BATCH = 500
_BATCHES = """
INSERT INTO delivery_batch (run_id, step, number, state, due_at)
SELECT %(run)s, 'first', n, 'done', %(began)s FROM generate_series(1, %(batches)s) n
"""


def _messages(past: Past) -> str:
    c = past.chance
    return f"""
    INSERT INTO delivery_message (run_id, batch_id, member_id, customer_id, step, channel, variant, position, send_at,
        state, reason, provider, template_hash, settled_at)
    SELECT %(run)s, %(first)s + n / {_OF_BATCH}, id, customer_id, 'first', 'email',
        CASE WHEN draw < 0.34 THEN 'a' WHEN draw < 0.67 THEN 'b' ELSE 'c' END, n %% {_OF_BATCH}, at, state,
        CASE WHEN state NOT IN ('accepted', 'delivered') THEN state || floor(luck * 30000)::int %% 30 ELSE '' END,
        CASE WHEN state IN ('expired', 'cancelled') THEN '' WHEN {c("id", 33)} < 0.8 THEN 'smtp' ELSE 'backup' END,
        repeat('0', 64), at
    FROM (
        SELECT id, customer_id, draw, n, luck, %(began)s::timestamptz + n * interval '6 hours' / %(all)s AS at,
            CASE WHEN luck < 0.72 THEN 'delivered' WHEN luck < 0.94 THEN 'accepted' WHEN luck < 0.96 THEN 'bounced'
                 WHEN luck < 0.961 THEN 'unknown' WHEN luck < 0.966 THEN 'failed' WHEN luck < 0.97 THEN 'rejected'
                 WHEN luck < 0.99 THEN 'expired' ELSE 'cancelled' END AS state
        FROM (
            SELECT id, customer_id, draw, row_number() OVER (ORDER BY id) - 1 AS n, {c("id", 31)} AS luck
            FROM campaigns_member WHERE run_id = %(run)s AND is_included
        ) member
    ) written ORDER BY n
    """


def _signals(past: Past) -> str:
    """In the order in which they came, about: that of the messages."""
    c = past.chance
    return f"""
    INSERT INTO delivery_signal (message_id, run_id, at, received_at, event_id, link, human, kind, source, network,
        user_agent)
    SELECT id, run_id, at, at, md5(id || '/' || k)::uuid,
        CASE WHEN kind = 'click' THEN 1 + floor(luck * 40)::int %% 5 END,
        CASE WHEN kind NOT IN ('open', 'click') THEN NULL
             WHEN k IN (3, 5) OR (k = 4 AND luck < 0.08) THEN 95 ELSE 3 END,
        kind, CASE WHEN k IN (1, 7) THEN 'smtp' ELSE 'link' END,
        CASE WHEN k IN (1, 7) THEN '' ELSE '203.0.113.0/24' END,
        CASE WHEN k IN (1, 7) THEN '' ELSE 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit' END
    FROM (
        SELECT message.id, run_id, k, settled_at + k * interval '7 minutes' AS at,
            {c("message.id * 8 + k", 41)} AS luck,
            (ARRAY['delivered', 'open', 'open', 'click', 'open', 'open', 'complaint'])[k] AS kind, state
        FROM delivery_message message CROSS JOIN generate_series(1, 7) k
        WHERE state IN ('delivered', 'accepted')
    ) drawn
    WHERE luck < (ARRAY[0.75, 0.6, 0.3, 0.2, 0.25, 0.5, 0.0006])[k] AND (k > 1 OR state = 'delivered')
    LIMIT %(signals)s
    """


TALLIES = ("campaigns_tally", "campaigns_segmenttally", "campaigns_linktally", "campaigns_placement")
_TABLES = (
    "campaigns_customer", "campaigns_event", "campaigns_facts", "campaigns_member", "delivery_batch",
    "delivery_message", "delivery_signal",
)  # fmt: skip
