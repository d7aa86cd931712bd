"""What a change of configuration changes: by document, and by field in words that its author knows. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from campaigns.ascode.documents import Configuration, Document

Action = Literal["create", "change", "delete"]


@dataclass(frozen=True)
class FieldChange:
    """One field, such as `steps[first].template`; None where it is not set."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Change:
    """One document. `fields` are told of those that stay."""

    kind: str
    key: str
    action: Action
    name: str
    fields: tuple[FieldChange, ...] = ()


def changes(before: Configuration, after: Configuration) -> list[Change]:
    """In the order of kinds, then of keys."""
    return [
        change
        for kind in after
        for key in sorted(before[kind].keys() | after[kind].keys())
        if (change := _change(kind, key, before[kind].get(key), after[kind].get(key)))
    ]


def is_same(one: Any, other: Any) -> bool:
    """Unlike `==`, true is not 1, and 1 is not 1.0: they would be printed otherwise."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _change(kind: str, key: str, before: Document | None, after: Document | None) -> Change | None:
    name = str((after or before or {}).get("name", ""))
    if before is None:
        return Change(kind, key, "create", name)
    if after is None:
        return Change(kind, key, "delete", name)
    if is_same(before, after):
        return None
    return Change(kind, key, "change", name, tuple(_fields("", before, after)))


def _fields(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    if is_same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from _fields(f"{path}.{name}".lstrip("."), before.get(name), after.get(name))
    elif _has_parts(before) and _has_parts(after):
        yield from _parts(path, before, after)
    else:
        yield FieldChange(path, before, after)


def _has_parts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(part, dict) for part in value)


def _parts(path: str, before: list[Any], after: list[Any]) -> Iterator[FieldChange]:
    """Steps and variants are told apart by their key, rules by their place."""
    old, new = _by_name(before), _by_name(after)
    if old.keys() != set(range(len(before))) or new.keys() != set(range(len(after))):
        kept = [[key for key in one if key in other] for one, other in ((old, new), (new, old))]
        if kept[0] != kept[1]:
            yield FieldChange(f"{path} (order)", kept[0], kept[1])
    for name in [*old, *(name for name in new if name not in old)]:
        yield from _fields(f"{path}[{name}]", old.get(name), new.get(name))


def _by_name(parts: list[Any]) -> dict[Any, Any]:
    keys = [part.get("key") for part in parts]
    if None in keys or len(set(keys)) < len(keys):
        return dict(enumerate(parts))
    return dict(zip(keys, parts, strict=True))
