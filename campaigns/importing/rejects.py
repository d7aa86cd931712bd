from __future__ import annotations

import csv
from pathlib import Path
from types import TracebackType
from typing import Self

from campaigns.importing.csv_file import FileUnreadable, Record


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
        self._writer.writerow(["row", "reason", *header])

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
