"""The bytes of one multipart/alternative message: a skeleton per batch, its holes filled per message. Where files go
along, that is the first part of a multipart/mixed one.

Written straight, because building a tree of message objects costs fifty times as much. The tests hold it equal to what
the standard library builds and parses.
"""

from __future__ import annotations

import re
import secrets
from binascii import b2a_base64
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime

from delivery.channels.base import Attached, Envelope, Outbound
from delivery.channels.email import headers

_LONGEST_LINE = 998
_REACH = _LONGEST_LINE + len(b"\r\n")
_KEY = re.compile(r"[A-Za-z0-9._+-]{1,200}")
_OURS = re.compile(
    r"(?i)from|to|cc|bcc|sender|reply-to|subject|date|message-id|mime-version|content-.*|x-bannerline-(?!test\Z).*"
)
_MIXED = b'Content-Type: multipart/mixed; boundary="%b"\r\n\r\n--%b\r\n'
_ALTERNATIVE = b'%bContent-Type: multipart/alternative; boundary="%b"\r\n\r\n--%b\r\n%b%b\r\n--%b\r\n%b%b\r\n--%b--\r\n'
_PART = 'Content-Type: text/{}; charset="utf-8"\r\nContent-Transfer-Encoding: {}\r\n\r\n'
_TEXT, _HTML = (
    {coding: _PART.format(subtype, coding).encode() for coding in ("7bit", "8bit", "base64")}
    for subtype in ("plain", "html")
)
_BOUNDARY_DIGITS, _AT_ONCE = 24, 50


class Skeleton:
    """What the messages of one batch have in common, written once.

    Raises ValueError, naming the header, when the envelope cannot be written.
    """

    def __init__(self, envelope: Envelope, *, date: datetime, eight_bit: bool) -> None:
        self._eight_bit = eight_bit
        self._domain = headers.address("From", envelope.from_email).rpartition("@")[2].strip("[]")
        self._start = _shared_fields(envelope, date).encode()
        self._boundaries = _boundaries()
        self._files = [_file(file) for file in envelope.attached]
        self._names: set[str] = set()

    def fill(self, message: Outbound) -> bytes:
        """The whole message, CRLF line ends, not dot-stuffed. Raises ValueError naming a header it cannot write."""
        if not self._files:
            return self._alternative(self._start + self._fields(message), message)
        boundary = next(self._boundaries)
        head = self._start + self._fields(message) + _MIXED % (boundary, boundary)
        return (b"\r\n--" + boundary).join((self._alternative(head, message), *self._files, b"--\r\n"))

    def _alternative(self, head: bytes, message: Outbound) -> bytes:
        text_coding, text = self._part(message.text)
        html_coding, html = self._part(message.html)
        text_fields, html_fields, boundary = _TEXT[text_coding], _HTML[html_coding], next(self._boundaries)
        return _ALTERNATIVE % (head, boundary, boundary, text_fields, text, boundary, html_fields, html, boundary)

    def _fields(self, message: Outbound) -> bytes:
        key = message.key
        if not _KEY.fullmatch(key):
            raise ValueError("Message-ID needs a key of letters, digits and . _ + - only: correct the message's key.")
        fields = (
            f"To: {headers.address('To', message.recipient)}\r\n"
            f"Message-ID: <{key}@{self._domain}>\r\n"
            f"X-Bannerline-Message: {key}\r\n"
            f"{headers.text('Subject', message.subject)}"
        )
        for name, value in message.headers.items():
            if name not in self._names:
                self._names.add(_free_name(name))
            fields += headers.verbatim(name, value)
        return fields.encode()

    def _part(self, content: str) -> tuple[str, bytes]:
        """The transfer encoding of a part, and its bytes in it."""
        if "\r" in content:
            content = content.replace("\r\n", "\n").replace("\r", "\n")
        data = content.encode("utf-8", "replace").replace(b"\n", b"\r\n")
        if b"\0" in data or _has_long_line(data):
            return "base64", _base64_lines(data)
        if content.isascii() or data.isascii():  # a lone surrogate has become a question mark
            return "7bit", data
        if self._eight_bit:
            return "8bit", data
        return "base64", _base64_lines(data)


def _boundaries() -> Iterator[bytes]:
    """One for each message, and seen by nobody before: so nobody can have written it into what a message says.

    "=_" can occur in neither base64 nor quoted-printable, so a forwarder that recodes a part cannot break it.
    """
    while True:
        drawn = secrets.token_hex(_BOUNDARY_DIGITS // 2 * _AT_ONCE)  # each draw asks the kernel
        for start in range(0, len(drawn), _BOUNDARY_DIGITS):
            yield f"=_{drawn[start : start + _BOUNDARY_DIGITS]}".encode()


def _file(file: Attached) -> bytes:
    """What follows its delimiter. Raises ValueError for a name or type that cannot stand in a header."""
    name, mime = headers.file_name(file.name), headers.media_type(file.mime)
    fields = (
        f'\r\nContent-Type: {mime}; name="{name}"\r\n'
        f'Content-Disposition: attachment; filename="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    )
    return fields.encode() + _base64_lines(file.content)


def _shared_fields(envelope: Envelope, date: datetime) -> str:
    fields = f"Date: {format_datetime(date)}\r\nMIME-Version: 1.0\r\n"
    fields += headers.mailbox("From", envelope.from_name, envelope.from_email)
    if envelope.reply_to:
        fields += f"Reply-To: {headers.address('Reply-To', envelope.reply_to)}\r\n"
    return fields


def _free_name(name: str) -> str:
    if _OURS.fullmatch(headers.name(name)):
        raise ValueError(f"{name} is written from the message and its envelope: remove it from the extra headers.")
    return name


def _has_long_line(data: bytes) -> bool:
    """Hops from the last line end within reach to the next, instead of splitting every line."""
    start, last = 0, len(data) - _LONGEST_LINE
    while start < last:
        start = data.rfind(b"\n", start, start + _REACH) + 1
        if not start:
            return True
    return False


def _base64_lines(data: bytes) -> bytes:
    encoded = b2a_base64(data, newline=False)
    return b"\r\n".join([encoded[start : start + 76] for start in range(0, len(encoded), 76)])
