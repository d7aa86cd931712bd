"""What is promised and what is borne: the objective of delivery, how fast its budget burns, and complaints.

Burn rates and windows are those of Google's SRE workbook, chapter 5: a fast burn has used 2 % of a month's budget in an
hour, a slow one 5 % in six; the short window beside each says that it still goes on. Complaints: Gmail and Yahoo ask
senders to stay under 0.1 % and act from 0.3 % on; we warn and pause sooner.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

OBJECTIVE = 0.999  # of the messages tried, a provider takes
BUDGET = 1 - OBJECTIVE
FEWEST = 3  # misses or complaints below which nobody is woken: one of a hundred messages says nothing
WARN, PAUSE = 0.0008, 0.002  # complaints of delivered


@dataclass(frozen=True)
class Alert:
    """Budget burns at `rate` times what a month bears, over `long` and still over `short`."""

    name: str
    rate: float
    long: timedelta
    short: timedelta


ALERTS = (
    Alert("fast burn", 14.4, timedelta(hours=1), timedelta(minutes=5)),
    Alert("slow burn", 6.0, timedelta(hours=6), timedelta(minutes=30)),
)


@dataclass(frozen=True)
class Tried:
    """Messages tried, and those of them that no provider took."""

    tried: int
    missed: int

    @property
    def success(self) -> float | None:
        return 1 - self.missed / self.tried if self.tried else None

    @property
    def burn(self) -> float:
        """How many times as fast as a month bears; 0.0 where nothing was tried."""
        return self.missed / self.tried / BUDGET if self.tried else 0.0


class Level(StrEnum):
    FINE = "fine"
    WARN = "warn"
    PAUSE = "pause"


@dataclass(frozen=True)
class Complaints:
    """Of one group of receiving domains, or of all."""

    delivered: int
    complained: int

    @property
    def share(self) -> float | None:
        return self.complained / self.delivered if self.delivered else None

    @property
    def level(self) -> Level:
        if self.complained < FEWEST or not self.delivered:
            return Level.FINE
        share = self.complained / self.delivered
        return Level.PAUSE if share >= PAUSE else Level.WARN if share >= WARN else Level.FINE

    @property
    def is_doubtful(self) -> bool:
        """So few complained that their share, large as it looks, says nothing yet."""
        return self.level == Level.FINE and (self.share or 0.0) >= WARN

    @property
    def percent(self) -> float | None:
        return None if self.share is None else 100 * self.share

    @property
    def reach(self) -> float:
        """How far the meter stands out, in percent of its width: it ends where a run is paused."""
        return min(100.0, 100 * (self.share or 0.0) / PAUSE)


def fires(alert: Alert, long: Tried, short: Tried) -> bool:
    return long.missed >= FEWEST and long.burn >= alert.rate and short.burn >= alert.rate
