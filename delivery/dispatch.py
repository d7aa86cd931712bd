"""Stage 4. Hand messages to the provider, and know what became of each.

Reads    Batch, Message, Run, Customer, Suppression, TemplateVersion, Brand
Writes   Batch (lease, hand-over window), Message (its state), OutcomeRecord
Promise  nobody is lost silently and nobody is mailed twice; where we cannot know, the message says `unknown`

A batch is leased on the database's clock, each claim raising its epoch. Before each hand-over of up to 50 messages
their window is committed, together with the outcomes of the 50 before. A worker that dies leaves at most one window
without answers: whoever claims the batch next writes exactly those as unknown, and sends the rest. A worker that was
only frozen finds its epoch outdated and can write nothing, and checks its own monotonic clock before it sends.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings

from delivery import batches, compose, providers
from delivery.batches import Entry, Lease, Verdict
from delivery.channels.base import Channel, ChannelUnavailable, Outbound, Outcome, Result
from delivery.compose import Composer
from delivery.models import Message
from tenants.models import Retailer

HAND_OVER = 50  # messages handed over per commit: the most that one crash can leave unknown
HAND_OVER_SHARE = 0.4  # of the lease: the provider's time for one hand-over
GUARD_SHARE = 0.5  # of the lease: older than this, a renewal is not trusted and nothing is sent under it
ATTEMPTS = 6  # deferrals before a message fails
GIVE_UP_AFTER = timedelta(hours=24)  # of a provider that stays out of reach
_STATE = {
    Result.ACCEPTED: Message.State.ACCEPTED,
    Result.REJECTED: Message.State.REJECTED,
    Result.UNKNOWN: Message.State.UNKNOWN,
    Result.DEFERRED: Message.State.QUEUED,
    Result.UNSENT: Message.State.QUEUED,
}


class MustPause(Exception):
    """A person has to act before this run can go on; the message says what."""


def deliver(batch_id: int, *, retailer: Retailer, now: datetime) -> datetime | None:
    """Work through one batch. Returns when it is due again; None when it is done, or waits for its paused run.

    Raises MustPause when the provider refuses our credentials or the template is gone.
    """
    lease = batches.claim(batch_id)
    if lease is None:
        return batches.leased_until(batch_id)
    if lease.run_state == "paused":
        batches.release(lease, due_at=None)
        return None
    try:
        went_on = _work_through(lease, retailer, now)
    except ChannelUnavailable as refusal:
        return _wait(lease, refusal, now)
    except compose.TemplateGone as reason:
        batches.release(lease, due_at=None, error=str(reason))
        raise MustPause(str(reason)) from reason
    if went_on:
        return batches.settle(lease, retry_in=_backoff(2, longest=60))
    batches.release(lease, due_at=now)
    return now


def _wait(lease: Lease, refusal: ChannelUnavailable, now: datetime) -> datetime:
    """Nothing of the current hand-over left the house: the batch waits, and no message has used up an attempt."""
    due_at = now + timedelta(seconds=_backoff(lease.attempts, longest=30))
    batches.release(lease, due_at=due_at, error=str(refusal), attempts=lease.attempts + 1)
    if refusal.permanent:
        raise MustPause(str(refusal)) from refusal
    return due_at


def _work_through(lease: Lease, retailer: Retailer, now: datetime) -> bool:
    """False when the batch had to stop before its end: run paused, retailer suspended, lease lost, provider slow."""
    entries = batches.recheck(lease)
    verdicts = [_dropped(entry) for entry in entries if entry.drop]
    waiting = [entry for entry in entries if not entry.drop]
    if waiting and lease.attempts and now - waiting[0].send_at > GIVE_UP_AFTER:
        verdicts += [Verdict(entry.message_id, Message.State.FAILED, f"gave up: {lease.error}") for entry in waiting]
        waiting = []
    if waiting:
        channel = providers.channel(retailer, waiting[0].channel)
        composer = compose.composer(lease.run_id, lease.step, retailer)
        return _hand_over_all(lease, waiting, verdicts, composer, channel)
    batches.turn(lease, verdicts)
    return True


def _hand_over_all(
    lease: Lease, waiting: Sequence[Entry], verdicts: list[Verdict], composer: Composer, channel: Channel
) -> bool:
    """Window by window, each marked in the statement that records the one before."""
    begun = time.monotonic()
    for start in range(0, len(waiting), HAND_OVER):
        chunk = waiting[start : start + HAND_OVER]
        outbound, failures = composer.compose(chunk)
        renewing = time.monotonic()
        if renewing - begun > settings.LEASE_SECONDS:  # a slow provider does not hold a worker for a whole batch
            batches.turn(lease, verdicts)
            return False
        if not batches.turn(lease, [*verdicts, *failures], hand_from=chunk[0].position, hand_to=chunk[-1].position + 1):
            return False
        if time.monotonic() - renewing > settings.LEASE_SECONDS * GUARD_SHARE:
            return False
        verdicts = _hand_over(chunk, outbound, composer, channel)
    batches.turn(lease, verdicts)
    return True


def _hand_over(
    chunk: Sequence[Entry], outbound: Sequence[Outbound], composer: Composer, channel: Channel
) -> list[Verdict]:
    if not outbound:
        return []
    outcomes = channel.send(composer.envelope, outbound, seconds=settings.LEASE_SECONDS * HAND_OVER_SHARE)
    entries = {composer.name(entry.message_id): entry for entry in chunk}
    return [_verdict(entries[outcome.key], outcome, composer, channel) for outcome in outcomes]


def _verdict(entry: Entry, outcome: Outcome, composer: Composer, channel: Channel) -> Verdict:
    verdict = Verdict(
        entry.message_id,
        state=_STATE[outcome.result],
        reason=outcome.detail,
        result="" if outcome.result == Result.UNSENT else outcome.result,
        provider=channel.provider,
        provider_message_id=outcome.provider_id,
        template_hash=composer.template_hash,
    )
    if outcome.result == Result.DEFERRED and entry.attempts + 1 >= ATTEMPTS:
        return replace(verdict, state=Message.State.FAILED, reason=f"deferred {ATTEMPTS} times: {outcome.detail}")
    return verdict


def _dropped(entry: Entry) -> Verdict:
    state, _, reason = entry.drop.partition(":")
    return Verdict(entry.message_id, state, reason)


def _backoff(attempts: int, *, longest: float) -> float:
    """Seconds, exponential with full jitter."""
    return random.uniform(0.5, min(longest, 2.0 * 2 ** min(attempts, 10)))
