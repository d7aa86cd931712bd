"""Plans in words for a terminal, and as data for scripts. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from campaigns.ascode.diffing import Change, FieldChange
from campaigns.ascode.documents import Fault
from campaigns.ascode.planning import Plan

WIDTH = 100  # characters shown of a value
LINES = 20  # shown of a text's difference
LONGEST = 4000  # lines of a text that are still compared
_SIGNS = {"create": "+", "change": "~", "delete": "-"}


def in_words(plan: Plan) -> Iterator[str]:
    """Every change, then the notes."""
    for change in plan.changes:
        yield f"  {_SIGNS[change.action]} {_document(change)}"
        for field in change.fields:
            yield from (f"      {line}" for line in _field(field))
    yield from (f"  ! {note}" for note in plan.notes)


def summary(plan: Plan) -> str:
    if not plan.changes:
        return "nothing to change"
    return ", ".join(f"{number} to {action}" for action, number in plan.counts.items())


def done(plan: Plan) -> str:
    words = {"create": "created", "change": "changed", "delete": "deleted"}
    return ", ".join(f"{number} {words[action]}" for action, number in plan.counts.items())


def as_data(plan: Plan) -> dict[str, Any]:
    return {
        "fingerprint": plan.fingerprint,
        "summary": plan.counts,
        "changes": [asdict(change) for change in plan.changes],
        "notes": list(plan.notes),
    }


def faults_as_data(faults: list[Fault]) -> list[dict[str, Any]]:
    return [asdict(fault) for fault in faults]


def _document(change: Change) -> str:
    where = change.kind if change.key == change.kind else f"{change.kind}/{change.key}"
    return f"{where}  {_printable(change.name)}" if change.name and change.action != "change" else where


def _field(field: FieldChange) -> Iterator[str]:
    before, after = field.before, field.after
    if isinstance(before, str) and isinstance(after, str):
        if "\n" in before.strip("\n") or "\n" in after.strip("\n"):
            yield f"{field.path}:"
            yield from (f"  {line}" for line in _difference(before.splitlines(), after.splitlines()))
            return
        before, after = _around_difference(before, after)
    yield f"{field.path}: {_value(before)} -> {_value(after)}"


def _difference(before: list[str], after: list[str]) -> Iterator[str]:
    if max(len(before), len(after)) > LONGEST:
        yield f"{len(before)} lines -> {len(after)} lines"
        return
    lines = list(difflib.unified_diff(before, after, n=1, lineterm=""))[2:]  # without the names of files
    yield from (_printable(_cut(line)) for line in lines[:LINES])
    if len(lines) > LINES:
        yield f"... {len(lines) - LINES} more lines"


def _around_difference(before: str, after: str) -> tuple[str, str]:
    """Two long texts from shortly before where they part."""
    if max(len(before), len(after)) <= WIDTH:
        return before, after
    common = next((i for i, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    start = max(0, common - WIDTH // 4)
    return (before[start:], after[start:]) if not start else (f"…{before[start:]}", f"…{after[start:]}")


def _value(value: Any) -> str:
    if value is None:
        return "(not set)"
    if isinstance(value, str) and value == value.strip() and value.isprintable():
        return _cut(value) or '""'
    return _printable(_cut(json.dumps(value, ensure_ascii=False)))


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def _printable(text: str) -> str:
    """Without what would move the cursor or colour the terminal."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
