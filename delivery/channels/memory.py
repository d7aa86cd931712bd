"""A channel that keeps what it was given: for trying things out, and for tests of what comes before it."""

from __future__ import annotations

from collections.abc import Sequence

from delivery.channels.base import Envelope, Mute, Outbound, Outcome, Result


class MemoryChannel(Mute):
    provider = "memory"
    key_window = 0.0

    def __init__(self, url: str = "memory://") -> None:
        self.sent: list[Outbound] = []

    def check(self) -> None:
        """Always there."""

    def send(self, envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        self.sent += batch
        return [Outcome(message.key, Result.ACCEPTED, "kept in memory") for message in batch]

    def close(self) -> None:
        """Nothing to let go of."""
