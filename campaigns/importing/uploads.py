"""A file that a person brings: taken in piece by piece, kept as plain CSV in the retailer's own storage.

Gzip is unpacked and UTF-16 turned into UTF-8 on the way, so that a reader can go on from any place of the file.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage

from campaigns.importing import csv_file, mapping, rejects
from campaigns.importing.csv_file import FileUnreadable, Format
from campaigns.models import Import

ENCODINGS = {
    "utf-8": "UTF-8",
    "cp1252": "Windows, Western European",
    "iso8859_15": "ISO 8859-15, Western European",
    "cp1250": "Windows, Central European",
    "mac_roman": "Mac",
}
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
MOST_COLUMNS = 500
SAMPLE = 50  # rows looked at to guess and to show
_PIECE = 1 << 20
_LONGEST_NAME = 200
_AS_CSV = "In Excel choose File, Save as, CSV UTF-8 (comma delimited), and bring that file"
_NO_TEXT = (
    (b"PK\x03\x04", f"is an Excel or zip file. {_AS_CSV}"),
    (b"\xd0\xcf\x11\xe0", f"is an old Excel file. {_AS_CSV}"),
    (b"%PDF", "is a PDF. Bring the table that it was made from, saved as CSV"),
)


def receive(upload: File[Any], *, kind: str, by: str) -> Import:
    """Keep the file, look at its beginning and suggest where its columns go. Raises FileUnreadable."""
    name = Path(upload.name or "file.csv").name[:255]
    plain = _Plain(upload, name)
    stored = f"imports/{uuid4().hex}.csv"
    try:
        default_storage.save(stored, plain)
        job = Import(kind=kind, name=name, file=stored, by=by, bytes=plain.bytes, notice=plain.notice)
        job.format = {"encoding": plain.letters}
        read_again(job)
    except BaseException:
        default_storage.delete(stored)
        raise
    job.save()
    return job


def read_again(job: Import) -> None:
    """Take the header anew, for the encoding chosen, and suggest where its columns go; unsaved. Raises
    FileUnreadable."""
    job.format = {**job.format, "delimiter": _delimiter(job)}
    with csv_file.opened(path(job), form(job)) as file:
        header = file.header
    if len(header) > MOST_COLUMNS:
        raise FileUnreadable(
            f"{job.name} has {len(header):,} columns. Leave out those that are not needed; {MOST_COLUMNS} at most."
        )
    if header[:2] == rejects.FIRST_COLUMNS:
        job.format["is_returned"] = "yes"
    job.columns = [clean(name)[:_LONGEST_NAME] for name in header]
    rows = samples(job)
    if not rows:
        raise FileUnreadable(f"{job.name} has a header and no rows below it. Bring a file with at least one row.")
    mapping.suggest(job, rows)


def samples(job: Import) -> list[list[str]]:
    """Readable rows from the beginning of the file, at most SAMPLE of them."""
    with csv_file.opened(path(job), form(job)) as file:
        records = file.take(SAMPLE)
    return [[clean(cell) for cell in record.cells] for record in records if not record.problem]


def path(job: Import) -> Path:
    """Where the file lies. Raises FileUnreadable once it is gone."""
    if not job.file or not default_storage.exists(job.file):
        raise FileUnreadable(f"{job.name} is not kept any more. Bring the file again.")
    return Path(default_storage.path(job.file))


def form(job: Import) -> Format:
    return Format(job.format["encoding"], job.format["delimiter"])


def clean(text: str) -> str:
    """As it can be shown and kept: bytes that are no text become question marks."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def most_bytes() -> int:
    """What a file may hold, unpacked."""
    return int(settings.IMPORT_MOST_BYTES)


def limit() -> str:
    megabytes = most_bytes() >> 20
    return f"{megabytes:,} MB" if megabytes % 1024 else f"{megabytes // 1024:,} GB"


