"""A trial: retailers that send while everything around them breaks, and what the providers' ledgers say in the end."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from django.conf import settings
from django.db import connections

from campaigns.models import Run
from delivery import reports
from delivery.batches import UNKNOWN
from delivery.models import Batch
from tenants import context, provisioning
from tenants.models import AgendaItem
from tests.faults import judge, mishaps, takeovers
from tests.faults.houses import SUPPRESSED, House
from tests.faults.judge import Findings
from tests.faults.machines import EAGER_POLL, LEASE, Broker, Database, Fleet, Machine
from tests.faults.truth import Account, Truth


class Stuck(RuntimeError):
    """Something that must happen did not; the message says what, and the last words of the workers follow."""


@dataclass(frozen=True)
class Plan:
    """How much of what. `people` of each retailer but the smaller ones; `seconds` without which nothing may take."""

    seed: int
    people: int = 1200
    kills: int = 40
    postgres: int = 2
    pauses: int = 100
    freezes: int = 1
    broker_s: float = 6.0
    seconds: float = 120.0

    def houses(self) -> list[House]:
        return [
            House("relay", "smtp", self.people, by_clock=True),
            House("keyed", "keyed", self.people, by_clock=True),
            House("plain", "plain", self.people // 2),
            House("paused", "smtp", self.people // 2),
            House("doomed", "smtp", self.people // 2),
        ]


@dataclass
class Told:
    """What a trial came to. `recoveries` has the seconds of each recovery by fault."""

    findings: dict[str, Findings] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    recoveries: dict[str, list[float]] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    keyed: set[str] = field(default_factory=set)
    seconds: float = 0.0

    def recovered(self, fault: str, seconds: float) -> None:
        self.recoveries.setdefault(fault, []).append(seconds)


class Trial:
    """The stage for faults: what they act on, and how they wait."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self.plan, self.say = plan, say
        self.houses = {house.name: house for house in plan.houses()}
        self.told = Told(keyed={house.name for house in self.houses.values() if house.is_keyed})
        self.database, self.broker = Database(), Broker()
        self.over = threading.Event()  # no new faults from then on
        self.begun: set[str] = set()
        self.suppressed: dict[str, float] = {}  # address -> since when
        self.truth: Truth
        self.fleet: Fleet

    def draw(self, name: str) -> random.Random:
        """Chance of its own for each fault, so that one says nothing to another."""
        return random.Random(f"{self.plan.seed}/{name}")

    @contextmanager
    def at(self, name: str = "") -> Iterator[House | None]:
        """Use the database, for a house if one is named, while nobody kills it. Connections do not outlive it."""
        with self.database.in_use:
            try:
                if not name:
                    yield None
                    return
                house = self.houses[name]
                with context.in_retailer(house.retailer):
                    yield house
            finally:
                connections.close_all()

    def await_(self, what: str, holds: Callable[[], bool]) -> None:
        """Raises Stuck when it does not come true."""
        if not self.comes_true(holds, seconds=self.plan.seconds):
            words = f"{what}: not within {self.plan.seconds:.0f} s."
            raise Stuck(f"{words}\n{self._standing()}\n{self.fleet.last_words()}")

    def comes_true(self, holds: Callable[[], bool], *, seconds: float) -> bool:
        """Whether it holds within so many seconds: then at once."""
        deadline, pause = time.monotonic() + seconds, threading.Event()
        while not (is_so := holds()) and time.monotonic() < deadline:
            pause.wait(0.05)
        return is_so

    def _standing(self) -> str:
        """How far each run is, for whoever looks for what held it up."""
        with self.at():
            items = list(AgendaItem.objects.values_list("retailer__slug", "kind", "due_at", "claimed_until", "error"))
        lines = [f"{self.truth.counts()} of {dict(self.told.times)}", *(f"{item}" for item in items[:20])]
        for name in self.houses:
            with self.at(name) as house:
                assert house
                run = Run.objects.first()
                if run is None:
                    lines.append(f"{name}: no run yet")
                    continue
                batches = list(Batch.objects.exclude(state="done").values_list("pk", "state", "error", "lease_until"))
                lines.append(f"{name}: {run.state} {run.reason} {reports.report(run).states} {batches[:5]}")
        return "\n".join(lines)

    @property
    def kills(self) -> int:
        return sum(number for fault, number in self.told.times.items() if fault.startswith("kill -9"))

    def run(self) -> Told:
        """Raises Stuck."""
        begun = time.monotonic()
        with ExitStack() as stack:
            accounts = {name: house.protocol for name, house in self.houses.items()}
            self.truth = stack.enter_context(Truth(accounts, seed=self.plan.seed))
            stack.callback(self.broker.stop)
            self._furnish()
            self._lose_one_of_the_usual_lease()
            self.fleet = stack.enter_context(Fleet())
            threads = mishaps.begin(self)
            try:
                mishaps.one_after_another(self)
            finally:
                self.over.set()
                for thread in threads:
                    thread.join()
            self._drain()
            self.told.accounts = self.truth.ledger()
            self._judge()
        self.told.seconds = time.monotonic() - begun
        return self.told

    def _furnish(self) -> None:
        bare = provisioning.provision("bare", name="Bare").retailer
        for house in self.houses.values():
            house.furnish(bare, self.truth.ports[house.name])
            takeovers.stand_by(house.retailer)
            self.suppressed |= {house.address(number): 0.0 for number in SUPPRESSED}
        connections.close_all()
        self.begin("relay", "keyed")

    def begin(self, *names: str) -> None:
        self.begun |= set(names)
        for name in names:
            with self.at(name) as house:
                assert house
                house.begin()

    def _lose_one_of_the_usual_lease(self) -> None:
        """Before anybody else is there: its batch is free again while everything else is going on."""
        self.say("A worker with the lease of production is killed in the midst of its first batch ...")
        victim = Machine("victim", EAGER_POLL, lease=None)
        try:
            if self.truth.wait_for(20, seconds=60) < 20:
                raise Stuck(f"Nothing is sent.\n{victim.last_words}")
        finally:
            victim.kill()
        self.told.times["kill -9 at the usual lease"] += 1

    def _drain(self) -> None:
        """Everybody to the end, undisturbed."""
        self.say("Nothing is broken any more: the rest is sent ...")
        self.truth.weather("calm")
        for name in self.houses:
            self.await_(f"the run of {name} to end", partial(self.has_ended, name))
        for name in self.told.keyed & self.houses.keys():
            self.await_(f"what became of {name}'s to be found out", partial(self._is_known, name))

    def has_ended(self, name: str) -> bool:
        with self.at(name) as house:
            assert house
            return Run.objects.filter(finished_at__isnull=False).exists()

    def _is_known(self, name: str) -> bool:
        """Whether nothing is left that a provider which takes keys could tell."""
        with self.at(name) as house:
            assert house
            return not AgendaItem.objects.filter(retailer=house.retailer, kind=UNKNOWN).exists()

    def have_ended(self) -> bool:
        """Whether all runs that were begun have ended."""
        return all(self.has_ended(name) for name in self.begun & self.houses.keys())

    def _judge(self) -> None:
        usual = int(settings.LEASE_SECONDS)
        with self.at():
            claims = takeovers.claims()
        for claim in claims:
            if claim.overdue_s is not None:
                lease = usual if claim.from_whom == "victim" else LEASE
                fault = "kill -9 at the usual lease" if claim.from_whom == "victim" else "batch of one who died"
                self.told.recovered(fault, claim.overdue_s + lease)
        for name in self.houses:
            with self.at(name) as house:
                assert house
                account = self.told.accounts[name]
                found = judge.judge(house.retailer, house.run, account, self.suppressed)
                self.told.findings[name] = found
                self.told.complaints += [f"{name}: {words}" for words in found.complaints]
