"""Reading a CSV file that may be damaged: one record at a time, each broken row by itself."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

LONGEST = 1_000_000  # characters of a record
MOST_TAKEN = 8_000_000  # bytes of records that are held at a time
MOST_SHOWN = 100_000  # of a broken one, so that any CSV reader can open the reject file
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_UNCLOSED = "a quotation mark is opened and not closed, or the columns do not fit: correct the quoting of this row"


class FileUnreadable(ValueError):
    """The file as a whole cannot be imported. Nothing of it was."""


class Record(NamedTuple):
    """`number` counts the file's rows from 1, the header; `problem` says why the cells cannot be used."""

    number: int
    cells: list[str]
    problem: str = ""


class Format(NamedTuple):
    """How a file's characters are to be read. `encoding` is UTF-8 or one of a byte per character."""

    encoding: str = "utf-8"
    delimiter: str = ","


class Place(NamedTuple):
    """Where a reader stands: `offset` bytes into the file, behind its row `number`; its rows have `width` columns."""

    offset: int = 0
    number: int = 0
    width: int = 0


PLAIN, BEGINNING = Format(), Place()


class CsvFile:
    """`header` is empty where reading begins further down."""

    def __init__(self, text: TextIO, form: Format = PLAIN, place: Place = BEGINNING) -> None:
        self._feed = _Feed(text, place.offset, form.encoding)
        self._records = _records(self._feed, form.delimiter, place)
        self._number, self._width = place.number, place.width
        self.header: list[str] = []
        if not place.number:
            self._read_header()

    def _read_header(self) -> None:
        header = next(self._records, None)
        if header is None:
            raise FileUnreadable("Nothing was imported: the file is empty. Its first row must name the columns.")
        if header.problem:
            raise FileUnreadable(f"Nothing was imported: the header cannot be read, {header.problem}.")
        self.header = [cell.strip() for cell in header.cells]
        self._number, self._width = header.number, len(header.cells)

    def records(self) -> Iterator[Record]:
        """The rows below the header, with as many cells as it has or with a problem. Blank ones are passed over."""
        return self._records

    def take(self, rows: int) -> list[Record]:
        """At most that many of the next records, fewer where they are enormous; none at the end."""
        taken: list[Record] = []
        end = self._feed.position + MOST_TAKEN
        for record in self._records:
            taken.append(record)
            self._number = record.number
            if len(taken) == rows or self._feed.position > end:
                break
        return taken

    @property
    def place(self) -> Place:
        """Behind what was taken last. A reader that begins there goes on with the same records."""
        return Place(self._feed.position, self._number, self._width)


@contextmanager
def opened(path: Path, form: Format = PLAIN, place: Place = BEGINNING) -> Iterator[CsvFile]:
    """The file, unzipped on the fly, read from its beginning or from where a reader stood.

    Raises FileUnreadable when it is not one, or not one of text in UTF-8 or the encoding given.
    """
    with _open(path) as raw:
        binary = _unzipped(raw, path)
        _check_encoding(binary, path)
        if place.offset:
            binary.seek(place.offset)
        elif binary.peek(len(codecs.BOM_UTF8)).startswith(codecs.BOM_UTF8):
            binary.read(len(codecs.BOM_UTF8))
            place = Place(len(codecs.BOM_UTF8))
        # An invalid byte survives as a lone surrogate, so that it rejects its own row and no other.
        with io.TextIOWrapper(binary, encoding=form.encoding, errors="surrogateescape", newline="") as text:
            yield CsvFile(text, form, place)


def _open(path: Path) -> io.BufferedReader:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise FileUnreadable(f"There is no file {path}.") from None
    except OSError as problem:
        raise FileUnreadable(f"{path} cannot be opened: {problem.strerror}.") from problem


def _unzipped(raw: io.BufferedReader, path: Path) -> io.BufferedReader | gzip.GzipFile:
    head = raw.peek(4)
    if head.startswith(_ZIP):
        raise FileUnreadable(f"{path} is a zip or Excel file. Save it as CSV (UTF-8), gzipped if you like.")
    if head.startswith(_GZIP):
        _check_gzip(raw, path)
        return gzip.GzipFile(fileobj=raw)
    if path.suffix == ".gz":
        raise FileUnreadable(f"{path} is named .gz but is not gzipped. Rename it, or gzip it again.")
    return raw


