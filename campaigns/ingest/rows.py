"""Reading one row: every field by its reader, all problems at once. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from typing import Any

from campaigns.ingest.fields import Invalid, Reader
from campaigns.ingest.results import Problem


def read(
    row: Any, readers: Mapping[str, Reader], *, needed: Collection[str], extras: str
) -> tuple[dict[str, Any], list[Problem]]:
    """The values of the fields given, and what is wrong. `extras` names the field where unknown ones belong."""
    if type(row) is not dict and not isinstance(row, Mapping):
        return {}, [Problem("", "must be an object with named fields")]
    try:
        values = {field: readers[field](given) for field, given in row.items()}
    except (KeyError, Invalid):
        return _judged(row, readers, needed=needed, extras=extras)
    if all(field in values for field in needed):
        return values, []
    return _judged(row, readers, needed=needed, extras=extras)


def _judged(
    row: Mapping[str, Any], readers: Mapping[str, Reader], *, needed: Collection[str], extras: str
) -> tuple[dict[str, Any], list[Problem]]:
    """Field by field, for rows that are not as they should be."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    missing = [(field, None) for field in needed if field not in row]
    for field, given in itertools.chain(row.items(), missing):
        reader = readers.get(field)
        if reader is None:
            problems.append(Problem(_printable(field), f"is not a known field: put custom fields under {extras}"))
            continue
        try:
            values[field] = reader(given)
        except Invalid as invalid:
            problems.append(Problem(_printable(f"{field}.{invalid.path}" if invalid.path else field), str(invalid)))
    return values, problems


def identity(row: Any, field: str) -> str:
    """The row's id as far as it has one, to name a rejected row by."""
    given = row.get(field) if isinstance(row, Mapping) else None
    return _printable(given) if isinstance(given, str | int) else ""


def _printable(given: Any) -> str:
    """Short, and without the lone surrogates that no answer in UTF-8 could carry."""
    return str(given)[:100].encode("utf-8", "replace").decode()
