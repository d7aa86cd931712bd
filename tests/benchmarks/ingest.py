"""What comes back, as fast as it comes: opens and clicks by a web server, in storms that it may not survive, and what
providers post, until it is folded.

The naive way (a view behind the whole stack, a row saved by the ORM for each hit or event) stands beside, for hits
before and after.
"""

from __future__ import annotations

import json
import os
import signal
import time
from argparse import Namespace
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from tenants import provisioning
from tenants.models import Retailer
from tests.benchmarks import engine, hits, telling, usage
from tests.benchmarks.figures import NoFigures
from tests.benchmarks.storm import Answered, storm

HITS_PER_S, P99_MS = 2000, 200  # TARGETS
_NAIVE_SHARE = 0.3  # of the time
_WARM = 0.1  # of the requests, before what counts


class _Ours(NamedTuple):
    """`cpu` is in seconds, by who used it."""

    answered: Answered
    cpu: dict[str, float]
    lost: int
    refused: int


def run(options: Namespace) -> bool:
    """Print progress, a table and, as the last line, the figures. False when something was lost or refused.

    Raises NoFigures.
    """
    _say(f"{options.messages} messages, {options.callers} callers, {options.workers} web processes of 8 threads")
    _say(usage.machine())
    retailer = provisioning.provision("hits", name="Hits").retailer
    messages = hits.send(retailer, options.messages)
    asked = hits.requests(retailer, messages)
    naive = [_naively(options, asked, retailer)]
    ours = _ours(options, retailer, messages, asked)
    naive.append(_naively(options, asked, retailer))
    killed, lost_killed = _killed(options, retailer, messages, asked)
    told = telling.tell(options, retailer, messages)
    _say(usage.machine())
    figures = {
        "hits_per_s": round(ours.answered.per_s),
        "p50_ms": round(ours.answered.percentile_ms(0.5), 1),
        "p99_ms": round(ours.answered.percentile_ms(0.99), 1),
        "lost": ours.lost + lost_killed + told.lost,
        "refused": ours.refused + told.refused,
        **{f"{name}_cpu_us_per_hit": value for name, value in _cpu(ours).items()},
        "acknowledged_before_kill": len(killed.statuses),
        "naive_hits_per_s": round(median(each.per_s for each in naive)),
        "naive_p99_ms": round(median(each.percentile_ms(0.99) for each in naive), 1),
    }
    figures["ratio_naive"] = round(figures["hits_per_s"] / max(1, figures["naive_hits_per_s"]), 2)
    _say(f"{'':24}{'hits/s':>10}{'p50 ms':>10}{'p99 ms':>10}")
    for name, each in (("naive", naive[0]), ("ours", ours.answered), ("naive again", naive[1])):
        row = f"{each.per_s:>10,.0f}{each.percentile_ms(0.5):>10.1f}{each.percentile_ms(0.99):>10.1f}"
        _say(f"{name:24}{row}")
    _say(f"kill -9 after {len(killed.statuses):,} answers: {lost_killed} of them lost")
    _say(f"{figures['hits_per_s']:,} hits/s: the bar is {HITS_PER_S:,}; p99 {figures['p99_ms']} ms: it is {P99_MS} ms")
    _say("CPU of a hit: " + ", ".join(f"{name} {value} µs" for name, value in _cpu(ours).items()))
    figures |= told.figures()
    for line in told.lines():
        _say(line)
    _say(json.dumps(figures))
    return not (figures["lost"] or figures["refused"] or figures["wrong"])


def _ours(options: Namespace, retailer: Retailer, messages: Sequence[int], asked: Sequence[bytes]) -> _Ours:
    hits.forget(retailer)
    postgres = engine.postgres_pid()
    with hits.serving(workers=options.workers, is_patient=options.patient) as server:
        _warm(options, asked)
        hits.forget(retailer)
        _say("A storm of opens and clicks ...")
        who = {"web": server.pid, **({"postgres": postgres} if postgres else {})}
        before = {name: usage.cpu_seconds([pid]) for name, pid in who.items()}
        answered = storm(asked, port=hits.PORT, callers=options.callers, seconds=options.seconds)
        cpu = {name: usage.cpu_seconds([pid]) - before[name] for name, pid in who.items()}
    refused = sum(status not in hits.ACKNOWLEDGED for status in answered.statuses.values())
    return _Ours(answered, cpu | {"client": answered.cpu}, hits.lost(retailer, messages, answered), refused)


def _cpu(ours: _Ours) -> dict[str, int]:
    """Microseconds of a hit."""
    number = max(1, len(ours.answered.statuses))
    return {name: round(seconds / number * 1e6) for name, seconds in ours.cpu.items()}


def _naively(options: Namespace, asked: Sequence[bytes], retailer: Retailer) -> Answered:
    hits.forget(retailer)
    with hits.serving(workers=options.workers, is_naive=True):
        opens = asked[::2]
        _warm(options, opens)
        _say("The same, naively ...")
        answered = storm(
            opens, port=hits.PORT, callers=options.callers, seconds=max(1.0, options.seconds * _NAIVE_SHARE)
        )
    if set(answered.statuses.values()) != {200}:
        raise NoFigures(f"The naive way answers {sorted(set(answered.statuses.values()))}.")
    return answered


def _killed(
    options: Namespace, retailer: Retailer, messages: Sequence[int], asked: Sequence[bytes]
) -> tuple[Answered, int]:
    """In the middle of a storm the server and all its processes die at once."""
    hits.forget(retailer)
    at = max(0.5, options.seconds * _NAIVE_SHARE)
    with hits.serving(workers=options.workers, is_patient=options.patient) as server:
        _say("A storm, and kill -9 in the middle of it ...")
        dead: list[float] = []

        def meanwhile(so_far: Answered) -> None:
            if so_far.seconds >= at and not dead:
                os.killpg(os.getpgid(server.pid), signal.SIGKILL)
                dead.append(so_far.seconds)

        answered = storm(asked, port=hits.PORT, callers=options.callers, seconds=at + 1, meanwhile=meanwhile)
        if not dead or not answered.broken:
            raise NoFigures("The storm was over before the server died: give it more messages.")
    time.sleep(0.5)  # a statement that was under way may end
    return answered, hits.lost(retailer, messages, answered)


def _warm(options: Namespace, asked: Sequence[bytes]) -> None:
    some = asked[: max(200, int(len(asked) * _WARM))]
    storm(some, port=hits.PORT, callers=options.callers, seconds=max(1.0, options.seconds * _WARM))


def _say(words: str) -> None:
    print(words, flush=True)
