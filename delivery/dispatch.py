"""Stage 4. Hand messages to the provider, and know what became of each.

Reads    Batch, Message, Run, Customer, Consent, Suppression, TemplateVersion, Brand, the policy in force, Stop
Writes   Batch (lease, hand-over window), Message (its state), OutcomeRecord, DailyVolume
Promise  nobody is lost silently and nobody is mailed twice; where we cannot know, the message says `unknown`;
         nothing is handed over that the policy forbids or after sending was stopped

A batch is leased on the database's clock, each claim raising its epoch. Before each hand-over of up to 50 messages
their window is committed, together with the outcomes of the 50 before. A worker that dies leaves at most one window
without answers: whoever claims the batch next writes exactly those as unknown, and sends the rest. A worker that was
only frozen finds its epoch outdated and can write nothing, and checks its own monotonic clock before it sends.

A batch over which a worker died goes on one message at a time, each marked before it is rendered: should a message be
what ends workers, it is known after the second death and fails after the third, and the others go on.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from campaigns import devices
from campaigns.models import Run
from delivery import batches, bounds, compose, pace, providers, recipients, throttle
from delivery.allowance import domain_of
from delivery.batches import Entry, Lease, Verdict
from delivery.bounds import Bounds, Wait, Window
from delivery.channels import form
from delivery.channels.base import Channel, ChannelUnavailable, Outbound, Outcome, Result
from delivery.compose import Composer
from delivery.models import Message
from delivery.providers import Chosen
from delivery.turns import Turn
from delivery.warmup import picking
from delivery.warmup.picking import Later
from tenants.models import Retailer

HAND_OVER_SHARE = 0.4  # of the lease: the provider's time for one hand-over
AT_A_STRETCH = 10.0  # seconds on one batch: then others have a turn, and it is read anew what is live
LOOK_AGAIN = 1.0  # seconds after which people are judged anew before the next hand-over
GUARD_SHARE = 0.5  # of the lease: older than this, a renewal is not trusted and nothing is sent under it
ATTEMPTS = 12  # deferrals before a message fails: with the pauses between them, four hours at least
PUT_OFF, LONGEST = 15.0, 3600.0  # seconds before a deferred message is tried again, at least: the first, and later
ALIKE = 20  # messages of a window refused in the same words, after which a person looks before any more are
GIVE_UP_AFTER = timedelta(hours=24)  # of tries, none of which reached the provider
_STATE = {
    Result.ACCEPTED: Message.State.ACCEPTED,
    Result.REJECTED: Message.State.REJECTED,
    Result.UNKNOWN: Message.State.UNKNOWN,
    Result.DEFERRED: Message.State.QUEUED,
    Result.UNSENT: Message.State.QUEUED,
}
_NAMES = re.compile(r"\S*\d\S*")  # words with digits: codes, and ids that differ from message to message
_TAKEN = (Result.ACCEPTED, Result.UNKNOWN)


class RefusedAsOne(Exception):
    """The provider refuses every message with the same words, which are the message of this."""

    def __init__(self, words: str) -> None:
        super().__init__(f"The provider refuses every message: {words} Correct the cause, then resume.")


class MustPause(Exception):
    """A person has to act before this run can go on; the message says what."""


@dataclass(frozen=True)
class _Means:
    """What a batch is handed over with; in a `turn`, others may go first."""

    composer: Composer
    chosen: Chosen
    limits: Bounds
    turn: Turn | None


def deliver(batch_id: int, *, retailer: Retailer, now: datetime, turn: Turn | None = None) -> datetime | None:
    """Work through one batch. Returns when it is due again; None when it is done, or waits for its paused run.

    With a `turn`, others may go first between two hand-overs.

    Raises MustPause when the provider refuses our credentials, the template is gone or cannot be read, or the policy
    forbids the run.
    """
    lease = batches.claim(batch_id)
    if lease is None:
        return batches.leased_until(batch_id)
    if lease.run_state == "paused":
        batches.release(lease, due_at=None)
        batches.forget_unreachable(lease)
        return None
    if lease.run_state == "running" and (until := throttle.full_until(lease)):
        batches.release(lease, due_at=until, error=throttle.words(lease.throttle or 0), attempts=0)
        return until
    try:
        wait = _work_through(lease, retailer, now, turn)
    except ChannelUnavailable as refusal:
        return _retry(lease, refusal, now)
    except (compose.TemplateUnusable, bounds.Forbidden, RefusedAsOne) as reason:
        batches.release(lease, due_at=None, error=str(reason))
        batches.forget_unreachable(lease)
        raise MustPause(str(reason)) from reason
    if wait is None:
        return batches.settle(lease, retry_in=_backoff(2, longest=60))
    batches.release(lease, due_at=wait.until, error=wait.reason, attempts=0 if wait.reason or lease.deaths else None)
    return wait.until


def _retry(lease: Lease, refusal: ChannelUnavailable, now: datetime) -> datetime | None:
    """Nothing of the current hand-over left the house: the batch waits, and no message has used up an attempt."""
    is_unreachable = not refusal.permanent and refusal.retry_after is None  # tried, and not only asked to wait
    if is_unreachable and batches.give_up(lease, f"gave up: {refusal}", now=now, after=GIVE_UP_AFTER):
        return None
    pause = _backoff(lease.attempts, longest=30)
    if refusal.retry_after is not None:  # asked for: no sooner, and not all batches at the same instant
        pause = refusal.retry_after + random.uniform(0.0, min(1.0, refusal.retry_after))
    due_at = now + timedelta(seconds=pause)
    since = now if is_unreachable else None
    batches.release(lease, due_at=due_at, error=str(refusal), attempts=lease.attempts + 1, unreachable=since)
    if refusal.permanent:
        batches.forget_unreachable(lease)
        raise MustPause(str(refusal)) from refusal
    return due_at


def _work_through(lease: Lease, retailer: Retailer, now: datetime, turn: Turn | None) -> Wait | None:
    """When the batch had to stop before its end: run paused, sending stopped, policy, lease lost, provider slow."""
    run = Run.objects.select_related("version", "campaign").get(pk=lease.run_id)
    config = run.version.parsed()
    lease = replace(lease, topic=config.topic, channel=config.step(lease.step).channel)
    entries = recipients.recheck(lease)
    verdicts = [_dropped(entry) for entry in entries if entry.drop]
    waiting = [entry for entry in entries if not entry.drop and not entry.not_before]
    if waiting:
        chosen, waiting, others = _chosen_for(waiting, retailer)
        limits = bounds.of(run, retailer, chosen.allowance)
        verdicts = _before_rendering(lease, waiting, verdicts)  # the checks render as well
        composer = compose.composer(run, lease.step, retailer, waiting, now=now, policy=limits.policy)
        lease = replace(lease, provider=chosen.channel.provider)
        waiting, later = _under_warm_up(lease, waiting, composer, retailer, now)
        wait = _hand_over_all(limits.counting(lease), waiting, verdicts, _Means(composer, chosen, limits, turn))
        chosen.leave()
        return wait or (Wait(timezone.now()) if others else None) or _left_for(lease, later, now)
    batches.turn(lease, verdicts)
    return None


def _under_warm_up(
    lease: Lease, waiting: list[Entry], composer: Composer, retailer: Retailer, now: datetime
) -> tuple[list[Entry], Later | None]:
    """Those who may be written to today, where the sender's domain is still getting known."""
    if not lease.is_warming or lease.channel != "email":
        return waiting, None
    domain = domain_of(composer.envelope.from_email)
    return picking.allowed(lease, waiting, domain, zone=retailer.tzinfo, now=now)


