"""What a campaign with hostile templates does to the messages of its siblings.

Two workers compose, without database: one the messages of a sibling campaign, the other, on the machine's other core,
those of another campaign, whose templates are friendly in one round and hostile in the next. Hostile are the known
attacks and 5,000 made by chance (tests.delivery.hostile_templates), as far as the language lets them be published at
all; each is composed as often as the round lasts, by one worker without a pause. That is more than production lets
them do: there a run pauses once a quarter of a hundred messages could not be made, and here nobody stops it.

Rounds take turns, in either order, so what else the machine does weighs on both. The sibling's p99 of one message, by
the clock, beside a hostile neighbour is set against its p99 beside a friendly one, and so is the p99 of the processor
time that one message took (of its thread: exact to the nanosecond), which says what a neighbour does through what the
cores share, whoever else wants the processor. Last, all in one process: the sibling's messages by slices, behind a few
hostile ones of another kind each time, against slices behind as many friendly ones.

What the hostile messages came to stands below: how many were made and refused, how long the slowest took, and what
memory the neighbour took beyond what it began with. Limits exceeded are a failure.
"""

from __future__ import annotations

import ctypes
import gc
import json
import multiprocessing
import resource
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, cycle, islice
from multiprocessing.sharedctypes import RawValue
from statistics import median, quantiles
from typing import Any

from campaigns import language
from campaigns.confinement import MEMORY
from delivery import rendering
from delivery.batches import Entry
from delivery.compose import Composer
from tests.benchmarks import templates, usage, workload
from tests.delivery.hostile_templates import PAYLOADS, PERSON, random_template

AT_ONCE = 50  # messages handed to the composer, as workers do
ROUND = 10_000  # messages of the sibling in a round
SLICES = 100  # of a round in one process
BEHIND = 12  # messages of another campaign before each slice
SECONDS = 2.0  # of processor time that a message may take
Turns = list[tuple[Composer, list[Entry]]]


class Told(ctypes.Structure):
    """What a neighbour says of itself, in memory that it shares: messages, seconds of processor time, bytes."""

    made: int
    refused: int
    slowest: float
    memory: float
    _fields_ = (
        ("made", ctypes.c_long),
        ("refused", ctypes.c_long),
        ("slowest", ctypes.c_double),
        ("memory", ctypes.c_double),
    )


@dataclass(frozen=True)
class Round:
    """Microseconds: the p99 of one message by the clock, and of the processor time that one took."""

    p99: float
    cpu: float


@dataclass
class Neighbours:
    """What all hostile ones came to."""

    made: int = 0
    refused: int = 0
    slowest: float = 0.0
    memory: float = 0.0

    def add(self, told: Told) -> None:
        self.made += told.made
        self.refused += told.refused
        self.slowest = max(self.slowest, told.slowest)
        self.memory = max(self.memory, told.memory)


def run(options: Namespace) -> bool:
    """Print a table and, as the last line, the figures. False when a limit was exceeded, or nothing was composed."""
    ours, entries = templates.composer(_source()), _people()
    turns = {"friendly": [(templates.composer(_source()), _people()[:AT_ONCE])], "hostile": list(_hostile(options))}
    _say(f"{options.rounds} rounds of {ROUND:,} messages each way, by turns")
    _say(f"of {_known()} attacks and {options.fuzzed:,} made by chance, {len(turns['hostile'])} can be published")
    _say(usage.machine())
    _collect_as_workers_do()
    _round(ours, entries)
    sides: dict[str, list[Round]] = {side: [] for side in turns}
    hostile = Neighbours()
    for number in range(options.rounds):
        for side in sorted(turns, reverse=bool(number % 2)):
            with neighbour(turns[side]) as told:
                sides[side].append(_round(ours, entries))
            if side == "hostile":
                hostile.add(told)
    pairs = {
        "beside": list(zip(sides["hostile"], sides["friendly"], strict=True)),
        "within": [_within(ours, entries, turns) for _ in range(options.rounds)],
    }
    figures = _figures(pairs, hostile)
    _show(figures, pairs, hostile)
    _say(usage.machine())
    wrong = [*_wrong(hostile)]
    for words in wrong:
        _say(f"WRONG: {words}")
    _say(json.dumps(figures))
    return not wrong


def _wrong(hostile: Neighbours) -> Iterator[str]:
    if not hostile.made or not hostile.refused:
        yield "the neighbour composed nothing, or refused nothing: nothing is proved"
    if hostile.slowest > SECONDS:
        yield f"a message took {hostile.slowest:.1f} s of processor time"
    if hostile.memory > MEMORY:
        yield f"the neighbour took {hostile.memory / 2**20:.0f} MB"


@contextmanager
def neighbour(turns: Turns) -> Iterator[Told]:
    """Another worker, at work on those until the block ends."""
    forked = multiprocessing.get_context("fork")
    begun, told = forked.Event(), RawValue(Told)
    worker = forked.Process(target=_work, args=(turns, begun, told), daemon=True)
    worker.start()
    begun.wait(60)
    try:
        yield told
    finally:
        worker.kill()
        worker.join()


