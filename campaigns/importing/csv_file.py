"""Reading a CSV file that may be damaged: one record at a time, each broken row by itself."""

from __future__ import annotations

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


class CsvFile:
    def __init__(self, text: TextIO) -> None:
        self._records = _records(text)
        header = next(self._records, None)
        if header is None:
            raise FileUnreadable("Nothing was imported: the file is empty. Its first row must name the columns.")
        if header.problem:
            raise FileUnreadable(f"Nothing was imported: the header cannot be read, {header.problem}.")
        self.header = [cell.strip() for cell in header.cells]

    def records(self) -> Iterator[Record]:
        """The rows below the header, with as many cells as it has or with a problem. Blank ones are passed over."""
        return self._records


@contextmanager
def opened(path: Path) -> Iterator[CsvFile]:
    """The file, unzipped on the fly. Raises FileUnreadable when it is not one, or not one of UTF-8 text."""
    with _open(path) as raw:
        binary = _unzipped(raw, path)
        _check_encoding(binary, path)
        # An invalid byte survives as a lone surrogate, so that it rejects its own row and no other.
        with io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
            yield CsvFile(text)


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


def _records(text: TextIO) -> Iterator[Record]:
    feed = _Feed(text)
    reader = csv.reader(feed, strict=True)
    width = number = 0
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

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._waiting: deque[str] = deque()
        self.begin_record()

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
        if len(line) <= LONGEST:
            return line
        rest = line
        while rest and not rest.endswith(("\n", "\r")):
            rest = self._text.readline(LONGEST)
        return _Overlong(line[:200].replace('"', "'"))


class _Overlong(str):
    """The beginning of a line too long to keep."""
