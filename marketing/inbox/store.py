"""Where mails stand: one SQLite file, written by the server, read by anyone while it writes."""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self

FILE = "inbox.sqlite3"
_SCHEMA = """
CREATE TABLE mail (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,
    return_path TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    message_key TEXT NOT NULL,
    raw BLOB NOT NULL
);
CREATE INDEX mail_message_key ON mail (message_key);
"""
_SUMMARY = "id, received_at, sender, recipient, subject, message_key"
_HEADER = re.compile(rb"^(from|subject|x-bannerline-message):[ \t]*(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_HEADERS_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True)
class Summary:
    """A line in the list. `sender` and `subject` are the decoded headers, `recipient` the envelope's."""

    id: int
    received_at: datetime
    sender: str
    recipient: str
    subject: str
    message_key: str


@dataclass(frozen=True)
class Mail:
    """One mail, opened. `html` and `text` are empty where the mail has no such part."""

    id: int
    received_at: datetime
    return_path: str
    recipient: str
    raw: bytes
    message: EmailMessage
    subject: str
    sender: str
    to: str
    date: str
    html: str
    text: str
    headers: Sequence[tuple[str, str]]


class Inbox:
    """The mails under one home. Each thread opens its own."""

    def __init__(self, home: Path) -> None:
        if not (home / FILE).exists():
            _create(home)
        self._db = sqlite3.connect(home / FILE, timeout=10)
        self._db.execute("PRAGMA synchronous=OFF")  # a crash of the machine may cost the last mails of a tool

    def add(self, return_path: str, recipients: Sequence[str], raw: bytes, *, received_at: datetime) -> None:
        """One copy per recipient. Readers see it after `commit`."""
        headers = _read_headers(raw)
        sender, subject = _decoded(headers.get(b"from", b"")), _decoded(headers.get(b"subject", b""))
        key = headers.get(b"x-bannerline-message", b"").decode("ascii", "replace").strip()
        at = received_at.isoformat(timespec="milliseconds")
        self._db.executemany(
            "INSERT INTO mail (received_at, return_path, sender, recipient, subject, message_key, raw)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(at, return_path, sender or return_path, recipient, subject, key, raw) for recipient in recipients],
        )

    def commit(self) -> None:
        self._db.commit()

    def count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM mail").fetchone()[0])

    def latest(
        self, limit: int, *, recipient: str = "", search: str = "", retailer: str = "", before: int | None = None
    ) -> list[Summary]:
        """Newest first. `recipient` is a whole address, `search` a part of recipient or subject.

        `retailer` is a slug, known by the sender's domain (`hello@<slug>.example`); `before` an id, for paging.
        """
        found = self._db.execute(
            f"SELECT {_SUMMARY} FROM mail WHERE id < coalesce(?, 9223372036854775807)"
            " AND (? = '' OR recipient = ? COLLATE NOCASE)"
            r" AND (? = '' OR sender LIKE ? ESCAPE '\')"
            r" AND (? = '' OR recipient LIKE ? ESCAPE '\' OR subject LIKE ? ESCAPE '\')"
            " ORDER BY id DESC LIMIT ?",
            (before, recipient, recipient, retailer, _within(f"@{retailer}."), search, *[_within(search)] * 2, limit),
        )
        return [Summary(row[0], datetime.fromisoformat(row[1]), *row[2:]) for row in found]

    def get(self, id: int) -> Mail | None:
        row = self._db.execute(
            "SELECT id, received_at, return_path, recipient, raw FROM mail WHERE id = ?", (id,)
        ).fetchone()
        return _open(row[0], datetime.fromisoformat(row[1]), *row[2:]) if row else None

    def all_raw(self) -> Iterator[bytes]:
        """Every mail as it came over the wire, oldest first."""
        for row in self._db.execute("SELECT raw FROM mail ORDER BY id"):
            yield row[0]

    def clear(self) -> None:
        self._db.execute("DELETE FROM mail")
        self._db.commit()

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _create(home: Path) -> None:
    """The first of several starting processes wins: a file that is changing to WAL turns the others away."""
    home.mkdir(parents=True, exist_ok=True)
    draft = home / f"{FILE}.{secrets.token_hex(4)}"
    db = sqlite3.connect(draft)
    db.execute("PRAGMA journal_mode=WAL")
    db.executescript(_SCHEMA)
    db.close()
    with suppress(FileExistsError):
        (home / FILE).hardlink_to(draft)
    draft.unlink()


def _read_headers(raw: bytes) -> dict[bytes, bytes]:
    """The three headers that the list shows, undecoded: parsing the whole mail costs more than storing it."""
    end = _HEADERS_END.search(raw)
    head = raw[: end.start()] if end else raw
    return {name.lower(): value for name, value in _HEADER.findall(head)}


def _decoded(value: bytes) -> str:
    text = re.sub(r"\r?\n", "", value.decode("utf-8", "replace")).strip()
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):  # an unknown charset or broken base64 is shown as it came
        return text


def _within(part: str) -> str:
    return "%" + re.sub(r"([\\%_])", r"\\\1", part) + "%"


def _open(id: int, received_at: datetime, return_path: str, recipient: str, raw: bytes) -> Mail:
    message = message_from_bytes(raw, EmailMessage, policy=policy.default)
    return Mail(
        id=id,
        received_at=received_at.astimezone(UTC),
        return_path=return_path,
        recipient=recipient,
        raw=raw,
        message=message,
        subject=_header(message, "subject"),
        sender=_header(message, "from"),
        to=_header(message, "to"),
        date=_header(message, "date"),
        html=_body(message, "html"),
        text=_body(message, "plain"),
        headers=[(name, str(value)) for name, value in message.items()],
    )


def _header(message: EmailMessage, name: str) -> str:
    return str(message.get(name, ""))


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    charset = part.get_content_charset("utf-8")
    try:
        return bytes(payload or b"").decode(charset, "replace")
    except LookupError:
        return bytes(payload or b"").decode("utf-8", "replace")