class _Plain(File):  # type: ignore[type-arg]
    """The upload as plain CSV, piece by piece; what it was is known once all of it has been read."""

    def __init__(self, upload: File[Any], name: str) -> None:
        super().__init__(upload.file, name)
        self._upload, self._name = upload, name
        self.bytes, self.letters, self.notice = 0, "utf-8", ""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        pieces = self._pieces()
        first = next(pieces, b"")
        self._refuse(first)
        decoder = _utf_16_decoder(first)
        if decoder:
            self.notice = "The file was written in UTF-16; its characters were converted."
            yield from self._counted(decoder.decode(piece).encode() for piece in _chain(first, pieces))
        else:
            letters = _Letters()
            for piece in self._counted(_chain(first, pieces)):
                letters.look(piece)
                yield piece
            if not letters.are_utf_8:
                self.letters = "cp1252"
                self.notice = (
                    "The file is not in UTF-8; it is read as Windows Western European. "
                    "If names look wrong below, choose other characters."
                )

    def _pieces(self) -> Iterator[bytes]:
        raw: Any = self._upload.file
        raw.seek(0)
        if raw.read(2) != b"\x1f\x8b":
            if self._name.lower().endswith(".gz"):
                raise FileUnreadable(f"{self._name} is named .gz but is not gzipped. Rename it, or gzip it again.")
            raw.seek(0)
            yield from iter(lambda: raw.read(_PIECE), b"")
            return
        raw.seek(0)
        try:
            with gzip.GzipFile(fileobj=raw) as unzipped:
                yield from iter(lambda: unzipped.read(_PIECE), b"")
        except (EOFError, gzip.BadGzipFile, zlib.error) as problem:
            raise FileUnreadable(f"{self._name} is damaged or incomplete ({problem}). Gzip it again.") from problem

    def _refuse(self, first: bytes) -> None:
        if not first.strip():
            raise FileUnreadable(f"{self._name} is empty. Its first row must name the columns.")
        for beginning, what in _NO_TEXT:
            if first.startswith(beginning):
                raise FileUnreadable(f"{self._name} {what}.")
        if not _utf_16_decoder(first) and first.count(0) > len(first) // 10:
            raise FileUnreadable(f"{self._name} is not a text file. Save the table as CSV and bring that.")

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.bytes += len(piece)
            if self.bytes > most_bytes():
                raise FileUnreadable(f"{self._name} holds more than {limit()} of CSV. Split it into several files.")
            yield piece


class _Letters:
    """Whether bytes are UTF-8. A few broken ones among many good ones are damage, no other encoding."""

    def __init__(self) -> None:
        self.are_utf_8 = True
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._good = 0  # bytes beyond the first of a character
        self._is_decided = False

    def look(self, piece: bytes) -> None:
        """Stops at the first broken piece: by then it is decided."""
        if self._is_decided:
            return
        try:
            self._good += len(piece) - len(self._decoder.decode(piece))
        except UnicodeDecodeError:
            text = piece.decode("utf-8", "surrogateescape")
            broken = sum("\udc80" <= each <= "\udcff" for each in text)
            self._good += len(piece) - len(text)
            self._is_decided, self.are_utf_8 = True, self._good > broken


def _chain(first: bytes, others: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from others


def _utf_16_decoder(first: bytes) -> codecs.IncrementalDecoder | None:
    head = first[:4096]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return codecs.getincrementaldecoder("utf-16")("replace")
    odd, even = head[1::2].count(0), head[::2].count(0)
    if max(odd, even) > len(head) // 4 and min(odd, even) == 0:
        return codecs.getincrementaldecoder("utf-16-le" if odd else "utf-16-be")("replace")
    return None


def _delimiter(job: Import) -> str:
    """What separates the columns: what splits the first lines into the most columns, evenly."""
    with path(job).open("rb") as raw:
        text = raw.read(1 << 16).decode(job.format["encoding"], "replace").removeprefix("\ufeff")
    lines = text.splitlines()[:20]
    return max(DELIMITERS, key=lambda delimiter: _evenness(lines, delimiter))


def _evenness(lines: list[str], delimiter: str) -> tuple[int, int]:
    """How many rows have as many columns as the header, and how many those are."""
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error:
        return 0, 0
    if not widths or widths[0] < 2:
        return 0, 0
    return widths.count(widths[0]), widths[0]
