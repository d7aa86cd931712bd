"""What makes a run pause by itself: bounces, complaints, unsubscriptions and errors beyond what the policy bears.

Reads    Message, Signal, Run, the policy in force
Writes   Run, through campaigns.configuration
Promise  looked at whenever one of them comes in, before the next batch is done (a run of hundreds of thousands: every
         few seconds); whoever resumes a run has seen why it paused: only what goes out from then on counts

A share counts from LEAST messages on, of a variant or of a whole step, and only where FEWEST came of it: nobody stops a
campaign for two people. Complaints: Gmail and Yahoo ask senders to stay under 0.1 % and act from 0.3 % on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from campaigns import configuration, policies
from campaigns.config.policy import Policy
from campaigns.lifecycle import NotAllowed
from campaigns.models import Run
from tenants import context, prepared

LEAST, FEWEST = 100, 3
QUICK, LEISURE = 0.2, 10  # seconds that a look may take for one to follow every signal; times that the others are apart
STANDARD = {"bounces": 0.10, "complaints": 0.002, "unsubscribes": 0.03, "errors": 0.25}  # where the policy says nothing
_DID = {
    "bounces": "came back",
    "complaints": "were called spam",
    "unsubscribes": "made somebody unsubscribe",
    "errors": "could not be made, or were refused",
}
_CURE = {
    "bounces": "look where the addresses come from",
    "complaints": "look whether these people asked for it, and at the subject",
    "unsubscribes": "look at the audience, and how often it is written to",
    "errors": "look at the errors below",
}
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Breach:
    """`number` of `messages` of a step, and of one variant where it is named."""

    what: str
    step: str
    variant: str
    number: int
    messages: int
    limit: float

    def __str__(self) -> str:
        whose = f"variant {self.variant} of {self.step}" if self.variant else self.step
        share = f"{self.number / self.messages * 100:.2g} %"
        return (
            f"Paused by itself: {share} of {self.messages:,} messages of {whose} {_DID[self.what]}, and "
            f"{self.limit * 100:g} % are borne. Please {_CURE[self.what]}, then resume."
        )


def advance(run_id: int, *, now: datetime) -> datetime | None:
    """Look at a run. Of one whose counting takes long: when to look again, whatever is announced until then."""
    begun = time.monotonic()
    look(run_id)
    seconds = time.monotonic() - begun
    if seconds < QUICK or not Run.objects.filter(pk=run_id, state=Run.State.RUNNING).exists():
        return None
    return now + timedelta(seconds=LEISURE * seconds)


def look(run_id: int) -> Breach | None:
    """Pause the run where it must be; what was found."""
    run = Run.objects.select_related("campaign").get(pk=run_id)
    if run.state != Run.State.RUNNING:
        return None
    found = next(breaches(run, policies.effective(context.current())), None)
    if found is not None:
        try:
            configuration.pause(run, reason=str(found))
        except NotAllowed as already:
            logger.info("%s", already)
    return found


def breaches(run: Run, policy: Policy) -> Iterator[Breach]:
    """The gravest kind first; a variant before the step that it is of."""
    limits = {what: getattr(policy, f"most_{what}") or standard for what, standard in STANDARD.items()}
    counted = _counted(run)
    for what in ("complaints", "bounces", "unsubscribes", "errors"):
        for step, variant, messages, numbers in counted:
            number = numbers[what]
            if messages >= LEAST and number >= FEWEST and number / messages > limits[what]:
                yield Breach(what, step, variant, number, messages, limits[what])


def has_errors(batch_id: int) -> bool:
    """Whether so much of a batch went wrong that its run is worth a look."""
    [(errors, messages)] = prepared.rows(_OF_BATCH, [batch_id])
    return bool(errors >= FEWEST and errors > 0.02 * messages)


def _counted(run: Run) -> list[tuple[str, str, int, dict[str, int]]]:
    """By step and variant, and by step alone: only once where a step has one variant."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, {"run": run.pk, "since": run.guarded_from})
        names = ("complaints", "bounces", "unsubscribes", "errors")
        return [
            (step, variant or "", messages, dict(zip(names, numbers, strict=True)))
            for step, variant, messages, *numbers in cursor.fetchall()
        ]


_OF_BATCH = """
SELECT count(*) FILTER (WHERE state IN ('failed', 'rejected')), count(*) FROM delivery_message WHERE batch_id = %s
"""
_COUNTED = """
WITH bad AS (
    SELECT message_id, bool_or(kind = 'complaint') AS complained, bool_or(kind = 'unsubscribe') AS unsubscribed
    FROM delivery_signal WHERE run_id = %(run)s AND kind IN ('complaint', 'unsubscribe') GROUP BY message_id
)
SELECT step, variant, count(*), count(*) FILTER (WHERE complained), count(*) FILTER (WHERE state = 'bounced'),
    count(*) FILTER (WHERE unsubscribed), count(*) FILTER (WHERE state IN ('failed', 'rejected'))
FROM delivery_message message LEFT JOIN bad ON bad.message_id = message.id
WHERE run_id = %(run)s AND state IN ('accepted', 'delivered', 'bounced', 'failed', 'rejected')
    AND (%(since)s::timestamptz IS NULL OR settled_at > %(since)s)
GROUP BY GROUPING SETS ((step, variant), (step)) ORDER BY step, variant NULLS LAST
"""
