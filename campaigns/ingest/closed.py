"""Rows that have no custom fields: what is not known is refused, and the known ones are named. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from campaigns.ingest import rows
from campaigns.ingest.fields import Reader
from campaigns.ingest.results import Problem


def read(row: Any, readers: Mapping[str, Reader], *, needed: Collection[str]) -> tuple[dict[str, Any], list[Problem]]:
    """The values of the fields given, and what is wrong."""
    if not isinstance(row, Mapping):
        return rows.read(row, readers, needed=needed, extras="")
    known = {name: value for name, value in row.items() if name in readers}
    values, problems = rows.read(known, readers, needed=needed, extras="")
    cure = f"is not a known field: the fields are {', '.join(readers)}"
    return values, problems + [Problem(rows.identity({"n": str(name)}, "n"), cure) for name in row if name not in known]
