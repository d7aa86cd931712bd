"""A circuit breaker for each retailer's provider: who keeps failing is left alone for a while, then tried with care.

Reads    ProviderState
Writes   ProviderState
Promise  all workers know the same, by the database's clock; a provider that works costs one question a second

Closed until so many hand-overs in a row reached nobody, half of what was handed over in a minute failed, or the
provider asked to be left alone. Then open for a pause that doubles each time; then half-open: one worker tries with
one message, and closes it or opens it again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import connection

from delivery.channels.base import ChannelUnavailable, Outcome, Result

IN_A_ROW = 3  # hand-overs that reached nobody
LEAST = 20  # failures in a minute that say something about a provider; with them, half of all
SECONDS, LONGEST = 15.0, 600.0  # the first pause, and the most a pause becomes
LOOK_AGAIN = 1.0  # seconds after which a worker asks what the others found
PROBE_SECONDS = 60.0  # after which a probe is taken for lost with its worker
_FAILED = (Result.DEFERRED, Result.UNKNOWN, Result.UNSENT)


@dataclass
class Breaker:
    """One worker's view of a provider while it has a batch. `is_clean`: nothing is noted against the provider."""

    provider_id: int
    is_clean: bool = True
    is_probe: bool = False
    is_resting: bool = False  # to be left alone, as far as this worker knows
    _unreported: int = field(default=0, init=False)  # messages that went well since this worker last noted something
    _looked: float = field(default_factory=time.monotonic, init=False)

    def note(self, outcomes: Sequence[Outcome]) -> None:
        """Learn from a hand-over."""
        failures = [each for each in outcomes if each.result in _FAILED and not each.is_recipient_s]
        failed = len(failures)
        kept = [outcome.retry_after for outcome in outcomes if outcome.result == Result.UNSENT]
        pauses = [pause for pause in kept if pause is not None]  # of a deferred message, the pause is its receiver's
        if pauses or failed * 2 >= len(outcomes) > 0:
            self._fail(failures[0].detail, tried=len(outcomes), failed=failed, pause=max(pauses, default=None))
            return
        self._unreported += len(outcomes)
        if not self.is_clean or self.is_probe:
            self._close()

    def refuse(self, refusal: ChannelUnavailable) -> None:
        """Learn from a hand-over that reached nobody."""
        self._fail(str(refusal), unreached=1, at_once=refusal.permanent, pause=refusal.retry_after)

    def must_rest(self) -> bool:
        """Whether the provider is to be left alone from now on: others may have found that meanwhile."""
        if not self.is_resting and time.monotonic() - self._looked > LOOK_AGAIN:
            self._looked = time.monotonic()
            with connection.cursor() as cursor:
                cursor.execute(_IS_OPEN, [self.provider_id])
                row = cursor.fetchone()
            self.is_resting = row is None or bool(row[0])
        return self.is_resting and not self.is_probe

    def leave(self) -> None:
        """Whoever was to try the provider and has not, for nothing was to be handed over, lets another one try it."""
        if self.is_probe:
            with connection.cursor() as cursor:
                cursor.execute(_LEAVE_PROBE, [self.provider_id])
            self.is_probe = False

    def _close(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_CLOSE, {"provider": self.provider_id, "is_probe": self.is_probe})
        self.is_clean, self.is_probe = True, False

    def _fail(
        self,
        why: str,
        *,
        unreached: int = 0,
        tried: int = 0,
        failed: int = 0,
        at_once: bool = False,
        pause: float | None = None,
    ) -> None:
        told = {
            "provider": self.provider_id, "unreached": unreached, "tried": tried + self._unreported, "failed": failed,
            "at_once": at_once or pause is not None, "pause": pause, "error": why[:300], "in_a_row": IN_A_ROW,
            "least": LEAST, "seconds": SECONDS, "longest": LONGEST,
        }  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(_FAIL, told)
            row = cursor.fetchone()
        self.is_resting = row is None or bool(row[0])
        self._unreported, self.is_clean, self.is_probe = 0, False, False


def claim_probe(provider_id: int) -> bool:
    """Whether this worker is the one that may try a provider whose pause is over."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM_PROBE, [PROBE_SECONDS, provider_id])
        return cursor.rowcount == 1


_IS_OPEN = "SELECT coalesce(retry_at > clock_timestamp(), FALSE) FROM delivery_providerstate WHERE provider_id = %s"
# Not by a worker that began before the breaker opened: only a probe's success says that the provider works again.
_CLOSE = """
UPDATE delivery_providerstate
SET failures = 0, tried = 0, failed = 0, since = NULL, opened_at = NULL, retry_at = NULL, openings = 0,
    probe_until = NULL, error = ''
WHERE provider_id = %(provider)s AND (opened_at IS NULL OR %(is_probe)s)
"""
_CLAIM_PROBE = """
UPDATE delivery_providerstate SET probe_until = clock_timestamp() + make_interval(secs => %s)
WHERE provider_id = %s AND opened_at IS NOT NULL AND retry_at <= clock_timestamp()
  AND (probe_until IS NULL OR probe_until <= clock_timestamp())
"""
_LEAVE_PROBE = "UPDATE delivery_providerstate SET probe_until = NULL WHERE provider_id = %s"
_FAIL = """
WITH before AS (
    SELECT state.*, state.since > now.at - interval '1 minute' AS is_recent, now.at
    FROM delivery_providerstate state, (SELECT clock_timestamp() AS at) now
    WHERE state.provider_id = %(provider)s FOR UPDATE OF state
), counted AS (
    SELECT provider_id, at, failures + %(unreached)s AS failures, coalesce(retry_at > at, FALSE) AS is_open,
        opened_at IS NOT NULL AS is_not_closed,
        CASE WHEN is_recent THEN since ELSE at END AS since,
        CASE WHEN is_recent THEN tried ELSE 0 END + %(tried)s AS tried,
        CASE WHEN is_recent THEN failed ELSE 0 END + %(failed)s AS failed
    FROM before
), judged AS (
    SELECT *, NOT is_open AND (
        %(at_once)s OR is_not_closed OR failures >= %(in_a_row)s OR failed >= %(least)s AND failed * 2 >= tried
    ) AS opens
    FROM counted
)
UPDATE delivery_providerstate state
SET failures = judged.failures, tried = judged.tried, failed = judged.failed, since = judged.since, error = %(error)s,
    opened_at = CASE WHEN opens THEN coalesce(state.opened_at, at) ELSE state.opened_at END,
    openings = state.openings + opens::int,
    probe_until = CASE WHEN opens THEN NULL ELSE state.probe_until END,
    retry_at = CASE
        WHEN %(pause)s::float8 IS NOT NULL
            THEN greatest(state.retry_at, at + make_interval(secs => greatest(
                %(pause)s::float8, CASE WHEN opens THEN least(%(longest)s, 2.0 ^ least(state.openings, 10)) END)))
        WHEN opens THEN at + make_interval(
            secs => least(%(longest)s, %(seconds)s * 2.0 ^ least(state.openings, 10)) * (0.8 + 0.4 * random()))
        ELSE state.retry_at
    END
FROM judged WHERE state.provider_id = judged.provider_id
RETURNING coalesce(state.retry_at > judged.at, FALSE)
"""
