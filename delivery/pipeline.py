"""The order of the stages. Nobody else knows it.

    1 configuration --Run--> 2 audience --Member--> 3 messages --Message--> 4 dispatch --> the world

Work is what stands in the agenda: a `campaign` whose schedule is due, a `run` to carry forward, a `batch` to deliver,
the `unknown` messages of a batch to find out about, an `import` to write on, an `attribute` to fill in for everybody,
a `proof` of facts to carry on, a `judgement` of opens and clicks, a `signal` that a provider posted, a
`mailbox` that mail comes back to, a run to `tally`, a `notice` for a subscription, a run
to `guard`, the `vitals` that staff see, somebody's `digest`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from campaigns import arrivals, attributes, audience, configuration, past
from campaigns.config.gate import Invalid
from campaigns.facts import proof
from campaigns.importing import jobs
from campaigns.importing.kinds import Circumstances
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, Run
from delivery import (
    alarms,
    batches,
    bounds,
    busy,
    caps,
    digests,
    dispatch,
    folding,
    guards,
    judgement,
    mailboxes,
    messages,
    notices,
    notifying,
    reconciliation,
    resolving,
    standing,
    tallies,
    unknowns,
    vitals,
)
from delivery.models import Batch
from delivery.providers import polled
from delivery.senders import gate
from delivery.turns import Turn
from tenants import agenda, bell, context
from tenants.models import Retailer

logger = logging.getLogger(__name__)


def advance(run: Run, *, now: datetime) -> datetime | None:
    """Carry one run through its stages, resuming wherever it stopped. Returns when to look again.

    Raises bounds.Forbidden, and Invalid.
    """
    if run.state == Run.State.PAUSED:
        return None
    if run.state == Run.State.CANCELLED:
        batches.cancel_waiting(run, "the run was cancelled")
        return None
    limits = bounds.of(run, context.current())  # what the policy forbids by now is not planned either
    if run.evaluated_at is None:
        full = caps.full(limits.caps, now=now, among=arrivals.customers(run))
        _check_senders(run, limits, now)
        audience.evaluate(run, capped=full, policy=limits.policy)  # 2  who is in, and why not
        reconciliation.reconcile(run)
        tallies.begin(run)
        vitals.expect(context.current())
    next_step = messages.generate(run, now=now)  # 3  what each of them will get; batches announce themselves for 4
    waiting = batches.unfinished(run)
    if waiting:
        agenda.put_missing(context.current(), "batch", waiting, is_transactional=_is_transactional(run))
    elif next_step is None:
        configuration.finish(run, now=now)
    return next_step


def _check_senders(run: Run, limits: bounds.Bounds, now: datetime) -> None:
    """A campaign with a time starts by itself: what kept a person from launching it keeps it too. Raises Forbidden."""
    try:
        gate.check(run.version.parsed(), now=now, policy=limits.policy)
    except Invalid as invalid:
        raise bounds.Forbidden(f"policy: {invalid}. Put it right, then resume the run.") from invalid


def work(*, seconds: float, retailer: Retailer | None = None, overdue_by: float = 0.0) -> int:
    """Do what is due, the least-served retailer first, for about `seconds`. Returns how many items were handled."""
    until, handled = time.monotonic() + seconds, 0
    if retailer is None:
        busy.sign_in()
    while time.monotonic() < until:
        claim = agenda.claim(seconds=settings.LEASE_SECONDS, retailer=retailer, overdue_by=overdue_by)
        if claim is None:
            break
        _handle(claim, gives_way=retailer is None)
        handled += 1
    return handled


def sweep() -> None:
    """Announce what is to be found out and stands in no agenda, and forget what is of long ago, of every retailer."""
    context.in_every(lambda retailer: _sweep(retailer, timezone.now()), what="the hourly sweep")


def _sweep(retailer: Retailer, now: datetime) -> None:
    unknowns.announce_missing(retailer)
    notifying.forget_old(now=now)
    folding.forget_old(now=now)
    past.forget_old(now=now)
    polled.expect_all(retailer)
    vitals.write_own(now=now)


def _handle(claim: agenda.Claim, *, gives_way: bool = False) -> None:
    """`gives_way`: to who comes meanwhile and was served less, between two hand-overs of a batch."""
    turn = Turn(claim, serve=_handle)
    try:
        with busy.at_work(), context.in_retailer(context.resolve(claim.retailer_id)) as retailer:
            due_at = _stage(claim, retailer, turn if gives_way else None)
            if due_at is not None:
                _put_off(claim, due_at, turn.cost)
            elif claim.kind == "batch":
                _finish_batch(claim, retailer, turn.cost)
            else:
                agenda.finish(claim, cost=turn.cost)
    except context.RetailerUnavailable as reason:
        agenda.postpone(claim, due_at=timezone.now(), cost=0.0)  # waits until the retailer is active again
        logger.info("%s", reason)
    except Exception as error:  # the one place where a broken item is kept from stopping the others
        logger.exception("%s %s of retailer %s failed", claim.kind, claim.object_id, claim.retailer_id)
        agenda.fail(claim, error=f"{type(error).__name__}: {error}", cost=turn.cost)


def _put_off(claim: agenda.Claim, due_at: datetime, cost: float) -> None:
    if claim.kind == "batch" and (leased_until := batches.leased_until(claim.object_id)):  # by somebody else
        agenda.hold(claim, until=leased_until, cost=cost)
        return
    agenda.postpone(claim, due_at=due_at, cost=cost)
    if claim.kind == jobs.AGENDA_KIND:  # the next slice: rung for only once it can be claimed
        bell.ring()


def _stage(claim: agenda.Claim, retailer: Retailer, turn: Turn | None) -> datetime | None:
    """What is announced while somebody is at it is dealt again at once: of some kinds that must wait for his end."""
    if claim.kind == "batch":
        return _deliver(claim.object_id, retailer, timezone.now(), turn)
    stage = _STAGES[claim.kind]
    if claim.kind not in _ONE_AT_A_TIME:
        return stage(claim.object_id, retailer, timezone.now())
    with agenda.alone(retailer, claim.kind, claim.object_id) as is_alone:
        now = timezone.now()
        return stage(claim.object_id, retailer, now) if is_alone else now + _AGAIN


def _launch(campaign_id: int, retailer: Retailer, now: datetime) -> datetime | None:
    return configuration.launch_due(Campaign.objects.select_related("live").get(pk=campaign_id), now=now)


def _advance(run_id: int, retailer: Retailer, now: datetime) -> datetime | None:
    run = Run.objects.select_related("version", "campaign").get(pk=run_id)
    try:
        return advance(run, now=now)
    except bounds.Forbidden as reason:
        _pause(run, str(reason))
    except Invalid as invalid:
        configuration.fail(run, reason=str(invalid), now=now)
    finally:
        notices.of_run(retailer, run_id)
    return None


def _deliver(batch_id: int, retailer: Retailer, now: datetime, turn: Turn | None = None) -> datetime | None:
    busy.look_around()
    try:
        return dispatch.deliver(batch_id, retailer=retailer, now=now, turn=turn)
    except dispatch.MustPause as reason:
        _pause(Batch.objects.select_related("run").get(pk=batch_id).run, str(reason))
        return None


def _resolve(batch_id: int, retailer: Retailer, now: datetime) -> datetime | None:
    return resolving.resolve(batch_id, retailer=retailer, now=now)


def _import(import_id: int, retailer: Retailer, now: datetime) -> datetime | None:
    """A slice of it."""
    is_open = jobs.advance(import_id, Circumstances(now, retailer.tzinfo, when_due=bell.ring))
    return now if is_open else None


def _fill(definition_id: int, retailer: Retailer, now: datetime) -> datetime | None:
    return now if attributes.fill(definition_id, now=now) else None


def _prove(proof_id: int, retailer: Retailer, now: datetime) -> datetime | None:
    return now if proof.advance(proof_id, now=now) else None


def _judge(_: int, retailer: Retailer, now: datetime) -> datetime | None:
    return judgement.advance(retailer, now=now)


def _signal(_: int, retailer: Retailer, now: datetime) -> datetime | None:
    return folding.advance(retailer, now=now)


def _look_into(provider_id: int, retailer: Retailer, now: datetime) -> datetime | None:
    return mailboxes.advance(provider_id, retailer, now=now)


def _tally(run_id: int, retailer: Retailer, now: datetime) -> datetime | None:
    return tallies.advance(run_id, now=now)


def _digest(user_id: int, retailer: Retailer, now: datetime) -> datetime | None:
    return digests.advance(user_id, retailer, now=now)


def _vitals(_: int, retailer: Retailer, now: datetime) -> datetime | None:
    return vitals.advance(retailer, now=now)


def _notify(subscription_id: int, retailer: Retailer, now: datetime) -> datetime | None:
    return notifying.advance(subscription_id, retailer, now=now)


def _guard(run_id: int, retailer: Retailer, now: datetime) -> datetime | None:
    return guards.advance(run_id, now=now)


def _pause(run: Run, reason: str) -> None:
    try:
        configuration.pause(run, reason=reason)
    except NotAllowed as already:  # another worker met the same, or a person was faster
        logger.info("%s", already)


@transaction.atomic
def _finish_batch(claim: agenda.Claim, retailer: Retailer, cost: float) -> None:
    """As one: whoever dies in between would leave a run that nobody looks at any more."""
    agenda.finish(claim, cost=cost)
    _look_after_run(claim.object_id, retailer)


def _look_after_run(batch_id: int, retailer: Retailer) -> None:
    """After its item is gone: a batch left by a pause that has ended meanwhile goes on, and the last batch to end has
    its run looked at once more, because only `advance` declares a run completed. Where there is nothing else that it
    could come to, that needs no turn of its own."""
    found = standing.of(batch_id)
    if found.run_state != Run.State.RUNNING:
        return
    if guards.has_errors(batch_id):
        alarms.expect(retailer, [found.run_id])
    if found.is_done and found.has_fellows:
        return
    run = Run.objects.select_related("version").get(pk=found.run_id)
    if not found.is_done:
        agenda.put_missing(retailer, "batch", [batch_id], is_transactional=_is_transactional(run))
    elif messages.are_all_made(run):
        configuration.finish(run, now=timezone.now())
        notices.of_run(retailer, run.pk)
    else:
        agenda.put(retailer, "run", run.pk, is_transactional=_is_transactional(run))


def _is_transactional(run: Run) -> bool:
    return run.version.parsed().is_transactional


_AGAIN = timedelta(seconds=1)
_ONE_AT_A_TIME = {judgement.AGENDA_KIND, notices.AGENDA_KIND, alarms.AGENDA_KIND, polled.AGENDA_KIND}
_STAGES: dict[str, Callable[[int, Retailer, datetime], datetime | None]] = {
    "campaign": _launch,
    "run": _advance,
    batches.UNKNOWN: _resolve,
    jobs.AGENDA_KIND: _import,
    attributes.AGENDA_KIND: _fill,
    proof.AGENDA_KIND: _prove,
    judgement.AGENDA_KIND: _judge,
    folding.AGENDA_KIND: _signal,
    polled.AGENDA_KIND: _look_into,
    tallies.AGENDA_KIND: _tally,
    notices.AGENDA_KIND: _notify,
    vitals.AGENDA_KIND: _vitals,
    alarms.AGENDA_KIND: _guard,
    digests.AGENDA_KIND: _digest,
}