def _work(turns: Turns, begun: Any, told: Told) -> None:
    """The neighbour: composes for as long as it is let."""
    _collect_as_workers_do()
    before = _peak()
    begun.set()
    for composer, people in cycle(turns):
        used = time.thread_time()
        made, failures = composer.compose(people)
        told.slowest = max(told.slowest, (time.thread_time() - used) / len(people))
        told.made += len(made)
        told.refused += len(failures)
        told.memory = _peak() - before


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def _collect_as_workers_do() -> None:
    """As marketing.celery has it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _within(ours: Composer, entries: Sequence[Entry], turns: dict[str, Turns]) -> tuple[Round, Round]:
    """The sibling's round behind hostile messages, and behind friendly ones, slice by slice in this process."""
    others = {side: cycle((composer, people[:1]) for composer, people in each) for side, each in turns.items()}
    found = {side: _Times([], []) for side in turns}
    for number in range(SLICES):
        for side in sorted(turns, reverse=bool(number % 2)):
            for composer, people in islice(others[side], BEHIND):
                composer.compose(people)
            found[side].take(ours, entries, ROUND // SLICES)
    return found["hostile"].round(), found["friendly"].round()


def _round(composer: Composer, entries: Sequence[Entry]) -> Round:
    """A round of messages, one by one."""
    times = _Times([], [])
    times.take(composer, entries, ROUND)
    return times.round()


@dataclass
class _Times:
    """Microseconds of each message: by the clock, and of the processor."""

    took: list[float]
    used: list[float]

    def take(self, composer: Composer, entries: Sequence[Entry], messages: int) -> None:
        for number in range(messages):
            entry = entries[number % len(entries)]
            begun, worked = time.perf_counter_ns(), time.thread_time_ns()
            made, failures = composer.compose([entry])
            self.used.append((time.thread_time_ns() - worked) / 1e3)
            self.took.append((time.perf_counter_ns() - begun) / 1e3)
            if failures or not made:
                raise RuntimeError(failures[0].reason)

    def round(self) -> Round:
        return Round(quantiles(self.took, n=100)[98], quantiles(self.used, n=100)[98])


def _hostile(options: Namespace) -> Iterator[tuple[Composer, list[Entry]]]:
    """Those that the language lets pass."""
    made = templates.composer(_source())
    known: dict[str, Any] = PERSON["customer"]
    person = [Entry(1, 0, "email", "a", 0, "", "ana@example.test", known)]
    known_ones = chain.from_iterable(PAYLOADS.values())
    for source in chain(known_ones, (random_template(seed) for seed in range(options.fuzzed))):
        html = f"<html><body><p>{source}</p></body></html>"
        if not language.mistakes(html, is_html=True):
            voice = rendering.Renderer(rendering.Content("Hello", html, "Hello")), PERSON["content"]
            yield replace(made, voices={("a", ""): voice}), person


def _known() -> int:
    return sum(map(len, PAYLOADS.values()))


def _people() -> list[Entry]:
    source = workload.load()
    return [templates.entry(person, number) for number, person in enumerate(source.people(200, 1, source.seed), 1)]


def _source() -> workload.Source:
    return workload.in_our_language(workload.load().source)


def _figures(pairs: dict[str, list[tuple[Round, Round]]], hostile: Neighbours) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, found in pairs.items():
        figures |= {
            f"{name}_baseline_p99_us": round(median(other.p99 for _, other in found), 1),
            f"{name}_p99_us": round(median(one.p99 for one, _ in found), 1),
            f"{name}_ratio": round(median(one.p99 / other.p99 for one, other in found), 3),
            f"{name}_cpu_ratio": round(median(one.cpu / other.cpu for one, other in found), 3),
        }
    return figures | {
        "hostile_made": hostile.made,
        "hostile_refused": hostile.refused,
        "hostile_slowest_ms": round(hostile.slowest * 1000, 1),
        "hostile_memory_mb": round(hostile.memory / 2**20, 1),
    }


def _show(figures: dict[str, float], pairs: dict[str, list[tuple[Round, Round]]], hostile: Neighbours) -> None:
    _say(f"{'sibling, p99 us':<26}{'baseline':>10}{'hostile':>10}{'ratio':>8}{'processor':>11}   ratios of the rounds")
    for name, key in (("in a process of its own", "beside"), ("in the same process", "within")):
        told = [figures[f"{key}_{each}"] for each in ("baseline_p99_us", "p99_us", "ratio", "cpu_ratio")]
        ratios = sorted(one.p99 / other.p99 for one, other in pairs[key])
        spread = " ".join(f"{each:.2f}" for each in ratios)
        _say(f"{name:<26}{told[0]:>10.1f}{told[1]:>10.1f}{told[2]:>8.3f}{told[3]:>11.3f}   {spread}")
    _say(
        f"The hostile neighbour made {hostile.made:,} messages and refused {hostile.refused:,}; the slowest took "
        f"{hostile.slowest * 1000:.0f} ms of processor time; it took {hostile.memory / 2**20:.0f} MB at most."
    )


def _say(line: str) -> None:
    print(line, flush=True)
