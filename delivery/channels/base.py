"""The port: a batch in, an outcome for each message out. Channels know no tables."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol

from delivery.channels.signals import NoSignals, Signal, WebhookRequest


class Result(StrEnum):
    """What became of one message at the provider."""

    ACCEPTED = "accepted"  # the provider took responsibility
    REJECTED = "rejected"  # permanently refused: never try again
    DEFERRED = "deferred"  # refused for now: nothing was taken, try again later
    UNSENT = "unsent"  # not handed over, for a reason that is not this message's: no attempt was made
    UNKNOWN = "unknown"  # handed over, no answer: only a person or the provider can say


@dataclass(frozen=True, slots=True)
class SmsContent:
    text: str


@dataclass(frozen=True, slots=True)
class PushContent:
    """`collapse_id`: of the notifications on a device that share it, the last is shown; empty: the message's key."""

    title: str
    body: str
    image: str = ""
    link: str = ""
    collapse_id: str = ""
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WebhookContent:
    """`body` is what JSON can say."""

    body: Mapping[str, Any]


Content = SmsContent | PushContent | WebhookContent


@dataclass(slots=True)  # not frozen: one is made for every message, and that would cost twice as much
class Outbound:
    """One rendered message. `key` is the message's public id, stable over all attempts.

    The recipient is an e-mail address, a phone number in E.164, an FCM registration token or a Web Push subscription
    (its JSON), or the customer's external id for a webhook. An e-mail has its subject, html and text; on every other
    channel `content` is what is said.
    """

    key: str
    recipient: str
    subject: str = ""
    html: str = ""
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Content | None = None


@dataclass(frozen=True)
class Attached:
    """A file that goes along with an e-mail. `name` and `mime` are safe in a header."""

    name: str
    mime: str
    content: bytes

    @cached_property
    def base64(self) -> str:
        return b64encode(self.content).decode()


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all messages of a batch share. Files go along with e-mails."""

    sender: str
    from_name: str
    from_email: str
    reply_to: str = ""
    attached: tuple[Attached, ...] = ()


@dataclass(slots=True)  # not frozen: one is made for every message, and that would cost twice as much
class Outcome:
    """The provider's answer to one message. `detail` is its own wording, for people.

    `retry_after` is how many seconds it asked to be left alone, where it deferred and said so. `is_recipient_s`: it was
    deferred for something of the recipient's, such as a full mailbox, which says nothing about the provider.
    `is_gone`: there is no such device any more.
    """

    key: str
    result: Result
    detail: str = ""
    provider_id: str = ""
    retry_after: float | None = None
    is_recipient_s: bool = False
    is_gone: bool = False

    def unnamed(self, address: str) -> str:
        """The detail without the recipient's address: the ledger outlives the person."""
        told = self.detail
        if not address or (told.isascii() and address.isascii() and address.lower() not in told.lower()):
            return told  # as nearly all are: a pattern for every address costs more than rendering the message
        return re.sub(re.escape(address), "the recipient", told, flags=re.IGNORECASE)

    @property
    def is_provider_s_failure(self) -> bool:
        """Whether the provider put it off for a reason of its own."""
        return self.result == Result.DEFERRED and not self.is_recipient_s


class ChannelUnavailable(Exception):
    """Nothing was handed over: the provider cannot be reached or refuses us as a whole.

    `permanent` says that waiting will not help (wrong credentials): a person must act. `retry_after` is how many
    seconds to wait before the next try, where that is known.
    """

    def __init__(self, message: str, *, permanent: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Sought:
    """A message that a provider is asked about. `since`: when it was handed over first."""

    key: str
    recipient: str
    since: datetime


class ReturnPaths(Protocol):
    """Names for the addresses that messages come back to; see delivery.return_paths."""

    def name(self, key: str, address: str) -> str:
        """What stands before the @ for a message to an address; empty where there is none for it."""

    def read(self, name: str) -> str:
        """The key of the message; empty for what nobody of us made."""

    def is_of(self, name: str, address: str) -> bool:
        """Whether a name that could be read was made for this address."""


class Channel(Protocol):
    """One configured account at a provider. Used by one thread at a time.

    `key_window`: for so many seconds the provider takes a message's key for the same message and does not send it
    twice; zero where it knows no such key. `can_be_asked`: whether `look_up` can tell anything. `calls_back`: whether
    the provider's signals can. `meanwhile` is something short to do whenever `send` would only wait, for a channel
    that hands over one message after the other.
    """

    provider: str
    key_window: float
    meanwhile: Callable[[], object] | None

    @property
    def can_be_asked(self) -> bool: ...

    @property
    def calls_back(self) -> bool: ...

    def check(self) -> None:
        """Reach the provider without sending anything. Raises ChannelUnavailable."""

    def send(self, envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        """Hand over a batch within `seconds`. One outcome per message, in order.

        Raises ChannelUnavailable only when not one message was handed over.
        """

    def look_up(self, sought: Sequence[Sought], *, seconds: float) -> Sequence[Outcome]:
        """What became of messages, as far as the provider knows them: of the others there is no outcome, which says
        nothing about whether they were sent. Raises ChannelUnavailable when it cannot be asked.
        """

    def verify(self, request: WebhookRequest) -> None:
        """Whether it was the provider that sent this. Raises signals.Forged, and signals.NoSignals."""

    def parse(self, request: WebhookRequest) -> Sequence[Signal]:
        """What a verified request tells. Raises signals.Unreadable."""

    def confirm(self, request: WebhookRequest) -> None:
        """Say yes where a verified request asks whether it is wanted. Raises ChannelUnavailable."""

    def close(self) -> None:
        """Let go of connections."""


class Mute:
    """A channel whose provider calls nobody back, and cannot be asked."""

    can_be_asked = False
    meanwhile: Callable[[], object] | None = None

    @property
    def calls_back(self) -> bool:
        return type(self).verify is not Mute.verify

    def look_up(self, sought: Sequence[Sought], *, seconds: float) -> Sequence[Outcome]:
        return []

    def verify(self, request: WebhookRequest) -> None:
        raise NoSignals("This provider sends no signals.")

    def parse(self, request: WebhookRequest) -> Sequence[Signal]:
        return []

    def confirm(self, request: WebhookRequest) -> None:
        pass
