"""Workers in one process, on a clock of our own: they die, freeze and are interfered with between any two statements.

The product's own pipeline works off a batch in the test's database: it is dealt, leased, judged, rendered, marked,
handed over, recorded, settled and found out about by the functions that workers run. What happens at which statement
follows from a seed. Who dies leaves its open transaction undone; who freezes goes on when its lease is over and
somebody else has done the work. The provider's own ledger says what was really sent.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from campaigns import configuration, suppressions
from campaigns.lifecycle import NotAllowed
from campaigns.models import Run
from delivery import batches, dispatch, identity, pace, pipeline, reports, resolving, tallies, vitals
from delivery.channels.base import ChannelUnavailable, Envelope, Outbound, Outcome, Result
from delivery.channels.memory import MemoryChannel
from delivery.models import Batch, Message
from tenants import context, prepared
from tenants.models import AgendaItem, Lane, Retailer
from tests import factories

PEOPLE, WINDOW = 9, 4  # messages, in one batch and in one hand-over
ROUNDS = 30  # in calm, within which all must have come to an end
# What brackets transactions, and what says whose tables are meant: no work, and nothing happens around it.
_BRACKETS = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SET ")
_FATES = ("accepted",) * 12 + ("rejected", "deferred", "taken, no answer", "not taken, no answer")
_ACTS = ("die",) * 5 + ("freeze",) * 3 + ("pause", "resume", "suppress")


class Died(BaseException):
    """A process ended: nobody handles that."""


class Clock:
    """Stands for the `time` module where leases are guarded: it jumps when a worker is frozen."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@dataclass
class Ledger:
    """What the provider did, by key; `unanswered` counts messages of which it told nothing."""

    taken: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0


