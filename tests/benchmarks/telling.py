"""What providers post, from the first post until the last is folded, while a worker folds beside the web server."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tenants.models import Retailer
from tests.benchmarks import hits, usage, webhooks
from tests.benchmarks.figures import NoFigures
from tests.benchmarks.installation import Process
from tests.benchmarks.storm import Answered, storm
from tests.benchmarks.webhooks import Posts

WEBHOOKS_PER_S, P99_MS = 5000, 200  # TARGETS
_NAIVE_SHARE = 10  # one of so many posts
_FOLDED_WITHIN = 180.0  # seconds
_SEED = 7


@dataclass(frozen=True)
class Told:
    answered: Answered
    events: int  # as often as they were told
    seconds: float  # until all were folded
    web_cpu: float  # seconds
    fold_cpu: float
    lost: int
    wrong: int
    refused: int
    naive: Answered
    naive_events: int

    def figures(self) -> dict[str, float]:
        return {
            "webhooks_per_s": round(self.events / self.seconds),
            "webhooks_p50_ms": round(self.answered.percentile_ms(0.5), 1),
            "webhooks_p99_ms": round(self.answered.percentile_ms(0.99), 1),
            "webhook_posts_per_s": round(self.answered.per_s),
            "webhook_events": self.events,
            "web_cpu_us_per_post": round(self.web_cpu / len(self.answered.statuses) * 1e6),
            "fold_cpu_us_per_event": round(self.fold_cpu / self.events * 1e6),
            "wrong": self.wrong,
            "naive_webhooks_per_s": round(self.naive_events / self.naive.seconds),
            "naive_webhooks_p99_ms": round(self.naive.percentile_ms(0.99), 1),
        }

    def lines(self) -> Iterator[str]:
        figures = self.figures()
        yield (
            f"{figures['webhooks_per_s']:,} events/s posted and folded: the bar is {WEBHOOKS_PER_S:,}; answered with "
            f"p99 {figures['webhooks_p99_ms']} ms: it is {P99_MS} ms; naively {figures['naive_webhooks_per_s']:,}, "
            f"{figures['naive_webhooks_p99_ms']} ms"
        )
        yield (
            f"CPU: {figures['web_cpu_us_per_post']} µs of the web server for a post, "
            f"{figures['fold_cpu_us_per_event']} µs of the worker for an event; "
            f"{self.lost} events lost, {self.wrong} states or counters wrong"
        )


def tell(options: Namespace, retailer: Retailer, messages: Sequence[int]) -> Told:
    """Raises NoFigures."""
    posts = webhooks.posts(retailer, webhooks.events(messages, seed=_SEED), seed=_SEED)
    naive = _naively(options, retailer, posts)
    webhooks.forget(retailer)
    with hits.serving(workers=options.workers, is_patient=options.patient) as server, _folding() as worker:
        print(f"{len(posts.requests):,} posts of {len(posts.events(range(len(posts.told)))):,} events ...", flush=True)
        before = [usage.cpu_seconds([process.pid]) for process in (server, worker)]
        begun = time.perf_counter()
        answered = storm(posts.requests, port=hits.PORT, callers=options.callers, seconds=options.seconds)
        _await_folded(retailer, worker)
        seconds = time.perf_counter() - begun
        after = [usage.cpu_seconds([process.pid]) for process in (server, worker)]
    kept = [number for number, status in answered.statuses.items() if status == hits.ACKNOWLEDGED[0]]
    events = posts.events(kept)
    if not events:
        raise NoFigures(f"No post was taken: {sorted(set(answered.statuses.values()))}.")
    lost, wrong = webhooks.wrong(retailer, events)
    return Told(
        answered,
        len(events),
        seconds,
        web_cpu=after[0] - before[0],
        fold_cpu=after[1] - before[1],
        lost=lost,
        wrong=wrong,
        refused=len(answered.statuses) - len(kept),
        naive=naive,
        naive_events=len(posts.events(naive.statuses)),
    )


def _naively(options: Namespace, retailer: Retailer, posts: Posts) -> Answered:
    webhooks.forget(retailer)
    some = posts.requests[: max(1, len(posts.requests) // _NAIVE_SHARE)]
    with hits.serving(workers=options.workers, is_naive=True):
        print("What providers post, naively ...", flush=True)
        answered = storm(some, port=hits.PORT, callers=options.callers, seconds=options.seconds)
    if set(answered.statuses.values()) != {200}:
        raise NoFigures(f"The naive way answers {sorted(set(answered.statuses.values()))}.")
    return answered


@contextmanager
def _folding() -> Iterator[Process]:
    """One worker, without a broker."""
    command = [sys.executable, "manage.py", "poll", "--every", "0.05", "--overdue-by", "0"]
    process = Process(command, env={}, name="worker")
    try:
        yield process
    finally:
        process.stop()


def _await_folded(retailer: Retailer, worker: Process) -> None:
    deadline = time.monotonic() + _FOLDED_WITHIN
    while webhooks.waiting(retailer):
        if worker.has_ended or time.monotonic() > deadline:
            raise NoFigures(f"The posts are not folded: {worker.last_words}")
        time.sleep(0.05)
