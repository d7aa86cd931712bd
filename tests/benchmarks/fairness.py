"""Whether a million of one retailer's messages delay another's hundred, and what seeing to that costs.

Quiet retailers launch a campaign each, one after the other, in turns alone, beside a retailer that has far more queued
than workers can send meanwhile, and beside one whose provider answers no call before it is given up. A wait lasts from
the launch to the last answer of the mail server, by the database's clock: audience, messages and all.

Throughput is measured against the plainest queue, oldest first, over the same messages (`throughput_vs_fifo`): both
disciplines work off the same queue, and the shorter time is over the longer (tests.benchmarks.draining says why). What
the mail server counted of everybody while the quiet ones launched is told beside it (`window_vs_fifo`): over that
stretch the plainest queue serves none of the quiet ones, so it compares full batches with small ones.
"""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from django.db import connection
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Campaign, Run
from delivery.messages import BATCH_SIZE
from delivery.models import Message
from tenants import agenda, bell, context
from tenants.models import AgendaItem, Lane, Retailer
from tests.benchmarks import crowds, draining, engine, usage
from tests.benchmarks.crowds import Crowd
from tests.benchmarks.draining import Queue
from tests.benchmarks.figures import NoFigures
from tests.benchmarks.sink import SinkProcess

EVERY = 0.25  # seconds between two launches
SETTLES_WITHIN = 60.0  # seconds after the last launch, where nothing is in the way
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
    drained: int = 0  # messages of the queue that both work off
    ours_s: list[float] = field(default_factory=list)
    fifo_s: list[float] = field(default_factory=list)


def run(options: Namespace) -> bool:
    """Print progress, a table and, as the last line, the figures. Raises NoFigures."""
    _say(usage.machine())
    _say(f"{options.quiet} quiet retailers of {options.each} beside one with {options.queued:,} queued ...")
    begun = time.monotonic()
    crowd = crowds.gathered(options)
    _say(f"  ready after {time.monotonic() - begun:.0f} s")
    results = Results()
    with SinkProcess() as sink, crowds.silence() as port:
        crowds.make_slow(crowd.slow, port)
        for number in range(1, options.repeat + 1):
            _say(f"Round {number} of {options.repeat}")
            for discipline in (_ours, _fifo) if number % 2 else (_fifo, _ours):
                crowds.fill_up(crowd, options.queued)
                discipline(options, crowd, sink, results)
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
        if not AgendaItem.objects.filter(retailer=crowd.loud, kind="batch").exists():
            raise NoFigures("The loud retailer had nothing left: raise --queued.")
        _clear()
        results.beside += waits
        results.ours_per_s.append(per_s)
        _say(f"  beside the loud one: p99 {_p99(waits):.2f} s, {per_s:,.0f} messages/s in all")
        results.ours_s.append(_drained(options, crowd, sink, results))
        _say(f"  the same queue: {results.ours_s[-1]:.1f} s")
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
        _settled(runs)
        _clear()
        results.fifo_s.append(_drained(options, crowd, sink, results))
        _say(f"  oldest first, the same queue: {results.fifo_s[-1]:.1f} s")


def _drained(options: Namespace, crowd: Crowd, sink: SinkProcess, results: Results) -> float:
    """Seconds for the same queue: so many of the loud one's, in full batches, and a campaign of each quiet one."""
    batches = crowds.waiting(crowd.loud)[: -(-options.drained // BATCH_SIZE)]
    with context.in_retailer(crowd.loud):
        found = Message.objects.filter(batch_id__in=batches, state=Message.State.QUEUED).count()
    if found < options.drained:
        raise NoFigures(f"The loud retailer had {found:,} messages left of {options.drained:,}: raise --queued.")
    results.drained = found + options.quiet * options.each
    queue = Queue(crowd.loud, batches, crowd.quiet, results.drained)
    seconds, runs = draining.drained(queue, sink, workers=options.workers)
    _settled(runs)
    _clear()
    return seconds


def _make_loud(crowd: Crowd, options: Namespace) -> None:
    """All that is not sent yet is due, and workers are at it."""
    agenda.put_missing(crowd.loud, "batch", crowds.waiting(crowd.loud))
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
        "throughput_vs_fifo": round(median(results.fifo_s) / median(results.ours_s), 3),
        "drained_messages": results.drained,
        "drained_s": round(median(results.ours_s), 2),
        "fifo_drained_s": round(median(results.fifo_s), 2),
        "messages_per_s": round(ours, 1),
        "fifo_messages_per_s": round(fifo, 1),
        "window_vs_fifo": round(ours / fifo, 3) if fifo else 0.0,
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
    ours, fifo = median(results.ours_s), median(results.fifo_s)
    lines.append(
        f"The same {results.drained:,} messages took {ours:.1f} s, and {fifo:.1f} s oldest first: "
        f"{fifo / ours:.2f} of its throughput. Each time, s: {_each(results.ours_s)}; {_each(results.fifo_s)}."
    )
    lines.append("(The rates above are of different work: oldest first sends nobody's small campaigns meanwhile.)")
    return "\n".join(lines)


def _each(seconds: Sequence[float]) -> str:
    return " ".join(f"{one:.1f}" for one in seconds)


def _say(words: str) -> None:
    print(words, flush=True)


_WAIT = """
SELECT extract(epoch FROM max(message.settled_at) - run.started_at)::float8
FROM campaigns_run run JOIN delivery_message message ON message.run_id = run.id
WHERE run.id = %s
GROUP BY run.id, run.started_at, run.generated
HAVING count(*) = count(message.settled_at) AND run.generated <> '{}'
"""
