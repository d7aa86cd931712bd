"""Whether a million of one retailer's messages delay another's hundred, and what seeing to that costs.

Quiet retailers launch a campaign each, one after the other, in turns alone, beside a retailer that has far more queued
than workers can send meanwhile, and beside one whose provider answers no call before it is given up. A wait lasts from
the launch to the last answer of the mail server, by the database's clock: audience, messages and all. Throughput is
what the mail server counts of everybody over the same stretch, with our queue and with the plainest: oldest first.

Over that stretch the plainest queue serves none of the quiet ones, and a hundred messages in a campaign of their own
cost more than a hundred of a full batch, whoever sends them when. So it is timed at those, too, once the loud one is
gone: what it would have taken for the very messages that ours sent is told beside the other (`same_work_vs_fifo`).
"""

from __future__ import annotations

import json
import socket
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from django.db import connection
from django.test import override_settings
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Campaign, Run
from delivery import pipeline
from delivery.models import Batch
from delivery.providers import accounts
from tenants import agenda, bell, context
from tenants.models import AgendaItem, Lane, Retailer
from tests.benchmarks import engine, fleet, usage, workload
from tests.benchmarks.figures import NoFigures
from tests.benchmarks.sink import SinkProcess

CUSTOMERS = 5000  # at least, of the loud retailer: ten full batches a run
RUNS = 50  # of the loud retailer, at most where it has many more queued: planning one takes a while
EVERY = 0.25  # seconds between two launches
SETTLES_WITHIN = 60.0  # seconds after the last launch, where nothing is in the way
SLOW = 18.0  # seconds: the longest that an account may be given for a call, which this provider lets pass each time
WARM = 1.0  # seconds that the loud one is served before anybody is counted
_SERVES = 10.0  # seconds within which workers serve, once started


@dataclass
class Results:
    """Waits in seconds, and messages a second, part by part."""

    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    slow: list[float] = field(default_factory=list)
    ours_per_s: list[float] = field(default_factory=list)
    fifo_per_s: list[float] = field(default_factory=list)
    same_work: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Crowd:
    """The quiet ones, and the loud one with the batches that it has waiting."""

    quiet: Sequence[Retailer]
    loud: Retailer
    batches: list[int]
    slow: Retailer
    slow_batches: list[int]


def run(options: Namespace) -> bool:
    """Print progress, a table and, as the last line, the figures. Raises NoFigures."""
    _say(usage.machine())
    _say(f"{options.quiet} quiet retailers of {options.each} beside one with {options.queued:,} queued ...")
    begun = time.monotonic()
    crowd = _gathered(options)
    _say(f"  ready after {time.monotonic() - begun:.0f} s")
    results = Results()
    with SinkProcess() as sink, _silence() as port:
        _make_slow(crowd.slow, port)
        for number in range(1, options.repeat + 1):
            _say(f"Round {number} of {options.repeat}")
            _ours(options, crowd, sink, results)
            _fifo(options, crowd, sink, results)
    _say(_table(results))
    _say(usage.machine())
    _say(json.dumps(_keys(results)))
    return True


def _ours(options: Namespace, crowd: Crowd, sink: SinkProcess, results: Results) -> None:
    with engine.running(email_url=sink.url, workers=options.workers, postgres=None, private=True):
        _await_service(crowd.quiet[0])
        waits, _ = _arrivals(crowd.quiet, sink)
        results.alone += waits
        _say(f"  alone: p99 {_p99(waits):.2f} s")
        _make_loud(crowd, options)
        waits, per_s = _arrivals(crowd.quiet, sink)
        if not AgendaItem.objects.filter(retailer=crowd.loud).exists():
            raise NoFigures("The loud retailer had nothing left: raise --queued.")
        _clear()
        results.beside += waits
        results.ours_per_s.append(per_s)
        _say(f"  beside the loud one: p99 {_p99(waits):.2f} s, {per_s:,.0f} messages/s in all")
        agenda.put_missing(crowd.slow, "batch", crowd.slow_batches)
        bell.ring(times=options.workers)
        waits, _ = _arrivals(crowd.quiet, sink)
        _clear()
        results.slow += waits
        _say(f"  beside the slow one: p99 {_p99(waits):.2f} s")


