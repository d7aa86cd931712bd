"""The bytes of one multipart/alternative message: a skeleton per batch, its holes filled per message. Where files go
along, that is the first part of a multipart/mixed one.

Written straight, because building a tree of message objects costs fifty times as much. The tests hold it equal to what
the standard library builds and parses.
"""

from __future__ import annotations

import re
import secrets
from binascii import b2a_base64
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime

from delivery.channels.base import Attached, Envelope, Outbound
from delivery.channels.email import headers

_LONGEST_LINE = 998
_KEY = re.compile(r"[A-Za-z0-9._+-]{1,200}")
_OURS = re.compile(
    r"(?i)from|to|cc|bcc|sender|reply-to|subject|date|message-id|mime-version|content-.*|x-bannerline-(?!test\Z).*"
)


class Skeleton:
    """What the messages of one batch have in common, written once.

    Raises ValueError, naming the header, when the envelope cannot be written.
    """

    def __init__(self, envelope: Envelope, *, date: datetime, eight_bit: bool) -> None:
        self._eight_bit = eight_bit
        self._domain = headers.address("From", envelope.from_email).rpartition("@")[2].strip("[]")
        self._start = _shared_fields(envelope, date).encode()
        self._frame = _Frame()
        self._attached = envelope.attached
        self._wrapping = _Wrapping(envelope.attached) if envelope.attached else None
        self._names: set[str] = set()

    def fill(self, message: Outbound) -> bytes:
        """The whole message, CRLF line ends, not dot-stuffed. Raises ValueError naming a header it cannot write."""
        text_coding, text = self._part(message.text)
        html_coding, html = self._part(message.html)
        frame = self._frame
        while frame.boundary in text or frame.boundary in html:
            frame = _Frame()
        fields = self._fields(message).encode()
        body = (frame.text[text_coding], text, frame.html[html_coding], html, frame.end)
        if self._wrapping is None:
            return b"".join((self._start, fields, *body))
        wrapping = self._wrapping
        while wrapping.boundary in text or wrapping.boundary in html:
            wrapping = _Wrapping(self._attached)
        return b"".join((self._start, fields, wrapping.start, *body, wrapping.end))

    def _fields(self, message: Outbound) -> str:
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
        return fields

    def _part(self, content: str) -> tuple[str, bytes]:
        """The transfer encoding of a part, and its bytes in it."""
        data = content.encode("utf-8", "replace")
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        data = data.replace(b"\n", b"\r\n")
        if b"\0" in data or _has_long_line(data):
            return "base64", _base64_lines(data)
        if data.isascii():
            return "7bit", data
        if self._eight_bit:
            return "8bit", data
        return "base64", _base64_lines(data)


class _Frame:
    """The delimiters around the parts, and the fields of each part by its transfer encoding."""

    def __init__(self) -> None:
        # "=_" can occur in neither base64 nor quoted-printable, so a forwarder that recodes a part cannot break it.
        boundary = f"=_{secrets.token_hex(12)}"
        self.boundary = boundary.encode()
        opening = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n--{boundary}\r\n'
        self.text = _part_fields(opening, "plain")
        self.html = _part_fields(f"\r\n--{boundary}\r\n", "html")
        self.end = f"\r\n--{boundary}--\r\n".encode()


class _Wrapping:
    """The delimiters around the message itself and the files, which are written once.

    Raises ValueError, naming the file, for a name or type that cannot stand in a header.
    """

    def __init__(self, attached: Sequence[Attached]) -> None:
        boundary = f"=_{secrets.token_hex(12)}"
        self.boundary = boundary.encode()
        self.start = f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n--{boundary}\r\n'.encode()
        parts = [_file(file, boundary) for file in attached]
        self.end = b"".join([*parts, f"\r\n--{boundary}--\r\n".encode()])


def _file(file: Attached, boundary: str) -> bytes:
    name, mime = headers.file_name(file.name), headers.media_type(file.mime)
    fields = (
        f'\r\n--{boundary}\r\nContent-Type: {mime}; name="{name}"\r\n'
        f'Content-Disposition: attachment; filename="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    )
    return fields.encode() + _base64_lines(file.content)


def _part_fields(delimiter: str, subtype: str) -> dict[str, bytes]:
    fields = f'{delimiter}Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: '
    return {coding: f"{fields}{coding}\r\n\r\n".encode() for coding in ("7bit", "8bit", "base64")}


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
    start, reach = 0, _LONGEST_LINE + len(b"\r\n")
    while len(data) - start > _LONGEST_LINE:
        line_end = data.rfind(b"\n", start, start + reach)
        if line_end < 0:
            return True
        start = line_end + 1
    return False


def _base64_lines(data: bytes) -> bytes:
    encoded = b2a_base64(data, newline=False)
    return b"\r\n".join([encoded[start : start + 76] for start in range(0, len(encoded), 76)])
