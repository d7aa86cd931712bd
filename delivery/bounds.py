"""What the policy in force means for the hand-over of a batch: whether at all, when, and how many.

Reads    the policy in force and the run's own limits, once per batch
Promise  nothing is handed over that they forbid: an edit of the policy holds for the next batch
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from campaigns import checks, policies
from campaigns.config import policy as rules
from campaigns.config.campaign import PerCustomer
from campaigns.config.policy import Policy
from campaigns.models import Run
from delivery import batches, caps, throttle, volume
from delivery.allowance import Allowance
from delivery.batches import Entry, Lease, Verdict
from delivery.models import Message
from tenants.models import Retailer


class Forbidden(Exception):
    """The policy in force does not allow the run any more; the message says why."""


@dataclass(frozen=True)
class Wait:
    """A batch stopped before its end: when it goes on and, where a person would ask, why not at once."""

    until: datetime
    reason: str = ""


@dataclass(frozen=True)
class Window:
    """The entries that were marked and are to be handed over now. With `wait` the rest of the batch waits.

    `day` is the one on which they were counted, if they were, and `allowance` the provider's, if it has bounds. Those
    of `full` domains are left for `later`, and the others go on.
    """

    entries: Sequence[Entry] = ()
    wait: Wait | None = None
    day: date | None = None
    allowance: Allowance | None = None
    full: frozenset[str] = frozenset()
    later: datetime | None = None


@dataclass(frozen=True)
class Bounds:
    """What holds for one batch. `allowance` is what its provider may be given, where that has bounds."""

    policy: Policy
    caps: Sequence[PerCustomer]
    zone: ZoneInfo
    allowance: Allowance | None = None

    def counting(self, lease: Lease) -> Lease:
        """The lease, saying whether its hand-overs are counted."""
        return replace(lease, is_counted=self.policy.max_per_day is not None)

    def mark(self, lease: Lease, chunk: Sequence[Entry], verdicts: Sequence[Verdict]) -> Window:
        """Write verdicts, and mark of the chunk what may be handed over now.

        Entries that have a verdict are not handed over; entries over a cap get theirs here.
        """
        now = timezone.now()
        opens = rules.opens_at(self.policy, now, self.zone) if self.policy.quiet_hours else None
        if opens:
            batches.turn(lease, verdicts)
            return Window(wait=Wait(opens, f"Quiet hours: goes on at {opens.astimezone(self.zone):%H:%M}."))
        if lease.throttle is None:
            return self._mark_open(lease, chunk, verdicts, now)
        judged = {verdict.message_id for verdict in verdicts}
        granted = throttle.take(lease, lease.throttle, [entry for entry in chunk if entry.message_id not in judged])
        window = self._mark_open(lease, granted.entries, verdicts, now)
        throttle.leave(lease, lease.throttle, len(granted.entries) - len(window.entries))
        held = Wait(granted.until, throttle.words(lease.throttle)) if granted.until else None
        return replace(window, wait=window.wait or held)

    def _mark_open(self, lease: Lease, chunk: Sequence[Entry], verdicts: Sequence[Verdict], now: datetime) -> Window:
        if self.allowance:
            return self._mark_allowed(self.allowance, lease, chunk, verdicts)
        return self._mark(lease, chunk, verdicts, now)

    def _mark(self, lease: Lease, chunk: Sequence[Entry], verdicts: Sequence[Verdict], now: datetime) -> Window:
        if self.caps or self.policy.max_per_day is not None:
            return self._mark_counted(lease, chunk, verdicts, now)
        return Window(chunk) if _turn(lease, verdicts, chunk) else Window(wait=Wait(now))

    def _mark_allowed(
        self, allowance: Allowance, lease: Lease, chunk: Sequence[Entry], verdicts: Sequence[Verdict]
    ) -> Window:
        """As much as the provider may be given now."""
        judged = {verdict.message_id for verdict in verdicts}
        granted = allowance.take([entry for entry in chunk if entry.message_id not in judged])
        window = self._mark(lease, granted.entries, verdicts, timezone.now())
        allowance.give_back(len(granted.entries) - len(window.entries))
        wait = window.wait or (Wait(granted.until, granted.reason) if granted.until else None)
        return replace(window, wait=wait, allowance=allowance, full=granted.full, later=granted.later)

    @transaction.atomic
    def _mark_counted(self, lease: Lease, chunk: Sequence[Entry], verdicts: Sequence[Verdict], now: datetime) -> Window:
        """In the retailer's turn: nobody else counts until these are marked."""
        caps.one_at_a_time()
        full = caps.reached([entry.message_id for entry in chunk], self.caps) if self.caps else {}
        cancelled = [Verdict(message_id, Message.State.CANCELLED, reason) for message_id, reason in full.items()]
        judged = {verdict.message_id for verdict in verdicts} | full.keys()
        going = [entry for entry in chunk if entry.message_id not in judged]
        window = self._reserve(going, now) if self.policy.max_per_day is not None else Window(going)
        if _turn(lease, [*verdicts, *cancelled], window.entries):
            return window
        give_back(window, len(window.entries))
        return Window(wait=Wait(now))

    def _reserve(self, going: Sequence[Entry], now: datetime) -> Window:
        most, today = self.policy.max_per_day or 0, now.astimezone(self.zone).date()
        granted = volume.reserve(today, wanted=len(going), most=most, zone=self.zone)
        if granted == len(going):
            return Window(going, day=today)
        midnight = volume.begins_at(today + timedelta(days=1), self.zone)
        return Window(going[:granted], Wait(midnight, f"Limit of {most:,} messages a day: goes on at midnight."), today)


def of(run: Run, retailer: Retailer, allowance: Allowance | None = None) -> Bounds:
    """What holds for the run's next batch, and for the provider that it goes to. Raises Forbidden."""
    policy = policies.effective(retailer)
    if problems := checks.stopped_by(run.version, policy):
        raise Forbidden(f"policy: {checks.reason(problems)}")
    own = run.version.parsed().limits.per_customer
    return Bounds(policy, [*policy.per_customer, *([own] if own else [])], retailer.tzinfo, allowance)


def give_back(window: Window, number: int) -> None:
    """So many of the window were not taken after all: the day has room for them again, and so has the provider's."""
    if window.day and number:
        volume.give_back(window.day, number)
    if window.allowance:
        window.allowance.give_back(number)


def _turn(lease: Lease, verdicts: Sequence[Verdict], entries: Sequence[Entry]) -> bool:
    if not entries:
        return batches.turn(lease, verdicts)
    first, last = entries[0].position, entries[-1].position
    if len(entries) == last - first + 1:
        return batches.turn(lease, verdicts, hand_from=first, hand_to=last + 1)
    handed = {entry.position for entry in entries}
    left_out = [position for position in range(first, last) if position not in handed]
    return batches.turn(lease, verdicts, hand_from=first, hand_to=last + 1, hand_except=left_out)
