"""How many messages a provider may be given now: its rate, its budget of the day, and what one domain takes a minute.

Reads    ProviderState, ProviderDomain
Writes   ProviderState, ProviderDomain
Promise  taken before a hand-over, in statements that all workers share, by the database's clock; what was not
         handed over after all is given back to the budget

Rates are held by the generic cell rate algorithm: `full_at` moves on by a message's share of time for each one
granted, and must not run further ahead of the clock than a burst.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from delivery.batches import Entry

BURST = 1.0  # seconds' worth of messages that may go at once
_LONGEST_DOMAIN = 253  # characters (RFC 1035)
EVERY_OTHER = "*"  # the domains that are not named


@dataclass(frozen=True)
class Granted:
    """`entries` may go now. The rest of a batch waits until `until`; those of `full` domains until `later`."""

    entries: Sequence[Entry]
    until: datetime | None = None
    reason: str = ""
    full: frozenset[str] = frozenset()
    later: datetime | None = None


@dataclass(frozen=True)
class Allowance:
    """What one provider may be given. `midnight` ends the day that the budget is for."""

    provider_id: int
    name: str
    rate: float | None
    max_per_day: int | None
    per_domain: Mapping[str, int]
    day: date
    midnight: datetime

    def take(self, wanted: Sequence[Entry], *, now: datetime | None = None) -> Granted:
        """What of `wanted`, in order, may be handed over now, entered as if it were.

        Workers leave `now` out: they share the database's clock.
        """
        if not wanted:
            return Granted(wanted)
        granted = self._of_the_account(wanted, now) if self.rate or self.max_per_day is not None else Granted(wanted)
        if not self.per_domain or not granted.entries:
            return granted
        entries, full, later = self._of_the_domains(granted.entries, now)
        self._leave(len(granted.entries) - len(entries))
        return Granted(entries, granted.until, granted.reason, full, later)

    def give_back(self, number: int) -> None:
        """So many were not handed over: the day has room for them again. Time that was taken is spent."""
        if number and self.max_per_day is not None:
            with connection.cursor() as cursor:
                cursor.execute(_GIVE_BACK, [number, self.provider_id, self.day])

    def _leave(self, number: int) -> None:
        """So many were not even tried: the budget and the rate have room for them again."""
        if number and (self.rate or self.max_per_day is not None):
            with connection.cursor() as cursor:
                cursor.execute(_LEAVE, [number, number, self.rate, self.provider_id, self.day])

    def _of_the_account(self, wanted: Sequence[Entry], now: datetime | None) -> Granted:
        params = {
            "provider": self.provider_id, "wanted": len(wanted), "rate": self.rate, "most": self.max_per_day,
            "day": self.day, "burst": BURST, "now": now,
        }  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, params)
            row = cursor.fetchone()
        if row is None:  # the provider was removed meanwhile
            return Granted([], timezone.now(), "The provider was removed.")
        granted, left, seconds = row
        if granted == len(wanted):
            return Granted(wanted)
        if left is not None and left <= 0:
            reason = f"{self.name} has had its {self.max_per_day:,} messages of the day: goes on at midnight."
            return Granted(wanted[:granted], self.midnight, reason)
        return Granted(wanted[:granted], (now or timezone.now()) + timedelta(seconds=seconds))

    def _of_the_domains(
        self, wanted: Sequence[Entry], now: datetime | None
    ) -> tuple[Sequence[Entry], frozenset[str], datetime | None]:
        numbers = Counter(domain for entry in wanted if self._most(domain := domain_of(entry.address)))
        if not numbers:
            return wanted, frozenset(), None
        left, seconds = self._rooms(numbers, now)
        going, full = [], set()
        for entry in wanted:
            domain = domain_of(entry.address)
            if domain in left and left[domain] == 0:
                full.add(domain)
                continue
            if domain in left:
                left[domain] -= 1
            going.append(entry)
        pause = min((seconds[domain] for domain in full), default=0.0)
        later = (now or timezone.now()) + timedelta(seconds=pause) if full else None
        return going, frozenset(full), later

    def _rooms(self, numbers: Mapping[str, int], now: datetime | None) -> tuple[dict[str, int], dict[str, float]]:
        """How many each domain may get now, and in how many seconds it may get more."""
        domains = sorted(numbers)
        params: dict[str, Any] = {
            "provider": self.provider_id, "domains": domains, "wanted": [numbers[domain] for domain in domains],
            "rates": [self._most(domain) / 60 for domain in domains], "burst": BURST,
            "now": now,
        }  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(_MEET_DOMAINS, params)
            cursor.execute(_TAKE_OF_DOMAINS, params)
            rows = cursor.fetchall()
        return {domain: granted for domain, granted, _ in rows}, {domain: seconds for domain, _, seconds in rows}

    def _most(self, domain: str) -> int:
        """Messages a minute; zero where none is said."""
        return self.per_domain.get(domain) or self.per_domain.get(EVERY_OTHER) or 0


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()[:_LONGEST_DOMAIN]


_GIVE_BACK = """
UPDATE delivery_providerstate SET used = greatest(0, used - %s) WHERE provider_id = %s AND day = %s
"""
_LEAVE = """
UPDATE delivery_providerstate
SET used = greatest(0, used - %s), full_at = coalesce(full_at - make_interval(secs => %s / %s::float8), full_at)
WHERE provider_id = %s AND day = %s
"""
_TAKE = """
WITH before AS (
    SELECT * FROM delivery_providerstate WHERE provider_id = %(provider)s FOR UPDATE
), room AS (
    SELECT before.provider_id, now.at, greatest(before.full_at, now.at) AS full_at, limits.burst, limits.most_left,
        greatest(0, least(
            %(wanted)s::int,
            floor((extract(epoch FROM now.at - greatest(before.full_at, now.at)) + limits.burst) * limits.rate + 1e-9),
            limits.most_left
        ))::int AS granted
    FROM before, LATERAL (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS at) now, LATERAL (
        SELECT %(rate)s::float8 AS rate, greatest(%(burst)s::float8, 1 / %(rate)s::float8) AS burst,
            %(most)s::int - CASE WHEN before.day = %(day)s THEN before.used ELSE 0 END AS most_left
    ) limits
)
UPDATE delivery_providerstate state
SET full_at = coalesce(room.full_at + make_interval(secs => room.granted / %(rate)s::float8), state.full_at),
    used = CASE WHEN state.day = %(day)s THEN state.used ELSE 0 END + room.granted, day = %(day)s