def _left_for(lease: Lease, later: Later | None, now: datetime) -> Wait | None:
    return Wait(picking.looked_at(lease, later, now=now), later.reason) if later else None


def _chosen_for(waiting: Sequence[Entry], retailer: Retailer) -> tuple[Chosen, list[Entry], bool]:
    """The first account that there is for one of the forms of address, its messages, and whether there are others.

    Raises ChannelUnavailable when there is none for any.
    """
    forms: dict[str, list[Entry]] = {}
    for entry in waiting:
        forms.setdefault(form(entry.channel, entry.address), []).append(entry)
    refusals: list[ChannelUnavailable] = []
    for name, entries in forms.items():
        try:
            return providers.choose(retailer, waiting[0].channel, name), entries, len(entries) < len(waiting)
        except ChannelUnavailable as refusal:
            refusals.append(refusal)
    raise min(refusals, key=lambda refusal: refusal.permanent)


def _hand_over_all(
    lease: Lease,
    waiting: Sequence[Entry],
    verdicts: list[Verdict],
    means: _Means,
) -> Wait | None:
    """Window by window, each marked in the statement that records the one before."""
    composer, chosen, limits = means.composer, means.chosen, means.limits
    begun = looked = time.monotonic()
    later: datetime | None = None  # when there is room again for what was left out
    while waiting:
        verdicts = _give_way(lease, verdicts, means)
        if time.monotonic() - looked > LOOK_AGAIN:
            waiting, looked = _judged_again(lease, waiting, verdicts), time.monotonic()
            if not waiting:
                break
        size = 1 if lease.deaths or chosen.is_probe else pace.size(chosen.channel)
        size = size if lease.throttle is None else throttle.size(lease.throttle, size)
        chunk, waiting = waiting[:size], waiting[size:]
        verdicts = _before_rendering(lease, chunk, verdicts)
        outbound, failures = composer.compose(chunk)
        _halt_too_slow(lease, composer, [*verdicts, *failures])
        renewing = time.monotonic()
        if renewing - begun > AT_A_STRETCH or chosen.must_rest():
            return _stopped(lease, verdicts)
        window = limits.mark(lease, chunk, [*verdicts, *failures])
        if time.monotonic() - renewing > settings.LEASE_SECONDS * GUARD_SHARE:
            bounds.give_back(window, len(window.entries))
            return Wait(timezone.now())
        verdicts = _hand_over(window, outbound, means, ahead=[] if lease.deaths else waiting[:size])
        _halt_refused_as_one(lease, verdicts)
        if window.wait:
            if verdicts:
                batches.turn(lease, verdicts)
            return window.wait
        later, waiting = _left_out(window, later, waiting)
    batches.turn(lease, verdicts)
    return Wait(later) if later else None


