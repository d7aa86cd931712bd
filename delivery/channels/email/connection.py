"""An open, greeted, authenticated conversation with a mail server: bytes out, replies in, in order."""

from __future__ import annotations

import contextlib
import functools
import select
import smtplib
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from delivery.channels.email.settings import SmtpSettings

_TLS_RECORD = 16_384
_LONGEST_LINE = 65_536
_MOST_LINES = 1_000
_FAREWELL_SECONDS = 1.0
_GOOD_BYE = b"421"
_KERNEL_S_WAIT = 1.0  # seconds: to tell the kernel of another wait takes three calls, before each read and write

T = TypeVar("T")


class Lost(Exception):
    """The connection is of no more use. Of the last write, at most `written` bytes can have reached the server.

    `is_over`: it has ended, so that the server will say nothing more.
    """

    def __init__(self, message: str, *, written: int = 0, is_over: bool = False) -> None:
        super().__init__(message)
        self.written = written
        self.is_over = is_over


class Reply(NamedTuple):
    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


class Connection:
    """Used by one thread. Whoever sees it raise anything must `drop` it."""

    def __init__(self, server: smtplib.SMTP, settings: SmtpSettings) -> None:
        assert server.sock is not None
        self.pipelining = server.has_extn("pipelining")
        self.eight_bit = server.has_extn("8bitmime")
        self.utf8 = server.has_extn("smtputf8")
        self.chunking = settings.chunking and self.pipelining and server.has_extn("chunking")  # until it fails to
        self.at_once = 0  # messages that it may be given at once, by BDAT; none before that is known to be understood
        self.address = settings.address
        self._server = server  # keeps the socket's file object, which holds the descriptor open
        self._socket = server.sock
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._is_encrypted = isinstance(self._socket, ssl.SSLSocket)
        self._in_doubt = _TLS_RECORD if self._is_encrypted else 0
        self._timeout = settings.timeout
        self._lines: deque[bytes] = deque()
        self._rest = b""
        self.allow_until(time.monotonic() + settings.timeout)

    def allow_until(self, deadline: float) -> None:
        """No read or write goes on after this instant of the monotonic clock."""
        self._deadline = deadline
        self._be_patient(self._timeout if self._is_encrypted else min(self._timeout, _KERNEL_S_WAIT))

    def allow_for(self, seconds: float) -> None:
        """So long at least, from now on."""
        self._deadline = max(self._deadline, time.monotonic() + seconds)

    def is_like(self, other: Connection) -> bool:
        """Whether both can be told the same."""
        ours = (self.pipelining, self.eight_bit, self.utf8, self.chunking)
        return ours == (other.pipelining, other.eight_bit, other.utf8, other.chunking)

    def is_stale(self) -> bool:
        """Whether the server has spoken or hung up since the last reply: it does so only to say good-bye."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(self._lines or self._rest or poll.poll(0))

    def write(self, data: bytes) -> None:
        """Raises Lost."""
        written = 0
        try:
            written = self._waiting(self._socket.send, data)
            while written < len(data):
                written += self._waiting(self._socket.send, memoryview(data)[written:])
        except OSError as error:
            raise self._lost(error, written=written + self._in_doubt) from error

    def reply(self) -> Reply:
        """The next reply, a multi-line one joined by spaces. Raises Lost."""
        reply, more = self._line()
        if not more:
            return reply
        texts = [reply.text]
        while more and len(texts) < _MOST_LINES:
            reply, more = self._line()
            texts.append(reply.text)
        if more:
            raise Lost(f"{self.address} sent a reply without an end")
        return Reply(reply.code, " ".join(texts))

    def has_said_more(self) -> bool:
        """Whether a reply has come beside those that were read, other than good-bye."""
        return bool(self._lines) and not self._lines[0].startswith(_GOOD_BYE)

    def quit(self) -> None:
        """Take leave as well as can be done in a second."""
        with contextlib.suppress(Lost):
            self.allow_until(time.monotonic() + _FAREWELL_SECONDS)
            self.write(b"QUIT\r\n")
            self.reply()
        self.drop()

    def drop(self) -> None:
        self._server.close()

    def _line(self) -> tuple[Reply, bool]:
        """What a line says, and whether the reply goes on in another."""
        while not self._lines:
            self._receive()
        return _parsed(self._lines.popleft())

    def _receive(self) -> None:
        if len(self._rest) > _LONGEST_LINE:
            raise Lost(f"{self.address} sent a line without an end")
        try:
            received = self._waiting(self._socket.recv, _LONGEST_LINE)
        except OSError as error:
            raise self._lost(error) from error
        if not received:
            raise Lost(f"{self.address} closed the connection", is_over=True)
        lines = (self._rest + received).split(b"\n")
        self._rest = lines.pop()
        self._lines.extend(lines)

    def _waiting(self, act: Callable[[Any], T], what: object) -> T:
        """Read or write, for as long as the settings have patience, and no later than the deadline."""
        now = time.monotonic()
        until = min(now + self._timeout, self._deadline)
        while True:
            if now >= until:
                raise TimeoutError
            if until - now < self._patience:
                self._be_patient(until - now)
            try:
                return act(what)
            except BlockingIOError:  # the kernel has waited as long as it was told to
                now = time.monotonic()

    def _be_patient(self, seconds: float) -> None:
        """The kernel keeps the time, where it can: Python would ask it before each read and write whether it may."""
        self._patience = seconds
        if self._is_encrypted:
            self._socket.settimeout(seconds)
            return
        whole, rest = divmod(max(int(seconds * 1_000_000), 1), 1_000_000)
        limit = struct.pack("ll", whole, rest)  # a timeval; nothing at all would mean for ever
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)

    def _lost(self, error: OSError, *, written: int = 0) -> Lost:
        if isinstance(error, (TimeoutError, BlockingIOError)):
            return Lost(f"{self.address} gave no answer in the time allowed", written=written)
        return Lost(
            f"the connection to {self.address} broke ({error.strerror or error})", written=written, is_over=True
        )


@functools.lru_cache(maxsize=256)  # but for queue ids, a server says the same few lines all day
def _parsed(line: bytes) -> tuple[Reply, bool]:
    code, mark = line[:3], line[3:4].strip()
    if not code.isdigit() or not 200 <= int(code) <= 599 or mark not in {b"", b"-"}:
        raise Lost(f"the server sent what is not SMTP: {line[:80]!r}")
    return Reply(int(code), line[4:].decode("utf-8", "replace").strip()), mark == b"-"
