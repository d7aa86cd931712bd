"""What people decide about messages whose outcome nobody knows, and what they are shown to decide it by.

Reads    Message, OutcomeRecord
Writes   Message (its state), OutcomeRecord, and the agenda
Promise  a decision holds for what is still unknown when it is made; who made it is kept with each message, and in the
         audit trail
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Max, Min, OuterRef, Q, QuerySet, Subquery

from campaigns.config.gate import Invalid, Problem
from campaigns.importing.rejects import harmless
from campaigns.lifecycle import NotAllowed
from campaigns.models import Customer, Run
from delivery import cures, identity
from delivery.batches import UNKNOWN
from delivery.models import Message
from tenants import acting, agenda, audit, context

COLUMNS = (
    "message",
    "customer",
    "step",
    "channel",
    "variant",
    "provider",
    "attempts",
    "since",
    "looked_into",
    "reason",
)
_AT_ONCE = 2_000  # rows in memory while they are written out
_OVER = {Run.State.CANCELLED: "was cancelled", Run.State.FAILED: "failed", Run.State.MISSED: "was missed"}


class Choice(StrEnum):
    """How a message is resolved."""

    SENT = "sent"
    NOT_SENT = "not_sent"
    RESEND = "resend"


WORDS = {
    Choice.SENT: "settled as sent",
    Choice.NOT_SENT: "settled as not sent",
    Choice.RESEND: "to be sent again",
}


@dataclass(frozen=True)
class Cause:
    """Unknown messages of one reason. `looked_into`: how many are still being found out; the rest are a person's."""

    reason: str
    count: int
    looked_into: int
    since: datetime | None
    latest: datetime | None

    @property
    def cure(self) -> str:
        return cures.cure(self.reason)


@dataclass(frozen=True)
class Which:
    """Of a run's unknown messages, those of a cause, or those named; all where neither is given."""

    cause: str | None = None
    message_ids: Sequence[int] | None = None

    @property
    def words(self) -> str:
        if self.message_ids is not None:
            return f"{len(self.message_ids)} named"
        return "all" if self.cause is None else self.cause


def of(run: Run) -> QuerySet[Message]:
    """The run's messages whose outcome nobody knows."""
    return Message.objects.filter(run=run, state=Message.State.UNKNOWN)


def causes(run: Run) -> list[Cause]:
    """The commonest first."""
    found = (
        of(run)
        .values("reason")
        .annotate(
            count=Count("pk"),
            looked_into=Count("pk", filter=~Q(retry_at=None)),
            since=Min("settled_at"),
            latest=Max("settled_at"),
        )
    )
    return [Cause(**row) for row in found.order_by("-count", "reason")[:50]]


def are_looked_into(run: Run) -> bool:
    """Whether some of them are still being found out."""
    return of(run).exclude(retry_at=None).exists()


def decide(run: Run, choice: Choice, which: Which) -> int:
    """Resolve messages as a person says. Returns how many.

    Raises Invalid when none of them is unknown, and NotAllowed for what makes no sense: sending again for a run that
    is over.
    """
    if choice == Choice.RESEND and run.state in _OVER:
        cure = "settle them as sent or as not sent, or launch again"
        raise NotAllowed(f"Run {run.pk} {_OVER[Run.State(run.state)]}: nothing of it is sent any more; {cure}.")
    actor = acting.current()
    detail = f"{WORDS[choice]} by {actor.name}" + (f": {actor.reason}" if actor.reason else "")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_DECIDE[choice], _params(run, choice, which, detail))
        batches = [row[0] for row in cursor.fetchall()]
        if not batches:
            raise Invalid([Problem(_field(which), "none of these is unknown any more: look at the run again", "none")])
        if choice == Choice.RESEND:
            agenda.put_many(context.current(), UNKNOWN, sorted(set(batches)))
        told = {"campaign": run.campaign.key, "as": choice.value, "messages": len(batches), "which": which.words}
        audit.note("resolve", "run", str(run.pk), after=told)
    return len(batches)


def rows(run: Run) -> Iterator[list[str]]:
    """The run's unknown messages as rows of COLUMNS, for a spreadsheet: no cell is taken for a formula."""
    name = identity.public_ids(context.current())
    person = Customer.objects.filter(pk=OuterRef("customer_id")).values("external_id")
    found = of(run).order_by("pk").annotate(external_id=Subquery(person))
    yield list(COLUMNS)
    for message in found.iterator(_AT_ONCE):
        yield [harmless(cell) for cell in _cells(message, name(message.pk))]


def write_csv(run: Run, file: Any) -> None:
    """Into a text file, or anything that has `write`."""
    csv.writer(file).writerows(rows(run))


def _cells(message: Any, public_id: str) -> list[str]:
    since = message.settled_at.isoformat(timespec="seconds") if message.settled_at else ""
    looked_into = "no" if message.retry_at is None else "yes"
    about = [public_id, message.external_id or "", message.step, message.channel, message.variant]
    return [*about, message.provider, str(message.attempts), since, looked_into, message.reason]


def _field(which: Which) -> str:
    if which.message_ids is not None:
        return "messages"
    return "all" if which.cause is None else "cause"


def _params(run: Run, choice: Choice, which: Which, detail: str) -> dict[str, Any]:
    ids = None if which.message_ids is None else list(which.message_ids)
    state = Message.State.ACCEPTED if choice == Choice.SENT else Message.State.FAILED
    return {"run": run.pk, "ids": ids, "cause": which.cause, "word": choice.value, "detail": detail[:300],
            "state": state}  # fmt: skip


_MOVE = """
WITH decided AS (
    UPDATE delivery_message SET {fields}
    WHERE run_id = %(run)s AND state = 'unknown' AND (%(cause)s::text IS NULL OR reason = %(cause)s)
      AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s))
    RETURNING id, batch_id
), evidence AS (
    INSERT INTO delivery_outcomerecord (message_id, epoch, result, detail)
    SELECT decided.id, batch.epoch, %(word)s, %(detail)s
    FROM decided JOIN delivery_batch batch ON batch.id = decided.batch_id
)
SELECT batch_id FROM decided
"""
_SETTLED = _MOVE.format(fields="state = %(state)s, reason = %(detail)s, retry_at = NULL")
_DECIDE = {
    Choice.SENT: _SETTLED,
    Choice.NOT_SENT: _SETTLED,
    Choice.RESEND: _MOVE.format(fields="retry_at = clock_timestamp()"),
}
