"""How soon workers know: of what marketers publish, and of the emergency stop; with the broker, and without it.

Writers publish into runs under way, copy and templates, while workers are busy with full batches of all retailers.
What is timed, for each publish and each worker: from the commit to the first batch that this worker begins then.
From there on it renders what was published; the ledger proves it, for `stale_batches` counts batches begun after a
commit with anything in them that was rendered from an older version or template. Postgres itself notes who began
which batch when (tests.benchmarks.witness); what the product says of itself on the fleet page stands beside it.

The stop is timed from its commit to the last answer of a hand-over and to the last mail at the mail server,
whichever is later. Degraded means: the broker killed, Celery gone, and two `manage.py poll` carrying on.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from celery import current_app

from tenants import changes
from tenants.changes import Propagation
from tenants.models import Retailer
from tests.benchmarks import delays, engine, fleet, installation, stopping, usage, witness, writers
from tests.benchmarks.installation import Process
from tests.benchmarks.sink import SinkProcess
from tests.benchmarks.stopping import Stopped
from tests.benchmarks.writers import Publish

PER_S = 10.0  # publishes in all; half as many, for half as long, while degraded
POLLS = 2
BARS = {"p99_s": 2.0, "stop_p99_s": 5.0, "p99_s_degraded": 15.0}
_RATE = 6500  # messages/s: so much is queued that workers stay busy
_A_STOP = 3.0  # seconds
_STARTS_WITHIN = 60.0
_SEEN = 0.95  # of all pairs of publish and worker: a worker may be replaced


@dataclass
class Results:
    """What was measured. Waits are seconds from a commit to a worker's next batch."""

    published: list[Publish] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    waits_degraded: list[float] = field(default_factory=list)
    first_messages: list[float] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    on_again: list[float] = field(default_factory=list)
    told: Propagation | None = None
    messages_per_s: float = 0.0
    stale: int = 0
    judged: int = 0
    complaints: list[str] = field(default_factory=list)


def run(options: Namespace) -> bool:
    """Print progress, a table and, as the last line, the figures. False when a check has failed.

    Raises NoFigures.
    """
    _say(f"{options.retailers} retailers, {options.writers} writers, {options.workers} workers")
    _say(usage.machine())
    seconds = options.seconds * 1.5 + options.stops * _A_STOP + 10
    _say(f"Provisioning, taking customers in and launching: work for {seconds:.0f} s ...")
    standing = fleet.ready(options.retailers, messages=int(seconds * _RATE), seed=options.seed)
    _say(f"  {standing.seconds:.0f} s; provisioning one took {standing.provision_s:.2f} s, the others are its copies")
    try:
        results = _measured(options, standing.retailers)
    finally:
        if not installation.is_ours_alone():
            witness.leave()
            engine.remove(standing.retailers)
    for line in _table(results, options):
        _say(line)
    _say(usage.machine())
    figures = _keys(results, options)
    for key, bar in BARS.items():
        _say(f"{key} is {figures[key]:.2f}: {'OVER' if figures[key] > bar else 'within'} the bar of {bar:.0f} s")
    for complaint in results.complaints:
        _say(f"WRONG: {complaint}")
    _say(json.dumps(figures))
    return not results.complaints


def _measured(options: Namespace, retailers: Sequence[Retailer]) -> Results:
    results, begun = Results(), witness.clock()
    with ExitStack() as stack:
        sink = stack.enter_context(SinkProcess())
        with engine.running(email_url=sink.url, workers=options.workers, postgres=None):
            _say("Starting workers ...")
            witness.await_workers(options.workers, since=begun, seconds=_STARTS_WITHIN)
            _say(f"Publishing for {options.seconds:.0f} s ...")
            before, publishing = sink.count(), time.monotonic()
            results.waits = _publishing(options, retailers, results, workers=options.workers, since=begun, share=1.0)
            results.messages_per_s = (sink.count() - before) / (time.monotonic() - publishing)
            results.told = changes.propagation()
            _check_busy(retailers, results, "while writers published")
            _say(f"Stopping the platform {options.stops} times ...")
            stopped = [stopping.stop(sink) for _ in range(options.stops)]
            _say("Killing the broker; polls carry on ...")
            _kill_broker()
            for number in range(POLLS):
                stack.enter_context(_poll(number, sink))
        since = witness.clock()
        witness.await_workers(POLLS, since=since, seconds=_STARTS_WITHIN)
        results.waits_degraded = _publishing(options, retailers, results, workers=POLLS, since=since, share=0.5)
        _check_busy(retailers, results, "without a broker")
    _say("Reading the ledger ...")
    _judge(results, retailers, begun, stopped)
    return results