def _give_way(lease: Lease, verdicts: list[Verdict], means: _Means) -> list[Verdict]:
    """Others go first, where any came: what is known is written before, and no window is marked meanwhile. Returns what
    is still to be written.
    """
    if means.turn is None or means.chosen.is_probe or not means.turn.has_company():
        return verdicts
    batches.turn(lease, verdicts)
    means.turn.let_go_first()
    return []


def _stopped(lease: Lease, verdicts: Sequence[Verdict]) -> Wait:
    """The batch has had its turn, or its provider must rest: what is known is written, and it goes on anew."""
    batches.turn(lease, verdicts)
    return Wait(timezone.now())


def _left_out(
    window: Window, later: datetime | None, waiting: Sequence[Entry]
) -> tuple[datetime | None, Sequence[Entry]]:
    """Receivers that have had their share of a minute: their messages wait, and the others' go on."""
    if window.later is None:
        return later, waiting
    open_ones = [entry for entry in waiting if domain_of(entry.address) not in window.full]
    return min(later or window.later, window.later), open_ones


def _before_rendering(lease: Lease, chunk: Sequence[Entry], verdicts: list[Verdict]) -> list[Verdict]:
    """What is still to be written: nothing, where a worker died and the next message is marked by itself."""
    if not lease.deaths:
        return verdicts
    batches.begin_rendering(lease, chunk[0], verdicts)
    return []


def _judged_again(lease: Lease, waiting: Sequence[Entry], verdicts: list[Verdict]) -> list[Entry]:
    """Those who are still to be written to: somebody may have been suppressed, or taken consent back, meanwhile."""
    left = {entry.message_id for entry in waiting}
    entries = [entry for entry in recipients.recheck(lease) if entry.message_id in left]
    verdicts += [_dropped(entry) for entry in entries if entry.drop]
    return [entry for entry in entries if not entry.drop]


