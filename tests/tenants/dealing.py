"""Retailers with much to do and a clock of their own: the agenda deals, and time is only counted."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tenants import agenda
from tenants.models import AgendaItem, Lane, Retailer, Worker


@dataclass(frozen=True)
class Turn:
    """What a retailer's turns take, how much it weighs, and how much it has to do."""

    weight: float
    seconds: float
    items: int


class Lanes:
    """Every worker that is free asks; who gets a turn is busy for as long as that retailer's turns take."""

    def __init__(self, fleet: Sequence[Retailer], turns: Sequence[Turn], *, workers: int) -> None:
        self.seconds: dict[int, float] = dict.fromkeys(range(len(turns)), 0.0)
        self.served = Counter[int]()  # turns that began
        self.most_at_once = Counter[int]()  # claims that a retailer held together
        self._turns, self._workers = turns, workers
        self._number = {retailer.pk: n for n, retailer in enumerate(fleet)}
        AgendaItem.objects.all().delete()
        Worker.objects.all().delete()
        Lane.objects.update(virtual_time=0, started=0, turn_seconds=None, ordinary=[], transactional=[], weight=1)
        for n in range(workers):
            agenda.sign_in(f"worker {n}")
        for retailer, turn in zip(fleet, turns, strict=False):
            Lane.objects.filter(retailer=retailer).update(weight=turn.weight)
            agenda.put_many(retailer, "batch", range(turn.items))

    def run(self, *, turns: int) -> None:
        now, order = 0.0, 0
        busy: list[tuple[float, int, agenda.Claim]] = []
        free = self._workers
        for _ in range(turns):
            while free and (claim := agenda.claim(seconds=600)):
                free, order = free - 1, order + 1
                turn = self._turns[self._number[claim.retailer_id]]
                self.served[self._number[claim.retailer_id]] += 1
                heapq.heappush(busy, (now + turn.seconds, order, claim))
                self._look(Counter(self._number[claim.retailer_id] for _, _, claim in busy))
            now, _, claim = heapq.heappop(busy)
            number = self._number[claim.retailer_id]
            self.seconds[number] += self._turns[number].seconds
            agenda.finish(claim, cost=self._turns[number].seconds)
            free += 1

    def _look(self, held: Counter[int]) -> None:
        self.most_at_once |= held