FROM room WHERE state.provider_id = room.provider_id
RETURNING room.granted, room.most_left - room.granted, coalesce(greatest(0, extract(epoch FROM room.full_at - room.at)
    + (room.granted + greatest(1, least(%(wanted)s - room.granted, %(rate)s::float8 / 2))) / %(rate)s::float8
    - room.burst), 0)::float8
"""
_MEET_DOMAINS = """
INSERT INTO delivery_providerdomain (provider_id, domain, full_at)
SELECT %(provider)s, domain, coalesce(%(now)s::timestamptz, clock_timestamp()) FROM unnest(%(domains)s::text[]) domain
WHERE NOT EXISTS (
    SELECT FROM delivery_providerdomain known WHERE known.provider_id = %(provider)s AND known.domain = domain.domain
)
ORDER BY domain ON CONFLICT DO NOTHING
"""
_TAKE_OF_DOMAINS = """
WITH before AS (
    SELECT known.id, known.full_at, asked.domain, asked.wanted, asked.rate
    FROM delivery_providerdomain known
    JOIN unnest(%(domains)s::text[], %(wanted)s::int[], %(rates)s::float8[]) asked (domain, wanted, rate)
      ON asked.domain = known.domain
    WHERE known.provider_id = %(provider)s ORDER BY known.domain FOR UPDATE OF known
), room AS (
    SELECT before.id, domain, wanted, rate, at, greatest(full_at, at) AS full_at, burst,
        greatest(0, least(
            wanted, floor((extract(epoch FROM at - greatest(full_at, at)) + burst) * rate + 1e-9)
        ))::int AS granted
    FROM before, LATERAL (
        SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS at,
            greatest(%(burst)s::float8, 1 / before.rate) AS burst
    ) now
)
UPDATE delivery_providerdomain known
SET full_at = room.full_at + make_interval(secs => room.granted / room.rate)
FROM room WHERE known.id = room.id
RETURNING room.domain, room.granted, greatest(0, extract(epoch FROM room.full_at - room.at)
    + (room.granted + greatest(1, least(room.wanted - room.granted, room.rate / 2))) / room.rate - room.burst)::float8
"""
