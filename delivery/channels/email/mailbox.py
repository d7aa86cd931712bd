"""A mailbox that mail comes back to, read by IMAP (RFC 3501): what is unread, a few at a time.

The host is somebody else's choice, as the mails are: it is called by way of `guarded`, everything has a bound in bytes,
and one look has a bound in time, after which the connection is shut.
"""

from __future__ import annotations

import imaplib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from delivery.channels import guarded
from delivery.channels.base import ChannelUnavailable
from delivery.channels.email.reports import MOST_BYTES
from delivery.channels.email.settings import Security

SECONDS = 20.0  # for one look
MOST = 100  # mails of one look
_SLACK = 64 * 1024  # what a server may say beside a mail, at once
_CURES: tuple[tuple[type[Exception], str], ...] = (
    (ssl.SSLCertVerificationError, "its certificate is not trusted: use the name that the certificate is for"),
    (ssl.SSLError, "it does not speak TLS there: correct the port (usually 993) or the encryption"),
    (TimeoutError, "it did not answer in time: correct host and port, or open the firewall"),
    (OSError, "it cannot be reached: correct host and port"),
    (imaplib.IMAP4.error, "it does not do what IMAP asks for: ask its operator"),
)


@dataclass(frozen=True, slots=True)
class MailboxSettings:
    """`afterwards` is what becomes of a mail that was taken in: it stays as read, or is deleted."""

    host: str
    port: int
    security: Security
    username: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    afterwards: Literal["keep", "delete"] = "keep"
    allow_private: bool = False

    @property
    def address(self) -> str:
        """For people."""
        return f"{self.username} at {self.host}:{self.port}"


class Mail(NamedTuple):
    """`number` names it in the mailbox as long as it is open."""

    number: bytes
    content: bytes


class Mailbox:
    """Open, with its folder chosen."""

    def __init__(self, server: _Server, settings: MailboxSettings) -> None:
        self._server, self._settings = server, settings

    def unread(self) -> Iterator[Mail]:
        """The first MOST that are not marked as read, each cut off after reports.MOST_BYTES; they stay unread."""
        _, found = self._server.uid("SEARCH", "UNSEEN")
        numbers = (found[0] or b"").split() if found else []
        for number in numbers[:MOST]:
            _, answer = self._server.uid("FETCH", number.decode("ascii", "replace"), f"(BODY.PEEK[]<0.{MOST_BYTES}>)")
            content = next((part[1] for part in answer or () if isinstance(part, tuple)), None)
            if content is not None:  # somebody else may have deleted it meanwhile
                yield Mail(number, content)

    def take(self, mails: Sequence[Mail]) -> None:
        """They are ours now: they are not found unread again."""
        if not mails:
            return
        deletes = self._settings.afterwards == "delete"
        numbers = b",".join(mail.number for mail in mails).decode("ascii", "replace")
        self._server.uid("STORE", numbers, "+FLAGS.SILENT", r"(\Seen \Deleted)" if deletes else r"(\Seen)")
        if deletes and "UIDPLUS" in self._server.capabilities:
            self._server.uid("EXPUNGE", numbers)
        elif deletes:
            self._server.expunge()


@contextmanager
def opened(settings: MailboxSettings) -> Iterator[Mailbox]:
    """For one look. Raises ChannelUnavailable, also when the connection breaks within the block."""
    server: _Server | None = None
    try:
        server = _Server(settings)
        _enter(server, settings)
        yield Mailbox(server, settings)
    except guarded.NotAllowed as error:
        raise ChannelUnavailable(f"The mailbox {settings.address}: {error}", permanent=True) from error
    except (OSError, guarded.Unsent, imaplib.IMAP4.error) as error:
        raise ChannelUnavailable(f"The mailbox {settings.address}: {_cure(error)}. ({_wording(error)})") from error
    finally:
        if server is not None:
            server.leave()


def _enter(server: _Server, settings: MailboxSettings) -> None:
    if settings.security == "starttls":
        server.starttls(ssl.create_default_context())
    try:
        server.login(settings.username, settings.password)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as refusal:  # its words are not repeated: they may be an echo
        cure = "it refuses the user name or password: correct them"
        raise ChannelUnavailable(f"The mailbox {settings.address}: {cure}.", permanent=True) from refusal
    kind, _ = server.select(f'"{settings.folder}"')
    if kind != "OK":
        cure = f"it has no folder {settings.folder!r}: correct its name"
        raise ChannelUnavailable(f"The mailbox {settings.address}: {cure}.", permanent=True)


class _Server(imaplib.IMAP4):
    """Goes to where the name points now, takes no more at once than was asked for, and is shut after SECONDS: one that
    says something now and then would never run into a socket's own bound.
    """

    def __init__(self, settings: MailboxSettings) -> None:
        self._settings = settings
        self._line: socket.socket | None = None
        self._clock = threading.Timer(SECONDS, self._hang_up)
        self._clock.daemon = True
        self._clock.start()
        try:
            super().__init__(settings.host, settings.port, timeout=SECONDS)
        except BaseException:
            self._clock.cancel()
            raise

    def read(self, size: int) -> bytes:
        if size > MOST_BYTES + _SLACK:
            raise self.abort(f"the server sends {size} bytes at once")
        return bytes(super().read(size))

    def leave(self) -> None:
        self._clock.cancel()
        with suppress(OSError, imaplib.IMAP4.error):
            self.shutdown()

    def _create_socket(self, timeout: float | None) -> socket.socket:
        given, seconds = self._settings, timeout or SECONDS
        line = guarded.connect(given.host, given.port, seconds=seconds, allow_private=given.allow_private)
        line.settimeout(seconds)
        self._line = line
        if given.security != "tls":
            return line
        try:
            made = ssl.create_default_context().wrap_socket(
                line, server_hostname=given.host, do_handshake_on_connect=False
            )
            self._line = made
            made.do_handshake()
        except (OSError, ValueError):
            self._line.close()
            raise
        return made

    def _hang_up(self) -> None:
        for line in (getattr(self, "sock", None), self._line):  # STARTTLS makes another one of it
            with suppress(OSError):
                if line is not None:
                    line.shutdown(socket.SHUT_RDWR)


def _cure(error: Exception) -> str:
    return next((cure for kind, cure in _CURES if isinstance(error, kind)), "it cannot be reached: correct its host")


def _wording(error: Exception) -> str:
    told: Any = error.args[0] if error.args else ""
    return (told.decode("utf-8", "replace") if isinstance(told, bytes) else str(error))[:200] or type(error).__name__
