"""What configuration as code is made of: kinds of documents, and what somebody wrote of them. No tables here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from campaigns.config.gate import Problem, content_hash

Document = dict[str, Any]
Configuration = dict[str, dict[str, Document]]  # kind -> key -> document


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, with the file, the line where it is known, and the path of the field."""

    file: str
    field: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" if self.line else self.file
        return ": ".join(filter(None, [place, self.field, self.message]))


class Refused(ValueError):
    """Nothing was changed; `faults` says why, all of it at once."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(set(faults), key=lambda fault: (fault.file, fault.line or 0, fault.field, fault.message))
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True)
class Source:
    """One document as somebody wrote it. `data` is None when it could not be read, which is a fault told elsewhere."""

    file: str
    data: Document | None
    lines: Mapping[str, int] = field(default_factory=dict)  # path of a field -> line
    texts: Mapping[str, str] = field(default_factory=dict)  # field kept in a file of its own -> that file

    def fault(self, problem: Problem) -> Fault:
        if problem.field in self.texts:
            return Fault(self.texts[problem.field], "", problem.message)
        cure = ": put it in quotes" if problem.code == "string_type" else ""
        return Fault(self.file, problem.field, problem.message + cure, self._line(problem.field))

    def _line(self, path: str) -> int | None:
        """The line of the field, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return self.lines.get(path)


@dataclass(frozen=True)
class Given:
    """A whole configuration as somebody wrote it, and what could not be read of it."""

    sources: dict[str, dict[str, Source]]
    faults: tuple[Fault, ...] = ()


class Kind:
    """A kind of document. `key` says which; a `single` one exists once, and where it is not given it stays as it is."""

    name: str  # its folder, or its file when there is only one
    noun: str
    single = False
    texts: Mapping[str, str] = {}  # fields that are files of their own, and how those end

    def rows(self, *, lock: bool) -> dict[str, Document]:
        """Every document the retailer has, by key, as the tables hold it."""
        raise NotImplementedError

    def shaped(self, data: Document) -> Document:
        """The same in canonical order and form, without fields that say nothing. Raises gate.Invalid."""
        raise NotImplementedError

    def problems(self, document: Document, target: Configuration, now: datetime) -> list[Problem]:
        """What keeps a new or changed document from being saved where `target` is the whole configuration."""
        raise NotImplementedError

    def kept_by(self, keys: Collection[str], target: Configuration) -> dict[str, str]:
        """Which documents cannot be removed, and why."""
        return {}

    def notes(self, changed: Collection[str], removed: Collection[str], target: Configuration) -> Iterator[str]:
        """What the author of a change should know, though it keeps nothing from being made."""
        yield from ()

    def in_order(self, keys: Iterable[str], configuration: Configuration) -> list[str]:
        """The order in which documents are saved, so that what they refer to is there already."""
        return sorted(keys)

    def save(self, document: Document, *, now: datetime) -> None:
        """Create or replace, by the door that owns it. Raises what that raises."""
        raise NotImplementedError

    def remove(self, key: str) -> None:
        raise NotImplementedError


def fingerprint(configuration: Configuration) -> str:
    """The same for the same configuration, whatever the order of its parts."""
    return content_hash(configuration)
