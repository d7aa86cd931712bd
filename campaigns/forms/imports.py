"""The columns of an import as a person maps them: what the page offers, and what comes back from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.importing import kinds, mapping, spelling, uploads
from campaigns.importing.kinds import Kind
from campaigns.ingest.documents import LONGEST_KEY
from campaigns.models import AttributeDefinition, Import

SHOWN_VALUES = 3

Choice = tuple[str, str]


@dataclass(frozen=True)
class Line:
    """One column of the file: its name, a few of its values, what may be chosen for it and what is."""

    place: int
    name: str
    values: list[str]
    chosen: str
    own: Choice
    is_doubled: bool


def lines(job: Import, samples: Sequence[Sequence[str]]) -> list[Line]:
    kind = kinds.of(job)
    return [
        Line(
            place,
            name or f"(column {place + 1} has no name)",
            _values([row[place] for row in samples]),
            job.mapping[place],
            _own(name, job.mapping[place], kind),
            bool(job.mapping[place]) and job.mapping.count(job.mapping[place]) > 1,
        )
        for place, name in enumerate(job.columns)
    ]


def offered(job: Import) -> dict[str, list[Choice]]:
    """The fields that every column may go to, by group."""
    kind = kinds.of(job)
    needed = kind.layout.needed
    types = dict(AttributeDefinition.Type.choices)
    ours = [(field, f"{kind.label(field)} *" if field in needed else kind.label(field)) for field in kind.layout.fields]
    declared = [
        (f"{kind.layout.extras}.{name}", f"{name} ({types[type_].lower()})")
        for name, type_ in mapping.declared(kind.layout).items()
    ]
    return {"Fields": ours} | ({"Your attributes": declared} if declared else {})


def constants(job: Import) -> list[dict[str, Any]]:
    kind = kinds.of(job)
    return [
        {"name": field, "label": kind.label(field), "value": job.constants.get(field, "")}
        for field in kind.constants
        if field not in (*kinds.CONSENT_FLAGS, *kinds.CONSENT_PROOF)
    ]


def consent(job: Import) -> dict[str, Any]:
    """What may be said of everybody in the file; empty where the rows are no customers."""
    kind = kinds.of(job)
    if not set(kinds.CONSENT_FLAGS) <= set(kind.constants):
        return {}
    flags = [
        {"name": flag, "label": kind.label(flag), "is_said": bool(job.constants.get(flag))}
        for flag in kinds.CONSENT_FLAGS
    ]
    return {"flags": flags, **{proof: job.constants.get(proof, "") for proof in kinds.CONSENT_PROOF}}


def spellings(job: Import) -> list[dict[str, Any]]:
    """The questions of how the file writes what ours writes otherwise, as far as this kind asks them."""
    fields = kinds.of(job).layout.fields
    has_dates = (
        "occurred_at" in fields
        or "consent_at" in job.mapping
        or AttributeDefinition.Type.DATE in mapping.declared(kinds.of(job).layout).values()
    )
    asked = [("dates", "Dates are written with", spelling.DATES)] if has_dates else []
    if {"value", "price"} & set(fields):
        asked.append(("decimal", "Decimals follow", spelling.DECIMALS))
    return [
        {"name": name, "label": label, "choices": list(choices.items()), "value": job.format.get(name)}
        for name, label, choices in asked
    ]


def read(job: Import, posted: Mapping[str, str]) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """Mapping, constants and spelling as posted; what was never offered is left out."""
    kind = kinds.of(job)
    allowed = {value for group in offered(job).values() for value, _ in group}
    chosen = []
    for line in lines(job, []):
        given = posted.get(f"column-{line.place}", "")
        chosen.append(given if given in allowed or given == line.own[0] else "")
    fixed = {field: uploads.clean(posted.get(f"constant-{field}", "")).strip() for field in kind.constants}
    spelt = {each["name"]: posted.get(each["name"], "") for each in spellings(job)}
    known = {"dates": spelling.DATES, "decimal": spelling.DECIMALS}
    return (
        chosen,
        {field: value for field, value in fixed.items() if value},
        {name: value for name, value in spelt.items() if value in known[name]},
    )


def _values(cells: Sequence[str]) -> list[str]:
    distinct = dict.fromkeys(cell.strip() for cell in cells if cell.strip())
    return [value if len(value) <= 60 else f"{value[:57]}…" for value in list(distinct)[:SHOWN_VALUES]]


def _own(name: str, chosen: str, kind: Kind) -> Choice:
    """The custom field that would be called like the column; or the one that an earlier file put it to."""
    if not kind.layout.extras:
        return "", ""
    prefix = f"{kind.layout.extras}."
    if chosen.startswith(prefix) and chosen.removeprefix(prefix) not in mapping.declared(kind.layout):
        bare = chosen.removeprefix(prefix)
    else:
        bare = "".join(each for each in name.removeprefix(prefix) if each.isprintable()).strip()[:LONGEST_KEY]
    return (f"{prefix}{bare}", f"{_NOUN[kind.layout.extras]} “{bare}”") if bare else ("", "")


_NOUN = {"attributes": "Custom attribute", "properties": "Property"}
