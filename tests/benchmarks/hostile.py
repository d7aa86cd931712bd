"""What a campaign with hostile templates does to the messages of its siblings.

Two processes compose as workers do, without database: one the messages of a sibling campaign, the other those of
another campaign, whose templates are friendly in one round and hostile in the next: what the corpus of hostile ones
holds and the language lets pass, ended by the clock where it takes too long. Rounds take turns, so what else the
machine does weighs on both; the sibling's p99 of one message beside a hostile neighbour is set against its p99 beside
a friendly one, by the clock. Beside it stands the processor time of a whole round: kernels count that in steps of some
milliseconds, in which many messages go, so it says nothing of one. Last, the sibling's messages in the very process
that has just rendered hostile ones.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from statistics import median, quantiles
from typing import Any

from campaigns import language
from delivery import rendering
from delivery.batches import Entry
from delivery.compose import Composer
from tests.benchmarks import templates, usage, workload
from tests.delivery.hostile_templates import PAYLOADS, PERSON

AT_ONCE = 50  # messages handed to the composer, as workers do
ROUND = 2000  # messages of the sibling in a round


def run(options: Namespace) -> bool:
    """Print a table and, as the last line, the figures. False when the neighbour rendered nothing."""
    entries, ours = _people(), templates.composer(_source())
    _say(f"{options.rounds} rounds of {ROUND} messages each way, by turns; {len(list(_hostile()))} hostile templates")
    _say(usage.machine())
    _round(ours, entries)
    sides: dict[str, list[Round]] = {"friendly": [], "hostile": []}
    for _ in range(options.rounds):
        for side, found in sides.items():
            with neighbour(side):
                found.append(_round(ours, entries))
    within = _within(ours, entries, options.rounds)
    figures = _figures(sides, within)
    _say(f"{'sibling, p99 us':<32}{'baseline':>10}{'hostile':>10}{'ratio':>8}{'processor':>11}")
    for name, key in (("in a process of its own", "beside"), ("in the same process", "within")):
        told = [figures[f"{key}_{each}"] for each in ("baseline_p99_us", "p99_us", "ratio", "cpu_ratio")]
        _say(f"{name:<32}{told[0]:>10.1f}{told[1]:>10.1f}{told[2]:>8.3f}{told[3]:>11.3f}")
    _say(usage.machine())
    _say(json.dumps(figures))
    return True


@dataclass(frozen=True)
class Round:
    """Microseconds: the p99 of one message by the clock, and the processor time of all of them."""

    p99: float
    cpu: float


@contextmanager
def neighbour(side: str) -> Iterator[None]:
    """Another worker, at work on the messages of that side until the block ends."""
    forked = multiprocessing.get_context("fork")
    begun = forked.Event()
    worker = forked.Process(target=_work, args=(side, begun), daemon=True)
    worker.start()
    begun.wait(60)
    try:
        yield
    finally:
        worker.kill()
        worker.join()


def _work(side: str, begun: Any) -> None:
    """The neighbour: composes for as long as it is let."""
    turns = [(templates.composer(_source()), _people()[:AT_ONCE])] if side == "friendly" else list(_hostile())
    begun.set()
    for composer, people in cycle(turns):
        composer.compose(people)


def _within(ours: Composer, entries: Sequence[Entry], rounds: int) -> tuple[list[Round], list[Round]]:
    """The sibling's p99 without and behind a hostile message of each kind, in this process."""
    alone, behind = list[Round](), list[Round]()
    hostile = list(_hostile())[:40]
    for _ in range(rounds):
        alone.append(_round(ours, entries))
        for composer, people in hostile:
            composer.compose(people[:1])
        behind.append(_round(ours, entries))
    return alone, behind


def _round(composer: Composer, entries: Sequence[Entry]) -> Round:
    """A round of messages, one by one."""
    took, used = list[float](), time.process_time()
    for number in range(ROUND):
        begun = time.perf_counter()
        made, failures = composer.compose([entries[number % len(entries)]])
        took.append((time.perf_counter() - begun) * 1e6)
        if failures or not made:
            raise RuntimeError(failures[0].reason)
    return Round(quantiles(took, n=100)[98], (time.process_time() - used) * 1e6)


def _hostile() -> Iterator[tuple[Composer, list[Entry]]]:
    made = templates.composer(_source())
    known: dict[str, Any] = PERSON["customer"]
    person = [Entry(1, 0, "email", "a", 0, "", "ana@example.test", known)]
    for payload in (each for kind in PAYLOADS.values() for each in kind):
        html = f"<html><body><p>{payload}</p></body></html>"
        if not language.mistakes(html, is_html=True):
            voice = rendering.Renderer(rendering.Content("Hello", html, "Hello")), PERSON["content"]
            yield replace(made, voices={("a", ""): voice}), person


def _people() -> list[Entry]:
    source = workload.load()
    return [templates.entry(person, number) for number, person in enumerate(source.people(200, 1, source.seed), 1)]


def _source() -> workload.Source:
    return workload.in_our_language(workload.load().source)


def _figures(sides: dict[str, list[Round]], within: tuple[list[Round], list[Round]]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, (baseline, found) in (("beside", (sides["friendly"], sides["hostile"])), ("within", within)):
        pairs = list(zip(found, baseline, strict=True))
        figures |= {
            f"{name}_baseline_p99_us": round(median(each.p99 for each in baseline), 1),
            f"{name}_p99_us": round(median(each.p99 for each in found), 1),
            f"{name}_ratio": round(median(one.p99 / other.p99 for one, other in pairs), 3),
            f"{name}_cpu_ratio": round(median(one.cpu / other.cpu for one, other in pairs), 3),
        }
    return figures


def _say(line: str) -> None:
    print(line, flush=True)
