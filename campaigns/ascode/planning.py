"""What applying a configuration would change, and everything that keeps it from being applied. Writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from campaigns.ascode import diffing, folder
from campaigns.ascode.diffing import Change
from campaigns.ascode.documents import Configuration, Document, Fault, Given, Kind, Refused, Source, fingerprint
from campaigns.ascode.kinds import KINDS
from campaigns.config.gate import Invalid
from tenants import held


@dataclass(frozen=True)
class Plan:
    """The way from one configuration to another. `notes` are for its author to know; they keep nothing back."""

    before: Configuration
    after: Configuration
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Of the configuration before: another one means that somebody changed it meanwhile."""
        return fingerprint(self.before)

    @property
    def counts(self) -> dict[str, int]:
        counted = Counter(change.action for change in self.changes)
        return {action: counted[action] for action in ("create", "change", "delete")}

    def keys(self, kind: str, *actions: str) -> list[str]:
        return [change.key for change in self.changes if change.kind == kind and change.action in actions]


def plan(before: Configuration, given: Given, *, now: datetime) -> Plan:
    """Raises Refused with everything that is wrong with what was given, in all files at once."""
    with held.held():
        after, faults = _target(before, given)
        made = Plan(before, after, tuple(diffing.changes(before, after)))
        for kind in KINDS:
            faults += _gate(kind, made, given, now)
        if faults:
            raise Refused(faults)
        return Plan(before, after, made.changes, tuple(_notes(made)))


def _target(before: Configuration, given: Given) -> tuple[Configuration, list[Fault]]:
    """The configuration that is asked for. What is wrong stays in it as it was, so that nothing else seems wrong."""
    faults = list(given.faults)
    after: Configuration = {}
    for kind in KINDS:
        old = before[kind.name]
        found: dict[str, Document] = {} if not kind.single else dict(old)
        for key, source in given.sources.get(kind.name, {}).items():
            document = _shaped(kind, source, old.get(key), faults)
            found[key] = old.get(key, {}) if document is None else document
        after[kind.name] = found
    return after, faults


def _shaped(kind: Kind, source: Source, old: Document | None, faults: list[Fault]) -> Document | None:
    if source.data is None:
        return None
    data = _settled(kind, source.data, old or {})
    try:
        return kind.shaped(data)
    except Invalid as invalid:
        if old is not None and diffing.is_same(old, data):
            return old  # it would be refused today, but nobody asks for it to change
        faults += map(source.fault, invalid.problems)
    return None


def _settled(kind: Kind, data: Document, old: Document) -> Document:
    """Texts that differ from the retailer's only in how lines end are the retailer's."""
    same = {
        name: old[name]
        for name in kind.texts
        if name in old and folder.without_line_ends(old[name]) == folder.without_line_ends(data.get(name, ""))
    }
    return {**data, **same}


def _gate(kind: Kind, made: Plan, given: Given, now: datetime) -> Iterator[Fault]:
    """What the admin and the API would refuse as well."""
    for key in made.keys(kind.name, "create", "change"):
        source, document = given.sources[kind.name][key], made.after[kind.name][key]
        if document:
            yield from map(source.fault, kind.problems(document, made.after, now))
    removed = made.keys(kind.name, "delete")
    if removed:
        for key, why in kind.kept_by(removed, made.after).items():
            yield Fault(folder.file_of(kind, key), "", f"is not here, and the {kind.noun} cannot be deleted: {why}")


def _notes(made: Plan) -> Iterator[str]:
    for kind in KINDS:
        changed, removed = made.keys(kind.name, "create", "change"), made.keys(kind.name, "delete")
        yield from kind.notes(changed, removed, made.after)
