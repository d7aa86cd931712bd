"""A mail server of somebody else's, aiosmtpd, that remembers a mail as it got it: envelope, encryption and bytes."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from tests.channels.postfix import certificate, free_ports


@dataclass(frozen=True)
class Taken:
    """A mail that was taken. `options` are those of MAIL FROM."""

    sender: str
    recipients: tuple[str, ...]
    options: tuple[str, ...]
    is_encrypted: bool
    raw: bytes

    @cached_property
    def mail(self) -> EmailMessage:
        found = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found

    def fields(self, name: str) -> list[str]:
        return [str(value) for value in self.mail.get_all(name, [])]

    def part(self, subtype: str) -> str:
        """What the part of that type says, as a mail program decodes it."""
        found = self.mail.get_body((subtype,))
        assert found is not None
        return str(found.get_content())


class Receiver:
    """Takes everything. `authority` is the certificate that it is known by."""

    def __init__(self, port: int, authority: Path, *, eight_bit: bool) -> None:
        self.port, self.authority, self.taken = port, authority, list[Taken]()
        self._eight_bit = eight_bit

    async def handle_EHLO(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: Sequence[str]
    ) -> list[str]:
        session.host_name = hostname
        return [said for said in responses if self._eight_bit or "8BITMIME" not in said]

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        to, options = tuple(envelope.rcpt_tos), tuple(envelope.mail_options)
        is_encrypted, raw = session.ssl is not None, bytes(envelope.original_content)
        self.taken.append(Taken(envelope.mail_from, to, options, is_encrypted, raw))
        return "250 2.0.0 Ok: queued as 1"


@contextmanager
def receiving(folder: Path, *, eight_bit: bool = True) -> Iterator[Receiver]:
    """It takes nothing unencrypted."""
    made = certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.certificate, made.key)
    (port,) = free_ports(1)
    receiver = Receiver(port, made.certificate, eight_bit=eight_bit)
    controller = Controller(receiver, hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True)
    controller.start()
    try:
        yield receiver
    finally:
        controller.stop()
