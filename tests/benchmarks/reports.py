"""How long reports of a retailer take who got ten million signals back, and how long it takes to count them.

Each page, file and answer is asked for as a browser or an integrator would, again and again: of the largest run where
it is about one. What the pages then say is held against the raw rows, and the naive way stands beside it: the totals
of one run counted from the rows each time.
"""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from campaigns.models import Run
from delivery import exports, results, tallies, vitals
from delivery.views.run_results import TITLES
from tenants import context
from tenants.accounts.models import ApiKey, Scope, User
from tenants.models import Retailer
from tests.benchmarks import delays, engine, history, usage
from tests.benchmarks.figures import NoFigures
from tests.benchmarks.history import Past

BAR = 1000.0  # ms, p95 of each page
FIRST_LINES = 2_000  # of the file of every message, which is sent while it is read


@dataclass
class Asked:
    """Milliseconds of each time, and how many statements one takes."""

    name: str
    ms: list[float] = field(default_factory=list)
    queries: int = 0

    @property
    def p95(self) -> float:
        return delays.percentile(self.ms, 0.95)


@dataclass
class Counted:
    """Seconds of counting one run: of each turn, and in all."""

    turns: list[float]

    @property
    def seconds(self) -> float:
        return sum(self.turns)


def run(options: Namespace) -> bool:
    """Print progress, a table and, as the last line, the figures. False when a number is not what the rows say.

    Raises NoFigures.
    """
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    past = Past(options.signals, options.runs, options.seed, now)
    _say(f"{past.signals:,} signals of {past.messages:,} messages in {past.runs} runs, seed {past.seed}")
    _say(usage.machine())
    call_command("migrate_schemas", shared=True, interactive=False, verbosity=0)
    retailer = engine.provision(1)[0]
    try:
        with context.in_retailer(retailer):
            runs = _filled(retailer, past)
            _say("Counting ...")
            first, again, others = _count(runs[:1])[0], _count(runs[:1])[0], _count(runs[1:])
            vitals.write(retailer, now=timezone.now())
            wrong, naive = _wrong(runs[0]), [_timed(lambda: _totals_of_rows(runs[0])) for _ in range(3)]
            sizes = history.size_mb()
        _say("Asking ...")
        with override_settings(STORAGES={**settings.STORAGES, "staticfiles": _STATIC}):  # nothing was collected here
            asked = _ask(retailer, runs[0], options.repeat)
    finally:
        engine.remove([retailer])
    figures = _figures(asked, first, again, others, naive, sizes, wrong)
    for line in _table(asked, figures):
        _say(line)
    _say(usage.machine())
    for complaint in wrong:
        _say(f"WRONG: {complaint}")
    _say(json.dumps(figures))
    return not wrong


def _filled(retailer: Retailer, past: Past) -> list[Run]:
    _say("Making the past ...")
    begun = time.monotonic()
    runs = history.fill(retailer, past)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM delivery_signal")
        number = cursor.fetchone()[0]
    _say(f"  {number:,} signals in {time.monotonic() - begun:.0f} s")
    if number < past.signals:
        raise NoFigures(f"Only {number:,} signals were made.")
    return runs


def _count(runs: list[Run]) -> list[Counted]:
    """Turn by turn, as workers do."""
    found = []
    for each in runs:
        now, turns = timezone.now(), []
        while True:
            begun = time.monotonic()
            is_over = tallies.advance(each.pk, now=now) != now
            turns.append(time.monotonic() - begun)
            if is_over:
                break
        found.append(Counted(turns))
    return found


def _ask(retailer: Retailer, run: Run, repeat: int) -> list[Asked]:
    """In turns, so that what else the machine does weighs on all alike."""
    pages = _pages(retailer, run)
    found = {name: Asked(name) for name in pages}
    for name, ask in pages.items():
        ask()
        with CaptureQueriesContext(connection) as captured:
            ask()
        found[name].queries = len([each for each in captured if not each["sql"].startswith("SET search_path")])
    for _ in range(repeat):
        for name, ask in pages.items():
            found[name].ms.append(1000 * _timed(ask))
    return list(found.values())