def _hand_over(window: Window, outbound: Sequence[Outbound], means: _Means, *, ahead: Sequence[Entry]) -> list[Verdict]:
    """`ahead` are those who come next: a provider that takes its time leaves ours to make their messages ready."""
    composer, chosen = means.composer, means.chosen
    entries = {composer.name(entry.message_id): entry for entry in window.entries}
    going = [message for message in outbound if message.key in entries]
    if not going:
        return []
    channel, is_probe = chosen.channel, chosen.is_probe
    try:
        with pace.measured(channel, len(going)), composer.ahead(ahead, channel):
            outcomes = channel.send(composer.envelope, going, seconds=settings.LEASE_SECONDS * HAND_OVER_SHARE)
    except ChannelUnavailable as refusal:
        bounds.give_back(window, len(going))
        raise chosen.refused(refusal) from refusal
    bounds.give_back(window, sum(outcome.result not in _TAKEN for outcome in outcomes))
    chosen.note(outcomes)
    if is_probe:  # that the provider still fails is no attempt of the message it was tried with
        outcomes = [replace(each, result=Result.UNSENT) if each.is_provider_s_failure else each for each in outcomes]
    if gone := [entries[outcome.key].address for outcome in outcomes if outcome.is_gone]:
        devices.forget_gone(gone)
    return [_verdict(entries[outcome.key], outcome, composer, channel) for outcome in outcomes]


def _halt_refused_as_one(lease: Lease, verdicts: Sequence[Verdict]) -> None:
    """Raises RefusedAsOne where a whole window was refused in the same words: that is not about the recipients."""
    if len(verdicts) < ALIKE or any(verdict.result != Result.REJECTED for verdict in verdicts):
        return
    if len({_NAMES.sub("", verdict.reason) for verdict in verdicts}) == 1:
        batches.turn(lease, verdicts)
        raise RefusedAsOne(verdicts[0].reason)


def _halt_too_slow(lease: Lease, composer: Composer, verdicts: Sequence[Verdict]) -> None:
    """Raises TemplateUnusable where one message after the other took too long to render; what is known is written."""
    try:
        composer.check_pace()
    except compose.TemplateUnusable:
        batches.turn(lease, verdicts)
        raise


def _verdict(entry: Entry, outcome: Outcome, composer: Composer, channel: Channel) -> Verdict:
    verdict = Verdict(
        entry.message_id,
        state=_STATE[outcome.result],
        reason=outcome.unnamed(entry.address),
        result="" if outcome.result == Result.UNSENT else outcome.result,
        provider=channel.provider,
        provider_message_id=outcome.provider_id,
        template_hash=composer.template_hash,
        version_id=composer.version_id,
    )
    if outcome.result == Result.DEFERRED and entry.attempts + 1 >= ATTEMPTS:
        return verdict._replace(state=Message.State.FAILED, reason=f"deferred {ATTEMPTS} times: {verdict.reason}")
    if outcome.result == Result.DEFERRED:
        return verdict._replace(pause=max(outcome.retry_after or 0.0, _put_off(entry.attempts)))
    if outcome.result == Result.UNKNOWN:
        return verdict._replace(pause=0.0)  # looked into by delivery.resolving
    return verdict


def _put_off(attempts: int) -> float:
    """Seconds, exponential, spread over all of the time to the next step: a receiver that greylists, or is full, is not
    asked again at once, nor by everybody at the same instant.
    """
    return float(min(LONGEST, PUT_OFF * 2.0 ** min(attempts, 10)) * random.uniform(1.0, 2.0))


def _dropped(entry: Entry) -> Verdict:
    state, _, reason = entry.drop.partition(":")
    return Verdict(entry.message_id, state, reason)


def _backoff(attempts: int, *, longest: float) -> float:
    """Seconds, exponential with full jitter."""
    return random.uniform(0.5, min(longest, 2.0 * 2 ** min(attempts, 10)))
