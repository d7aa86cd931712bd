from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from campaigns.importing.csv_file import FileUnreadable, Record

FIRST_COLUMNS = ["row", "reason"]
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # OWASP, "CSV Injection"


class RejectFile:
    """Collects rejected rows as CSV: row number, reason, the original cells. It is removed again when none came."""

    def __init__(self, path: Path, *, source: Path, header: list[str]) -> None:
        if path.resolve() == source.resolve():
            raise FileUnreadable(f"Nothing was imported: {path} is the input, give another path for the rejected rows.")
        try:
            # What was not UTF-8 goes out byte by byte as it came in.
            self._file = path.open("w", encoding="utf-8", errors="surrogateescape", newline="")
        except OSError as problem:
            raise FileUnreadable(
                f"Nothing was imported: {path} cannot be written ({problem.strerror}). Name a place with --rejects."
            ) from problem
        self._path = path
        self._count = 0
        self._writer = csv.writer(self._file)
        self._writer.writerow([*FIRST_COLUMNS, *header])

    def add(self, record: Record, reason: str) -> None:
        self._count += 1
        self._writer.writerow([record.number, reason, *record.cells])

    @property
    def kept_path(self) -> Path | None:
        return self._path if self._count else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        if not self._count:
            self._path.unlink(missing_ok=True)


def append(path: Path, rejected: Iterable[tuple[Record, str]], *, header: Sequence[str], size: int) -> int:
    """Put rejected rows behind the first `size` bytes of a file that a spreadsheet may open; returns its new size.

    What an interrupted attempt left behind those is overwritten. With size 0 the file begins anew.
    """
    with path.open("r+b" if size else "wb") as raw:
        raw.truncate(size)
        raw.seek(size)
        text = io.TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", newline="")
        writer = csv.writer(text)
        if not size:
            raw.write(codecs.BOM_UTF8)
            writer.writerow([*FIRST_COLUMNS, *map(harmless, header)])
        writer.writerows([record.number, reason, *map(harmless, record.cells)] for record, reason in rejected)
        text.flush()
        os.fsync(raw.fileno())
        return raw.tell()


def harmless(cell: str) -> str:
    """The cell as text in a spreadsheet, which would take it for a formula if it began so."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def as_it_was(cell: str) -> str:
    """Undoes `harmless`, for the corrected file that comes back."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
