"""A channel that keeps what it was given: for trying things out, and for tests of what comes before it."""

from __future__ import annotations

from collections.abc import Sequence

from delivery.channels.base import Envelope, Mute, Outbound, Outcome, Result
from delivery.channels.kinds import EVERY, Account, Credentials, Kind, Settings


class MemoryChannel(Mute):
    key_window = 0.0

    def __init__(self, url: str = "memory://", provider: str = "memory") -> None:
        self.provider = provider
        self.sent: list[Outbound] = []

    def check(self) -> None:
        """Always there."""

    def send(self, envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        self.sent += batch
        return [Outcome(message.key, Result.ACCEPTED, "kept in memory") for message in batch]

    def close(self) -> None:
        """Nothing to let go of."""


def _channel(account: Account) -> MemoryChannel:
    return MemoryChannel(provider=account.key)


KIND = Kind("memory", "Memory (development)", EVERY, Settings, Credentials, _channel, for_development=True)
