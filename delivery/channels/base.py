"""The port: a batch in, an outcome for each message out. Channels know no tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Result(StrEnum):
    """What became of one message at the provider."""

    ACCEPTED = "accepted"  # the provider took responsibility
    REJECTED = "rejected"  # permanently refused: never try again
    DEFERRED = "deferred"  # refused for now: nothing was taken, try again later
    UNSENT = "unsent"  # not handed over, for a reason that is not this message's: no attempt was made
    UNKNOWN = "unknown"  # handed over, no answer: only a person or the provider can say


@dataclass(frozen=True, slots=True)
class Outbound:
    """One rendered message. `key` is the message's public id, stable over all attempts."""

    key: str
    recipient: str
    subject: str
    html: str
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all messages of a batch share."""

    sender: str
    from_name: str
    from_email: str
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The provider's answer to one message. `detail` is its own wording, for people."""

    key: str
    result: Result
    detail: str = ""
    provider_id: str = ""


class ChannelUnavailable(Exception):
    """Nothing was handed over: the provider cannot be reached or refuses us as a whole.

    `permanent` says that waiting will not help (wrong credentials): a person must act.
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class Channel(Protocol):
    """One configured account at a provider. Used by one thread at a time."""

    provider: str

    def check(self) -> None:
        """Reach the provider without sending anything. Raises ChannelUnavailable."""

    def send(self, envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        """Hand over a batch within `seconds`. One outcome per message, in order.

        Raises ChannelUnavailable only when not one message was handed over.
        """

    def close(self) -> None:
        """Let go of connections."""
