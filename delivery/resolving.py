"""Finding out what became of messages whose outcome nobody knows.

Reads    Message, OutcomeRecord, Run, Customer, Consent, Suppression, TemplateVersion, Brand, the policy in force, Stop
Writes   Message (its state), OutcomeRecord, Notice
Promise  a message leaves `unknown` by evidence alone, or by a person's word; nothing goes twice where a second copy
         would be seen, unless a person asked for it or nobody may go without it; what cannot be found out is left to a
         person, and counted

What to do about each is said in delivery.resolution. A message stays unknown while it is handed over again, so that
whatever dies on the way leaves it as it was.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from campaigns.config import policy as rules
from campaigns.models import Run
from delivery import bounds, compose, identity, notices, providers, recipients, unknowns
from delivery.batches import Entry, Lease
from delivery.channels import form
from delivery.channels.base import ChannelUnavailable, Outcome, Result, Sought
from delivery.models import Batch, Message
from delivery.notices import Happened
from delivery.providers import Chosen
from delivery.resolution import Means, Step, step
from delivery.unknowns import Doubt, Finding, Word
from tenants import prepared
from tenants.models import Retailer

UNREACHABLE = timedelta(hours=24)  # that an account may be out of reach before its messages are left to a person
SOONEST, LATEST = 2.0, 120.0  # seconds between two looks: as long as it has been unknown, within these
HAND_OVER_SHARE = 0.4  # of the lease: the provider's time for one hand-over
GUARD_SHARE = 0.5  # of the lease: older than this, a claim is not trusted and nothing is sent under it
PARKED = "message.unknown"  # what subscriptions are told of the transactional lane
UNANSWERED = "sent again, and again no answer came"


def resolve(batch_id: int, *, retailer: Retailer, now: datetime) -> datetime | None:
    """Look into a batch's unknown messages whose time has come. Returns when to look again; None when nobody will."""
    begun = time.monotonic()
    doubts = unknowns.claim(batch_id)
    if doubts:
        looked_at = _Batch.read(batch_id, retailer, begun)
        for provider in sorted({doubt.provider for doubt in doubts}):
            looked_at.look_into([doubt for doubt in doubts if doubt.provider == provider], provider, now)
    return unknowns.due_at(batch_id)