def _pages(retailer: Retailer, run: Run) -> dict[str, Callable[[], Any]]:
    console, staff, api = _console(retailer), _staff(), _api(retailer)
    of_run = f"/admin/campaigns/run/{run.pk}"
    report = f"/api/v1/campaigns/{run.campaign.key}/report/"
    addresses = {
        "overview": "/admin/",
        "runs": "/admin/campaigns/run/",
        "run": f"{of_run}/change/",
        "run's progress": f"{of_run}/progress/?regions=head,numbers,unknowns,waves,audience,variants,reasons",
        **{f"results by {name}": f"{of_run}/results/?by={name}" for name in TITLES},
        "clicks": f"{of_run}/results/clicks/",
        "comparison": "/admin/results/",
        "comparison by revenue": "/admin/results/?sort=-revenue",
        **{f"CSV by {name}": f"{of_run}/results/{name}.csv" for name in (*results.DIMENSIONS, exports.LINKS)},
    }
    answers = {"API report": report, "API run": f"/api/v1/runs/{run.pk}/", "API CSV": f"{report}csv/?by=domain"}
    return {
        **{name: _asking(console, address) for name, address in addresses.items()},
        "CSV of messages, the first": lambda: _first_lines(console, f"{of_run}/results/message.csv"),
        **{name: _asking(api, address) for name, address in answers.items()},
        "fleet": _asking(staff, "/admin/"),
    }


def _asking(client: Client, address: str) -> Callable[[], None]:
    def ask() -> None:
        answer: Any = client.get(address)
        if answer.status_code != 200:
            raise NoFigures(f"{address} answers {answer.status_code}.")
        if answer.streaming:
            for _ in answer.streaming_content:
                pass

    return ask


def _first_lines(client: Client, address: str) -> None:
    answer: Any = client.get(address)
    lines = 0
    for chunk in answer.streaming_content:
        lines += chunk.count(b"\n")
        if lines > FIRST_LINES:
            break
    answer.close()


def _console(retailer: Retailer) -> Client:
    client = Client(headers={"host": f"{retailer.slug}.localhost"})
    with context.in_retailer(retailer):
        client.force_login(User.objects.create_superuser(f"bench@{retailer.slug}.example"))
    return client


def _staff() -> Client:
    client = Client(headers={"host": "localhost"})
    with context.on_platform():
        known = User.objects.filter(email="bench@platform.example").first()
        client.force_login(known or User.objects.create_superuser("bench@platform.example"))
    return client


def _api(retailer: Retailer) -> Client:
    with context.in_retailer(retailer):
        key = ApiKey.objects.create_key(name="benchmark", scope=Scope.READ)[1]
    return Client(headers={"host": f"{retailer.slug}.localhost", "authorization": f"Api-Key {key}"})


def _wrong(run: Run) -> list[str]:
    """What the tallies say that the rows do not."""
    told = results.totals(run)
    ours = (*(told.counts[name] for name in _NAMES), {currency: float(sum_) for currency, sum_ in told.revenue.items()})
    rows = (*_totals_of_rows(run), _revenue_of_rows(run))
    names = (*_NAMES, "revenue")
    return [
        f"{name}: {ours} told, {theirs} in the rows"
        for name, ours, theirs in zip(names, ours, rows, strict=True)
        if ours != theirs
    ]


def _totals_of_rows(run: Run) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, [run.pk, run.pk])
        return tuple(map(int, cursor.fetchone()))