def _fifo(options: Namespace, crowd: Crowd, sink: SinkProcess, results: Results) -> None:
    app = "tests.benchmarks.fifo"
    with engine.running(email_url=sink.url, workers=options.workers, postgres=None, private=True, app=app):
        _await_service(crowd.quiet[0])
        _settled(_launched(crowd.quiet, sink, every=0.0)[0])  # ours knows everybody's templates by now, too
        _make_loud(crowd, options)
        runs, per_s = _launched(crowd.quiet, sink)
        results.fifo_per_s.append(per_s)
        served = sum(_wait_of(retailer, run) is not None for retailer, run in runs)
        _say(f"  oldest first: {per_s:,.0f} messages/s; {served} of {len(runs)} quiet ones were served")
        AgendaItem.objects.filter(retailer=crowd.loud).delete()
        begun = time.monotonic()
        _settled(runs)
        left = (time.monotonic() - begun) * len(runs) / max(1, len(runs) - served)
        _clear()
        results.same_work.append(_same_work(options, ours=results.ours_per_s[-1], fifo=per_s, quiet_s=left))
        _say(f"  the quiet ones alone take it {left:.1f} s; the same work as ours at {results.same_work[-1]:.2f}")


def _same_work(options: Namespace, *, ours: float, fifo: float, quiet_s: float) -> float:
    """What the plainest queue takes for the messages that ours sent over the stretch, as a share of the stretch."""
    stretch = options.quiet * EVERY
    loud = max(0.0, ours * stretch - options.quiet * options.each)
    return (loud / fifo + quiet_s) / stretch if fifo else 0.0


def _make_loud(crowd: Crowd, options: Namespace) -> None:
    """All that is not sent yet is due, and workers are at it."""
    with context.in_retailer(crowd.loud):
        done = set(Batch.objects.filter(state=Batch.State.DONE).values_list("pk", flat=True))
    agenda.put_missing(crowd.loud, "batch", [batch for batch in crowd.batches if batch not in done])
    bell.ring(times=options.workers)
    time.sleep(WARM)


def _arrivals(quiet: Sequence[Retailer], sink: SinkProcess) -> tuple[list[float], float]:
    """Everybody's wait, and how many messages a second were sent while they came."""
    runs, per_s = _launched(quiet, sink)
    return _settled(runs), per_s


def _settled(runs: Sequence[tuple[Retailer, Run]]) -> list[float]:
    """Everybody's wait, once all are served. Raises NoFigures."""
    waits, deadline = [], time.monotonic() + SETTLES_WITHIN
    for retailer, run in runs:
        while (wait := _wait_of(retailer, run)) is None:
            if time.monotonic() > deadline:
                raise NoFigures(f"{retailer.slug} was not served within {SETTLES_WITHIN:.0f} s.")
            time.sleep(0.05)
        waits.append(wait)
    return waits


def _launched(
    quiet: Sequence[Retailer], sink: SinkProcess, *, every: float = EVERY
) -> tuple[list[tuple[Retailer, Run]], float]:
    before, begun, runs = sink.count(), time.monotonic(), []
    for number, retailer in enumerate(quiet, 1):
        with context.in_retailer(retailer):
            campaign = Campaign.objects.get(key="everybody")
            runs.append((retailer, configuration.launch(campaign, by="benchmark", now=timezone.now())))
        bell.ring()
        time.sleep(max(0.0, begun + number * every - time.monotonic()))
    return runs, (sink.count() - before) / (time.monotonic() - begun)


def _wait_of(retailer: Retailer, run: Run) -> float | None:
    with context.in_retailer(retailer), connection.cursor() as cursor:
        cursor.execute(_WAIT, [run.pk])
        row = cursor.fetchone()
    return row[0] if row else None