@dataclass(frozen=True)
class _Batch:
    """What its messages have in common. `begun`: on the monotonic clock, before its messages were claimed."""

    retailer: Retailer
    run: Run
    lease: Lease
    begun: float
    is_transactional: bool

    @classmethod
    def read(cls, batch_id: int, retailer: Retailer, begun: float) -> _Batch:
        prepared.plan_anew()
        batch = Batch.objects.select_related("run__version", "run__campaign").get(pk=batch_id)
        run, config = batch.run, batch.run.version.parsed()
        channel = config.step(batch.step).channel
        lease = Lease(batch_id, batch.epoch, run.pk, batch.step, run.state, 0, "", topic=config.topic, channel=channel)
        return cls(retailer, run, lease, begun, config.is_transactional)

    def look_into(self, doubts: Sequence[Doubt], provider: str, now: datetime) -> None:
        try:
            found = providers.account(self.retailer, self.lease.channel, provider)
        except ChannelUnavailable as refusal:  # it will be asked, or given them again, once it can be
            waiting = [each for each in doubts if not each.is_wished and each.now - each.since < UNREACHABLE]
            unknowns.record([_later(doubt, refusal.retry_after) for doubt in waiting])
            doubts, found = [doubt for doubt in doubts if doubt not in waiting], None
        chosen, means = None, Means()
        if found:
            chosen, as_is_since = found
            channel = chosen.channel
            means = Means(channel.key_window, channel.can_be_asked, channel.calls_back, as_is_since)
        todo: dict[Step, list[Doubt]] = {}
        for doubt in doubts:
            todo.setdefault(self._step(doubt, means), []).append(doubt)
        self._park(todo.get(Step.PARK, []))
        unknowns.record([_later(doubt) for doubt in todo.get(Step.WAIT, [])])
        if chosen and Step.ASK in todo:
            self._ask(todo[Step.ASK], chosen)
        if chosen and Step.SAME_KEY in todo:
            self._send(todo[Step.SAME_KEY], chosen, now)
        if chosen:
            chosen.leave()
        if Step.ANEW in todo:
            self._send(todo[Step.ANEW], None, now)

    def _step(self, doubt: Doubt, means: Means) -> Step:
        return step(doubt, means, self.lease.channel, is_transactional=self.is_transactional)

    @transaction.atomic
    def _park(self, doubts: Sequence[Doubt]) -> None:
        unknowns.record([Finding(doubt.message_id, doubt.attempts) for doubt in doubts])
        if self.is_transactional and doubts:
            notices.of_messages(
                self.retailer,
                [Happened(PARKED, doubt.message_id, f"unknown/{doubt.message_id}", doubt.now) for doubt in doubts],
            )

    def _ask(self, doubts: Sequence[Doubt], chosen: Chosen) -> None:
        name = identity.public_ids(self.retailer)
        known = {entry.message_id: entry for entry in recipients.recheck(self.lease, Message.State.UNKNOWN)}
        by_key = {name(doubt.message_id): doubt for doubt in doubts}
        sought = [
            Sought(key, known[doubt.message_id].address, doubt.first_at)
            for key, doubt in by_key.items()
            if doubt.message_id in known
        ]
        try:
            outcomes = chosen.channel.look_up(sought, seconds=settings.LEASE_SECONDS * HAND_OVER_SHARE)
        except ChannelUnavailable:  # its signals may tell all the same
            outcomes = []
        findings = {outcome.key: _found(by_key[outcome.key], outcome, chosen) for outcome in outcomes}
        unknowns.record([findings.get(key) or _later(doubt) for key, doubt in by_key.items()])

    def _send(self, doubts: Sequence[Doubt], same: Chosen | None, now: datetime) -> None:
        """Hand over again those that may be, judged as at any hand-over; the others are withheld."""
        if self.run.state == Run.State.FAILED:
            unknowns.record([_withheld(doubt, "the run failed") for doubt in doubts])
            return
        by_id = {doubt.message_id: doubt for doubt in doubts}
        entries = [e for e in recipients.recheck(self.lease, Message.State.UNKNOWN) if e.message_id in by_id]
        withheld = {entry.message_id: entry.drop.partition(":")[2] for entry in entries if entry.drop}
        unknowns.record([_withheld(by_id[message_id], why) for message_id, why in withheld.items()])
        going = [entry for entry in entries if not entry.drop]
        for some in _by_form(going) if same is None else [going]:
            if some:
                self._send_by(same, some, by_id, now)

    def _send_by(self, same: Chosen | None, entries: Sequence[Entry], by_id: dict[int, Doubt], now: datetime) -> None:
        channel = self.lease.channel
        try:
            chosen = same or providers.choose(self.retailer, channel, form(channel, entries[0].address))
            limits = bounds.of(self.run, self.retailer, chosen.allowance)
        except ChannelUnavailable as refusal:
            unknowns.record([_later(by_id[entry.message_id], refusal.retry_after) for entry in entries])
            return
        except bounds.Forbidden as reason:
            unknowns.record([_withheld(by_id[entry.message_id], str(reason)) for entry in entries])
            return
        room = self._room(chosen, limits, entries)
        left = [entry for entry in entries if entry not in room.entries]
        unknowns.record([_later(by_id[entry.message_id], room.seconds) for entry in left])
        if room.entries:
            self._hand_over(chosen, limits, room.entries, by_id, is_same=same is not None, now=now)
        chosen.leave()

    def _room(self, chosen: Chosen, limits: bounds.Bounds, entries: Sequence[Entry]) -> _Room:
        """What may go now: quiet hours, the account's limits, and one message where it is only tried.

        Caps and the retailer's own daily bound are not asked: a message counted when it was handed over first.
        """
        now = timezone.now()
        opens = rules.opens_at(limits.policy, now, limits.zone) if limits.policy.quiet_hours else None
        if opens:
            return _Room([], (opens - now).total_seconds())
        if chosen.is_probe:
            entries = entries[:1]
        if chosen.allowance is None:
            return _Room(entries)
        granted = chosen.allowance.take(entries)
        until = granted.until or granted.later
        return _Room(granted.entries, (until - now).total_seconds() if until else SOONEST)

    def _hand_over(
        self,
        chosen: Chosen,
        limits: bounds.Bounds,
        entries: Sequence[Entry],
        by_id: dict[int, Doubt],
        *,
        is_same: bool,
        now: datetime,
    ) -> None:
        attempts = unknowns.mark([by_id[entry.message_id] for entry in entries], chosen.channel.provider)
        refused = [_later(by_id[e.message_id], LATEST) for e in entries if e.message_id not in attempts]
        unknowns.record(refused)  # the run is paused, or sending stopped: what may not be moved is not
        marked = {each: replace(by_id[each], attempts=number) for each, number in attempts.items()}
        going = [entry for entry in entries if entry.message_id in marked]
        findings = self._outcomes(chosen, limits, going, marked, is_same=is_same, now=now) if going else []
        unknowns.record(findings)
        if chosen.allowance:
            kept = sum(finding.result in (Result.UNSENT, Word.RESEND, Word.WITHHELD) for finding in findings)
            chosen.allowance.give_back(len(entries) - len(going) + kept)

    def _outcomes(
        self,
        chosen: Chosen,
        limits: bounds.Bounds,
        entries: Sequence[Entry],
        marked: dict[int, Doubt],
        *,
        is_same: bool,
        now: datetime,
    ) -> list[Finding]:
        try:
            composer = compose.composer(
                self.run, self.lease.step, self.retailer, entries, now=now, policy=limits.policy
            )
        except compose.TemplateUnusable as unusable:
            return [_withheld(doubt, str(unusable)) for doubt in marked.values()]
        outbound, failures = composer.compose(entries)
        findings = [_withheld(marked[failure.message_id], failure.reason) for failure in failures]
        if not outbound:
            return findings
        if time.monotonic() - self.begun > settings.LEASE_SECONDS * GUARD_SHARE:
            failed = {failure.message_id for failure in failures}
            late = [doubt for doubt in marked.values() if doubt.message_id not in failed]
            return [*findings, *(_unsent(doubt, "the time allowed ran out") for doubt in late)]
        by_key = {composer.name(message_id): doubt for message_id, doubt in marked.items()}
        try:
            seconds = settings.LEASE_SECONDS * HAND_OVER_SHARE
            outcomes = chosen.channel.send(composer.envelope, outbound, seconds=seconds)
        except ChannelUnavailable as refusal:
            chosen.refused(refusal)
            pause = refusal.retry_after
            return [*findings, *(_unsent(by_key[each.key], str(refusal), pause) for each in outbound)]
        chosen.note(outcomes)
        addresses = {composer.name(entry.message_id): entry.address for entry in entries}
        outcomes = [replace(each, detail=each.unnamed(addresses[each.key])) for each in outcomes]
        return [*findings, *(_answered(by_key[each.key], each, chosen, is_same=is_same) for each in outcomes)]