def _publishing(
    options: Namespace, retailers: Sequence[Retailer], results: Results, *, workers: int, since: datetime, share: float
) -> list[float]:
    """Publish, and wait until every worker has begun another batch. Returns seconds from commits to next batches.

    `since`: from when on batches are those of the workers in question.
    """
    published = writers.publish(
        retailers,
        writers=options.writers,
        per_s=PER_S * share,
        seconds=options.seconds * share,
        seed=options.seed + len(results.published),
    )
    witness.await_workers(workers, since=published[-1].committed, seconds=_STARTS_WITHIN)
    waits = delays.to_next_batch(published, witness.leases(since, witness.clock()))
    if len(waits) < len(published) * workers * _SEEN:
        results.complaints.append(f"Only {len(waits)} of {len(published) * workers} waits were seen.")
    results.published += published
    return waits


def _judge(results: Results, retailers: Sequence[Retailer], begun: datetime, stopped: Sequence[Stopped]) -> None:
    """Hold the ledger against what was published and stopped."""
    sent = witness.sent(retailers, witness.leases(begun, witness.clock()))
    judged = delays.begun_after(results.published, sent)
    stale = delays.stale(results.published, judged)
    results.judged, results.stale = len(judged), len(stale)
    results.first_messages = delays.to_first_message(results.published, sent)
    answers = witness.answers(retailers, begun)
    results.stops = [max(each.last_mail_s, delays.last_after(answers, each.at, each.lifted)) for each in stopped]
    results.on_again = [each.on_again_s for each in stopped]
    results.complaints += [each.complaint for each in stopped if each.complaint]
    if stale:
        results.complaints.append(f"{len(stale)} batches were begun with what was out of date, such as {stale[0]}")
    if not judged:
        results.complaints.append("No batch was begun after a publish of its retailer: nothing is proved.")
    if not results.told or not results.told.sightings:
        results.complaints.append("The fleet page would show nothing.")


def _check_busy(retailers: Sequence[Retailer], results: Results, when: str) -> None:
    if not fleet.is_there_more(retailers):
        results.complaints.append(f"Workers ran out of work {when}: waits are not those of busy ones.")


def _kill_broker() -> None:
    """Where it is the benchmark's own; somebody's own has only lost the last who listened to it."""
    if os.environ["CELERY_BROKER_URL"].startswith("redis+socket:"):
        with current_app.connection_for_read() as link:
            os.kill(link.default_channel.client.info()["process_id"], signal.SIGKILL)


@contextmanager
def _poll(number: int, sink: SinkProcess) -> Iterator[Process]:
    process = Process(
        [sys.executable, "manage.py", "poll"], env={"EMAIL_URL": sink.url}, name=f"poll-{number}"
    )  # fmt: skip
    try:
        yield process
    finally:
        process.stop()


def _keys(results: Results, options: Namespace) -> dict[str, float]:
    told = results.told
    return {
        "p50_s": _of(results.waits, 0.5),
        "p99_s": _of(results.waits, 0.99),
        "stop_p99_s": _of(results.stops, 0.99),
        "p99_s_degraded": _of(results.waits_degraded, 0.99),
        "first_render_p50_s": _of(results.first_messages, 0.5),
        "first_render_p99_s": _of(results.first_messages, 0.99),
        "naive_p50_s": _of(delays.with_a_cache(results.waits, options.seed), 0.5),
        "naive_p99_s": _of(delays.with_a_cache(results.waits, options.seed), 0.99),
        "resume_max_s": _of(results.on_again, 1.0),
        "retailers": options.retailers,
        "writers": options.writers,
        "workers": options.workers,
        "messages_per_s": round(results.messages_per_s, 1),
        "publishes": len(results.published),
        "sightings": told.sightings if told else 0,
        "sightings_p99_s": round(told.p99 or 0.0, 3) if told else 0.0,
        "judged_batches": results.judged,
        "stale_batches": results.stale,
    }


def _table(results: Results, options: Namespace) -> Iterator[str]:
    rows = {
        "a worker's next batch": results.waits,
        "without a broker": results.waits_degraded,
        "cached for a minute*": delays.with_a_cache(results.waits, options.seed),
        "its first message": results.first_messages,
        "emergency stop": results.stops,
        "on again after it": results.on_again,
    }
    yield f"{'seconds from commit to':<24}{'measured':>9}{'p50':>8}{'p99':>8}{'most':>8}"
    for name, values in rows.items():
        figures = "".join(f"{_of(values, share):>8.2f}" for share in (0.5, 0.99, 1.0))
        yield f"{name:<24}{len(values):>9}{figures}"
    yield f"{len(results.published)} publishes; meanwhile {results.messages_per_s:,.0f} messages/s"
    yield "* the naive way, computed from our waits: workers that load configuration once a minute."
    yield f"{results.judged} batches begun after a publish of their retailer, {results.stale} of them out of date"
    if results.told:
        yield f"the fleet page says: {results.told.sightings} sightings, p99 {results.told.p99 or 0:.2f} s"


def _of(values: Sequence[float], share: float) -> float:
    return round(delays.percentile(values, share), 3)


def _say(words: str) -> None:
    print(words, flush=True)