def _gathered(options: Namespace) -> Crowd:
    source = workload.load()
    seed = options.seed or source.seed
    (first,) = engine.provision(1)
    engine.fill(first, source.source, iter(source.people(options.each, 1, seed)))
    quiet = [first, *(fleet.copy_of(first, f"{first.slug}-{n}") for n in range(2, options.quiet + 1))]
    loud, slow = (fleet.copy_of(first, f"{first.slug}-{name}") for name in ("loud", "slow"))
    people = min(max(CUSTOMERS, options.queued // RUNS), options.queued)
    engine.take_in(loud, iter(source.people(people, 1, seed)))
    engine.take_in(slow, iter(source.people(min(CUSTOMERS, people), 1, seed)))
    batches = _planned(loud, -(-options.queued // people))
    slow_batches = _planned(slow, 1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE public.tenants_agendaitem, public.tenants_lane, public.tenants_retailer")
    return Crowd(quiet, loud, batches, slow, slow_batches)


def _planned(retailer: Retailer, runs: int) -> list[int]:
    """Runs carried forward as far as their batches, of which nobody was told."""
    with context.in_retailer(retailer):
        campaign = Campaign.objects.get(key="everybody")
        for _ in range(runs):
            run = configuration.launch(campaign, by="benchmark", now=timezone.now())
            pipeline.advance(run, now=timezone.now())
    items = AgendaItem.objects.filter(retailer=retailer)
    batches = list(items.filter(kind="batch").order_by("object_id").values_list("object_id", flat=True))
    items.delete()
    return batches


@contextmanager
def _silence() -> Iterator[int]:
    """A port that takes calls and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        yield listener.getsockname()[1]


def _make_slow(retailer: Retailer, port: int) -> None:
    settings = {"host": "127.0.0.1", "port": port, "security": "none"}
    with context.in_retailer(retailer), override_settings(ALLOW_PRIVATE_ADDRESSES=True):
        accounts.save({"key": "slow", "channel": "email", "kind": "smtp", "settings": settings, "timeout": SLOW})


def _await_service(retailer: Retailer) -> None:
    """Workers have started once they have served somebody."""
    with context.in_retailer(retailer):
        run = configuration.launch(Campaign.objects.get(key="everybody"), by="benchmark", now=timezone.now())
    deadline = time.monotonic() + _SERVES + SETTLES_WITHIN
    while _wait_of(retailer, run) is None:
        if time.monotonic() > deadline:
            raise NoFigures("The workers serve nobody.")
        time.sleep(0.1)
    bell.ring()  # the first time, it connects to the broker


def _clear() -> None:
    """Nothing is due any more, and what is in hand is given time to end."""
    AgendaItem.objects.all().delete()
    time.sleep(2.0)
    AgendaItem.objects.all().delete()
    Lane.objects.update(ordinary=[], transactional=[])


def _p99(waits: Sequence[float]) -> float:
    return sorted(waits)[max(0, -(-99 * len(waits) // 100) - 1)]


def _keys(results: Results) -> dict[str, float]:
    ours, fifo = median(results.ours_per_s), median(results.fifo_per_s)
    return {
        "quiet_p99_s": round(_p99(results.beside), 3),
        "quiet_alone_p99_s": round(_p99(results.alone), 3),
        "quiet_beside_slow_p99_s": round(_p99(results.slow), 3),
        "quiet_p50_s": round(median(results.beside), 3),
        "quiet_alone_p50_s": round(median(results.alone), 3),
        "messages_per_s": round(ours, 1),
        "fifo_messages_per_s": round(fifo, 1),
        "throughput_vs_fifo": round(ours / fifo, 3) if fifo else 0.0,
        "same_work_vs_fifo": round(median(results.same_work), 3),
    }


def _table(results: Results) -> str:
    lines = [f"{'quiet ones':<26}{'p50 s':>8}{'p99 s':>8}{'messages/s of all':>20}"]
    rows: tuple[tuple[str, list[float], list[float]], ...] = (
        ("alone", results.alone, []),
        ("beside the loud one", results.beside, results.ours_per_s),
        ("beside the slow provider", results.slow, []),
    )
    for name, waits, rates in rows:
        rate = f"{median(rates):,.0f}" if rates else ""
        lines.append(f"{name:<26}{median(waits):>8.2f}{_p99(waits):>8.2f}{rate:>20}")
    lines.append(f"{'oldest first':<42}{median(results.fifo_per_s):>20,.0f}")
    return "\n".join(lines)


def _say(words: str) -> None:
    print(words, flush=True)


_WAIT = """
SELECT extract(epoch FROM max(message.settled_at) - run.started_at)::float8
FROM campaigns_run run JOIN delivery_message message ON message.run_id = run.id
WHERE run.id = %s
GROUP BY run.id, run.started_at, run.generated
HAVING count(*) = count(message.settled_at) AND run.generated <> '{}'
"""
