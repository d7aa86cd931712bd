"""What was measured of one way to send, and how several measurements are put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


class NoFigures(RuntimeError):
    """Something went so wrong that figures would mean nothing."""


@dataclass(frozen=True)
class Measured:
    """`messages` of them in `seconds`, for `cpu_s` seconds of processor time, the sink's not counted."""

    messages: int
    seconds: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        return self.messages / self.seconds

    @property
    def cpu_s_per_1000(self) -> float:
        return self.cpu_s / self.messages * 1000


def middle(measured: Sequence[Measured]) -> Measured:
    """The median of repetitions, rate and processor time each by itself; `messages` of one of them."""
    messages = measured[0].messages
    seconds = messages / median(each.per_s for each in measured)
    return Measured(messages, seconds, median(each.cpu_s_per_1000 for each in measured) * messages / 1000)
