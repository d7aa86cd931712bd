"""Pure: what leases and publishes say about how long workers took to know."""

from __future__ import annotations

import math
import random
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from tests.benchmarks.witness import Lease, Sent
from tests.benchmarks.writers import Publish

CACHED_FOR = 60.0  # seconds, by the naive worker


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def to_next_batch(publishes: Sequence[Publish], begun: Sequence[Lease]) -> list[float]:
    """Seconds from each commit to the next batch of each worker that has begun one before and one after it."""
    times: dict[int, list[datetime]] = defaultdict(list)
    for lease in begun:
        times[lease.worker].append(lease.at)
    found = []
    for publish in publishes:
        for theirs in times.values():
            after = bisect_left(theirs, publish.committed)
            if 0 < after < len(theirs):
                found.append((theirs[after] - publish.committed).total_seconds())
    return found


def to_first_message(publishes: Sequence[Publish], sent: Sequence[Sent]) -> list[float]:
    """Seconds from each commit to the first answer to mail rendered from it, where the retailer's turn has come."""
    theirs: dict[str, list[Sent]] = defaultdict(list)
    for each in sorted(sent, key=lambda each: each.lease.at):
        theirs[each.lease.schema].append(each)
    found = []
    for publish in publishes:
        batches = theirs[publish.schema]
        after = bisect_left([each.lease.at for each in batches], publish.committed)
        if after < len(batches):
            found.append((batches[after].answered - publish.committed).total_seconds())
    return found


def begun_after(publishes: Sequence[Publish], sent: Sequence[Sent]) -> list[Sent]:
    """Batches begun after a publish of their retailer."""
    first = {publish.schema: publish.committed for publish in reversed(_in_order(publishes))}
    return [each for each in sent if each.lease.schema in first and each.lease.at > first[each.lease.schema]]


def stale(publishes: Sequence[Publish], sent: Sequence[Sent]) -> list[Sent]:
    """Batches begun after a commit in which anything was rendered from what had been live before it."""
    known: dict[tuple[str, str], list[Publish]] = defaultdict(list)
    for publish in _in_order(publishes):
        known[publish.schema, publish.kind].append(publish)

    def expected(each: Sent, kind: str) -> int:
        before = known[each.lease.schema, kind]
        upto = bisect_right([publish.committed for publish in before], each.lease.at)
        return max((publish.number for publish in before[:upto]), default=0)

    return [each for each in sent
            if each.campaign < expected(each, "campaign") or each.template < expected(each, "template")]  # fmt: skip


def with_a_cache(waits: Sequence[float], seed: int) -> list[float]:
    """The naive worker, computed: it loads configuration every CACHED_FOR seconds, begun at a time of its own, and
    uses it from its next batch on, for which it waits as ours does."""
    chance = random.Random(seed)
    return [chance.uniform(0, CACHED_FOR) + wait for wait in waits]


def last_after(answers: Sequence[datetime], stopped: datetime, lifted: datetime) -> float:
    """Seconds from a stop to the last answer written down before it was lifted; 0 where there was none."""
    before = bisect_left(answers, lifted)
    return max(0.0, (answers[before - 1] - stopped).total_seconds()) if before else 0.0


def _in_order(publishes: Sequence[Publish]) -> list[Publish]:
    return sorted(publishes, key=lambda each: each.committed)