@dataclass(frozen=True)
class _Room:
    """`entries` may go now, the rest in so many seconds."""

    entries: Sequence[Entry]
    seconds: float = SOONEST


def _by_form(entries: Iterable[Entry]) -> list[list[Entry]]:
    forms: dict[str, list[Entry]] = {}
    for entry in entries:
        forms.setdefault(form(entry.channel, entry.address), []).append(entry)
    return list(forms.values())


def _later(doubt: Doubt, asked: float | None = None) -> Finding:
    """Looked into again: after what was asked for, or about as long as it has been unknown by now (full jitter)."""
    age = min(LATEST, max(SOONEST, (doubt.now - doubt.since).total_seconds()))
    pause = random.uniform(SOONEST, SOONEST + age) if asked is None else asked + random.uniform(0.0, 1.0)
    return Finding(doubt.message_id, doubt.attempts, pause=pause)


def _withheld(doubt: Doubt, why: str) -> Finding:
    return Finding(doubt.message_id, doubt.attempts, result=Word.WITHHELD, detail=f"not sent again: {why}")


def _unsent(doubt: Doubt, why: str, asked: float | None = None) -> Finding:
    """Nothing was handed over after all: it was no try, and a wish stands."""
    result = Word.RESEND if doubt.is_wished else Result.UNSENT
    return replace(_later(doubt, asked), result=result, detail=f"not sent again so far: {why}")


def _found(doubt: Doubt, outcome: Outcome, chosen: Chosen) -> Finding:
    answer = (outcome.detail, chosen.channel.provider, outcome.provider_id)
    return Finding(doubt.message_id, doubt.attempts, outcome.result, outcome.result, *answer)


def _answered(doubt: Doubt, outcome: Outcome, chosen: Chosen, *, is_same: bool) -> Finding:
    """What an answer to the second hand-over says. A refusal is one of both only where the key was the same."""
    if outcome.result == Result.ACCEPTED or (outcome.result == Result.REJECTED and is_same):
        return _found(doubt, outcome, chosen)
    if outcome.result == Result.UNKNOWN:
        return replace(_later(doubt), detail=f"{UNANSWERED}: {outcome.detail}")  # the mark is the evidence
    if outcome.result == Result.REJECTED:
        return _withheld(doubt, outcome.detail)
    return _unsent(doubt, outcome.detail, outcome.retry_after)
