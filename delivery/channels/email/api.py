"""What e-mail over HTTP shares: one message, its addresses and header fields checked before they go anywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from delivery.channels.base import Attached, Envelope, Outbound
from delivery.channels.email import headers
from delivery.channels.http import HttpChannel

OURS = "X-Bannerline-Message"
_BREAK = re.compile(r"[\r\n\0]")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that may go out. `fields` are its own header fields beside the usual."""

    key: str
    to: str
    from_email: str
    from_name: str
    reply_to: str
    subject: str
    html: str
    text: str
    fields: dict[str, str]
    attached: tuple[Attached, ...] = ()

    @property
    def mailbox(self) -> str:
        """`"Name" <address>`, for providers that want the sender in one string."""
        if not self.from_name:
            return self.from_email
        name = self.from_name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{name}" <{self.from_email}>'


class EmailApi(HttpChannel):
    def prepare(self, envelope: Envelope, message: Outbound) -> Any:
        return self.written(letter(envelope, message))

    def written(self, letter: Letter) -> Any:
        """The letter as the provider wants it."""
        raise NotImplementedError


def letter(envelope: Envelope, message: Outbound) -> Letter:
    """Raises ValueError, naming the field, when it must not go out."""
    if message.content is not None:
        raise ValueError("this message is no e-mail: choose another channel for its step")
    own = {**message.headers, OURS: message.key}
    for name, value in own.items():
        headers.name(name)
        _one_line(name, value)
    return Letter(
        key=message.key,
        to=headers.address("To", message.recipient),
        from_email=headers.address("From", envelope.from_email),
        from_name=_one_line("From", envelope.from_name),
        reply_to=headers.address("Reply-To", envelope.reply_to) if envelope.reply_to else "",
        subject=_one_line("Subject", message.subject),
        html=message.html,
        text=message.text,
        fields=own,
        attached=tuple(_file(file) for file in envelope.attached),
    )


def _file(file: Attached) -> Attached:
    headers.file_name(file.name)
    headers.media_type(file.mime)
    return file


def first(values: Sequence[str] | None) -> str:
    return str(values[0]) if values else ""


def _one_line(field: str, value: str) -> str:
    if _BREAK.search(value):
        raise ValueError(f"{field} contains a line break or a NUL character: remove it.")
    return value