class Simulation:
    """One seed. `points` says how many moments there are in undisturbed work; one to four of them are chosen."""

    def __init__(self, retailer: Retailer, run: Run, clock: Clock, *, seed: int, points: int) -> None:
        self._retailer, self._run, self._clock = retailer, run, clock
        self._draw = random.Random(seed)
        self._gaps = [self._draw.randrange(1, points) for _ in range(self._draw.randint(1, 4))] if points else []
        self._depth = len(connection.savepoint_ids)
        self._is_calm, self._is_dying, self._is_elsewhere = not points, False, False
        self.ledger, self.did, self.points = Ledger(), list[str](), 0
        self.wrong = list[str]()

    def run(self) -> None:
        """Work until nothing is left to do: first disturbed, then in calm."""
        self._work()
        for _ in range(ROUNDS):
            if not self._gaps:
                break
            self._time_passes()
            self._work()
        self._is_calm = True
        self._act("resume")
        for _ in range(ROUNDS):
            self._time_passes()
            self._work()
            if self._has_ended():
                return

    def point(self) -> None:
        """Between two statements, or two messages at the provider: here anything may happen."""
        self.points += 1
        if self._is_calm or self._is_dying or self._is_elsewhere or not self._gaps:
            return
        self._gaps[0] -= 1
        if self._gaps[0] > 0:
            return
        self._gaps.pop(0)
        self._happens(self._draw.choice(_ACTS))

    def _happens(self, what: str) -> None:
        # Who holds rows in a transaction would have others wait for it: those acts are for between transactions.
        is_between = len(connection.savepoint_ids) == self._depth
        self.did.append(what if is_between else "die")
        if not is_between or what == "die":
            self._is_dying = True  # a process that has ended runs nothing more, whatever is undone on its way
            raise Died
        if what == "freeze":
            self._time_passes()
            self._work()
        else:
            self._act(what)
        with self._elsewhere(), connection.cursor() as cursor:  # a worker has a connection of its own:
            cursor.execute("SELECT")  # this one is the first one's again, which acts for whom it did

    def send(self, envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        """The provider: takes no key, and says of some messages that it has not taken them, or nothing."""
        self.point()
        if not self._is_calm and self._draw.random() < 0.1:
            raise ChannelUnavailable("out of order")
        outcomes = [self._outcome(message) for message in batch]
        self.point()
        return outcomes

    def _outcome(self, message: Outbound) -> Outcome:
        fate = "accepted" if self._is_calm else self._draw.choice(_FATES)
        if fate == "rejected":
            return Outcome(message.key, Result.REJECTED, f"550 no {message.key}")
        if fate == "deferred":
            return Outcome(message.key, Result.DEFERRED, "450 later")
        self.ledger.taken[message.key] += fate != "not taken, no answer"
        self.point()
        if fate == "accepted":
            return Outcome(message.key, Result.ACCEPTED, "250 taken")
        self.ledger.unanswered += 1
        return Outcome(message.key, Result.UNKNOWN, "no answer")

    def _work(self) -> None:
        """A worker, to the end of what is due, or its own."""
        try:
            with context.on_platform():
                pipeline.work(seconds=60)
        except Died:
            self._is_dying = False  # whoever comes next

    def _act(self, what: str) -> None:
        with self._elsewhere(), context.in_retailer(self._retailer):
            run = Run.objects.select_related("campaign", "version").get(pk=self._run.pk)
            try:
                if what == "pause":
                    configuration.pause(run, reason="simulated")
                elif what == "resume":
                    configuration.resume(run)
                else:
                    address = f"c{self._draw.randint(1, PEOPLE)}@example.test"
                    suppressions.put(channel="email", address=address, reason="complaint", source="")
            except NotAllowed:  # it is not paused, or has ended
                pass

    def _time_passes(self) -> None:
        """As long as a lease, and whatever anybody waits for."""
        self._clock.ahead += settings.LEASE_SECONDS + 1
        past = timezone.now() - timedelta(seconds=1)
        with self._elsewhere(), context.in_retailer(self._retailer):
            Batch.objects.exclude(lease_until=None).update(lease_until=past)
            Message.objects.exclude(retry_at=None).update(retry_at=past)
            AgendaItem.objects.exclude(claimed_until=None).update(claimed_until=past)
            AgendaItem.objects.update(due_at=past)
            Lane.objects.update(ordinary=[], transactional=[])

    @contextmanager
    def _elsewhere(self) -> Iterator[None]:
        """What the block asks of the database is no worker's doing: nothing happens in it."""
        self._is_elsewhere = True
        try:
            yield
        finally:
            self._is_elsewhere = False

    def _has_ended(self) -> bool:
        with context.in_retailer(self._retailer):
            return Run.objects.filter(pk=self._run.pk, finished_at__isnull=False).exists() and not (
                AgendaItem.objects.filter(kind__in=["batch", batches.UNKNOWN]).exists()
            )

    def broken(self) -> list[str]:
        """Promises that were broken, in words."""
        with context.in_retailer(self._retailer):
            self._run.refresh_from_db()
            found = [] if self._run.state == Run.State.COMPLETED else [f"the run is {self._run.state}"]
            found += [] if reports.report(self._run).balances else ["the ledger does not balance"]
            messages = list(Message.objects.filter(run=self._run))
        for message in messages:
            taken = self.ledger.taken[identity.public_id(self._retailer, message.pk)]
            found += _wrong(message, taken)
        unknown = sum(message.state == "unknown" for message in messages)
        most = self.ledger.unanswered + WINDOW * sum(act in ("die", "freeze") for act in self.did)
        return found + ([f"{unknown} are unknown, of {most} that may be"] if unknown > most else [])


def _wrong(message: Message, taken: int) -> Iterator[str]:
    name = f"message {message.position}, {message.state} ({message.reason}),"
    if taken > 1:
        yield f"{name} was sent {taken} times"
    if message.state in ("queued", "claimed"):
        yield f"{name} is left"
    if message.state == "accepted" and not taken:
        yield f"{name} is lost"
    if message.state in ("rejected", "failed", "cancelled") and taken:
        yield f"{name} was sent"
    if message.state == "unknown" and message.retry_at:
        yield f"{name} waits for nobody"


Play = Callable[[int], list[str]]  # a seed: what is wrong in the end


@contextmanager
def stage(retailer: Retailer, outbox: MemoryChannel, patch: pytest.MonkeyPatch) -> Iterator[Play]:
    """A run that is planned once, to play seeds on: nothing stays of one when the next begins."""
    clock = Clock()
    for module in (dispatch, resolving):
        patch.setattr(module, "time", clock)
    patch.setattr(pace, "size", lambda _: WINDOW)
    with context.in_retailer(retailer):
        factories.customers(PEOPLE)
        run = configuration.launch(factories.campaign(), by="simulation", now=timezone.now())
        pipeline.advance(run, now=timezone.now())
    AgendaItem.objects.filter(kind__in=["run", tallies.AGENDA_KIND, vitals.AGENDA_KIND]).delete()
    context.leave()

    def play(seed: int, points: int) -> Simulation:
        with transaction.atomic():
            played = Simulation(retailer, run, clock, seed=seed, points=points)
            with _tapped(played, outbox):
                played.run()
            played.wrong = played.broken()
            transaction.set_rollback(True)
        return played

    undisturbed = play(0, points=0)
    assert undisturbed.wrong == []
    yield lambda seed: [f"seed {seed} ({', '.join(told.did)}): {words}" for told in [play(seed, undisturbed.points)]
                        for words in told.wrong]  # fmt: skip


@contextmanager
def _tapped(played: Simulation, outbox: MemoryChannel) -> Iterator[None]:
    """Every statement, before and after it, and every hand-over is a point."""
    rows = prepared.rows

    def around(execute: Any, *statement: Any) -> Any:
        if str(statement[0]).startswith(_BRACKETS):
            return execute(*statement)
        played.point()
        found = execute(*statement)
        played.point()
        return found

    with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(around):
        patch.setattr(prepared, "rows", lambda *statement: around(rows, *statement))
        patch.setattr(outbox, "send", played.send)
        yield