def _check_gzip(raw: io.BufferedReader, path: Path) -> None:
    """Reads it to its checksum: a truncated upload must be refused before half of it is imported."""
    try:
        with gzip.GzipFile(fileobj=raw) as unzipped:
            while unzipped.read(1 << 20):
                pass
    except (EOFError, gzip.BadGzipFile, zlib.error) as problem:
        raise FileUnreadable(f"{path} is damaged or incomplete ({problem}). Copy or gzip it again.") from problem
    raw.seek(0)


def _check_encoding(binary: io.BufferedReader | gzip.GzipFile, path: Path) -> None:
    head = binary.peek(4096)[:4096]
    if head.startswith(_UTF_16) or head.count(0) > len(head) // 4:
        raise FileUnreadable(f"{path} is not UTF-8 text; it looks like UTF-16. Save it as CSV in UTF-8.")


def _records(feed: _Feed, delimiter: str, place: Place) -> Iterator[Record]:
    reader = csv.reader(feed, strict=True, delimiter=delimiter)
    width, number = place.width, place.number
    while True:
        feed.begin_record()
        cells, fault = [], ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fault = f"the row cannot be read as CSV ({error}): correct its quoting"
        number += 1
        if feed.is_overlong:
            yield Record(number, feed.taken, f"the line is longer than {LONGEST:,} characters: shorten it")
        elif fault or feed.is_cut or (width and len(feed.taken) > 1 and len(cells) != width):
            swallowed = feed.is_cut or len(feed.taken) > 1
            yield Record(number, [feed.give_back().rstrip("\r\n")[:MOST_SHOWN]], _UNCLOSED if swallowed else fault)
        elif cells:
            width = width or len(cells)
            yield Record(number, cells, _misfit(len(cells), width))


def _misfit(count: int, width: int) -> str:
    return "" if count == width else f"the row has {count} columns, the header {width}: check its commas and quotes"


class _Feed:
    """Lines for csv.reader. It remembers those of the record at hand, to hand back what a stray quote swallowed."""

    def __init__(self, text: TextIO, offset: int, encoding: str) -> None:
        self._text = text
        self._waiting: deque[str] = deque()
        self._read_to = offset
        self._bytes_in = _utf_8_bytes if encoding == "utf-8" else len
        self.begin_record()

    @property
    def position(self) -> int:
        """Bytes of the file before the next line that will be handed out."""
        return self._read_to - sum(getattr(line, "bytes", 0) or self._bytes_in(line) for line in self._waiting)

    def begin_record(self) -> None:
        self.taken: list[str] = []
        self._size = 0
        self.is_cut = self.is_overlong = False

    def give_back(self) -> str:
        """Everything but the record's first line, which is returned, will be read anew."""
        first, *others = self.taken
        self._waiting.extendleft(reversed(others))
        return first

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else self._read()
        if self.taken and (not line or self._size > LONGEST or isinstance(line, _Overlong)):
            if line:
                self._waiting.appendleft(line)
            self.is_cut = True
            raise StopIteration
        if not line:
            raise StopIteration
        self.is_overlong = isinstance(line, _Overlong)
        self.taken.append(line)
        self._size += len(line)
        return line

    def _read(self) -> str:
        line = self._text.readline(LONGEST + 1)
        size = self._bytes_in(line)
        self._read_to += size
        if len(line) <= LONGEST:
            return line
        rest = line
        while rest and not rest.endswith(("\n", "\r")):
            rest = self._text.readline(LONGEST)
            size += self._bytes_in(rest)
        self._read_to += size - self._bytes_in(line)
        beginning = _Overlong(line[:200].replace('"', "'"))
        beginning.bytes = size
        return beginning


class _Overlong(str):
    """The beginning of a line too long to keep. `bytes` is what the whole of it takes."""

    bytes: int


def _utf_8_bytes(line: str) -> int:
    return len(line) if line.isascii() else len(line.encode("utf-8", "surrogateescape"))