def _revenue_of_rows(run: Run) -> dict[str, float]:
    with connection.cursor() as cursor:
        cursor.execute(_REVENUE, [run.pk])
        return {currency: float(amount) for currency, amount in cursor.fetchall()}


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _figures(
    asked: list[Asked], first: Counted, again: Counted, others: list[Counted], naive: list[float],
    sizes: dict[str, float], wrong: list[str],
) -> dict[str, Any]:  # fmt: skip
    worst = max(asked, key=lambda each: each.p95)
    return {
        "p95_ms": {each.name: round(each.p95, 1) for each in asked},
        "p50_ms": {each.name: round(median(each.ms), 1) for each in asked},
        "queries": {each.name: each.queries for each in asked},
        "worst_p95_ms": round(worst.p95, 1),
        "most_queries": max(each.queries for each in asked),
        "count_s": round(first.seconds, 2),
        "count_again_s": round(again.seconds, 2),
        "count_turns": len(first.turns),
        "longest_turn_s": round(max(*first.turns, *again.turns), 2),
        "count_others_s": round(sum(each.seconds for each in others), 2),
        "naive_totals_ms": round(1000 * median(naive), 1),
        "rows_mb": round(sum(size for table, size in sizes.items() if table not in history.TALLIES), 1),
        "tallies_mb": round(sum(size for table, size in sizes.items() if table in history.TALLIES), 1),
        "wrong": len(wrong),
    }


def _table(asked: list[Asked], figures: dict[str, Any]) -> Iterator[str]:
    yield f"{'page':<32}{'p50, ms':>10}{'p95, ms':>10}{'queries':>10}"
    for each in asked:
        over = "  OVER the bar" if each.p95 > BAR else ""
        yield f"{each.name:<32}{median(each.ms):>10.0f}{each.p95:>10.0f}{each.queries:>10}{over}"
    yield (
        f"counting the large run takes {figures['count_s']:.1f} s in {figures['count_turns']} turns, the longest"
        f" {figures['longest_turn_s']:.1f} s; again {figures['count_again_s']:.1f} s; all others"
        f" {figures['count_others_s']:.1f} s"
    )
    yield (
        f"its totals from the rows themselves take {figures['naive_totals_ms']:,.0f} ms each time; the rows take"
        f" {figures['rows_mb']:,.0f} MB, the tallies {figures['tallies_mb']:,.0f} MB"
    )
    bar = "OVER" if figures["worst_p95_ms"] > BAR else "within"
    yield f"worst p95, ms {figures['worst_p95_ms']:,.0f}: {bar} the bar of {BAR:,.0f}"


def _say(words: str) -> None:
    print(words, flush=True)


_STATIC = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
_NAMES = ("messages", "taken", "delivered", "bounced", "opened", "opened_by_machine", "clicked", "complained")
_TOTALS = """
SELECT count(*), count(*) FILTER (WHERE state IN ('accepted', 'delivered', 'bounced')),
    count(*) FILTER (WHERE state = 'delivered'), count(*) FILTER (WHERE state = 'bounced'),
    count(*) FILTER (WHERE opened), count(*) FILTER (WHERE fetched AND NOT opened), count(*) FILTER (WHERE clicked),
    count(*) FILTER (WHERE complained)
FROM delivery_message message LEFT JOIN (
    SELECT message_id, bool_or(kind = 'open' AND human >= 50) AS opened,
        bool_or(kind = 'open' AND human < 50) AS fetched,
        bool_or(kind = 'click' AND human >= 50) AS clicked, bool_or(kind = 'complaint') AS complained
    FROM delivery_signal WHERE run_id = %s GROUP BY message_id
) told ON told.message_id = message.id
WHERE message.run_id = %s
"""
_REVENUE = """
SELECT coalesce(nullif(event.currency, ''), 'EUR') AS currency, sum(event.value)
FROM delivery_message message JOIN campaigns_event event ON event.customer_id = message.customer_id
WHERE message.run_id = %s AND message.state IN ('accepted', 'delivered') AND event.name = 'order'
    AND event.occurred_at > message.settled_at AND event.occurred_at <= message.settled_at + interval '7 days'
    AND message.id = (
        SELECT latest.id FROM delivery_message latest
        WHERE latest.customer_id = event.customer_id AND latest.state IN ('accepted', 'delivered')
            AND latest.settled_at < event.occurred_at
        ORDER BY latest.settled_at DESC, latest.id DESC LIMIT 1)
GROUP BY 1 ORDER BY 1
"""
