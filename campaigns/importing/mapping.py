"""Which column of an import goes to which field: suggested, checked, remembered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from campaigns.importing import guessing, kinds, rejects, spelling
from campaigns.importing.columns import Columns, Layout, Spelling
from campaigns.importing.kinds import Kind
from campaigns.ingest.documents import LONGEST_KEY
from campaigns.ingest.fields import Invalid
from campaigns.models import AttributeDefinition, Import

_SAID_ANEW = (*kinds.CONSENT_FLAGS, *kinds.CONSENT_PROOF)  # for every file: what was true of the last one may not be


class Incomplete(ValueError):
    """The columns cannot be imported as they are mapped. `problems` are sentences for the person who mapped them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def suggest(job: Import, samples: Sequence[Sequence[str]]) -> None:
    """Fill in mapping, constants and the way dates and numbers are written, unsaved: as in the last file of the same
    columns, else by guessing."""
    before = (
        Import.objects.filter(kind=job.kind, columns=job.columns)
        .exclude(state=Import.State.UPLOADED)
        .order_by("-pk")
        .first()
    )
    if before:
        job.mapping = before.mapping
        job.constants = {name: value for name, value in before.constants.items() if name not in _SAID_ANEW}
        job.format = {**job.format, **{name: before.format.get(name, "") for name in ("dates", "decimal")}}
        return
    kind = kinds.of(job)
    job.mapping = guessing.fields(
        job.columns, samples, kind=job.kind, layout=kind.layout, declared=declared(kind.layout)
    )
    values = {field: [row[place] for row in samples] for place, field in enumerate(job.mapping) if field}
    moments = values.get("occurred_at", []) + values.get("consent_at", [])
    amounts = values.get("value", []) + values.get("price", [])
    job.format |= {"dates": guessing.dates(moments), "decimal": guessing.decimal(amounts)}


def save(job: Import, mapping: Sequence[str], constants: Mapping[str, Any], form: Mapping[str, str]) -> None:
    """Keep what a person chose. Raises Incomplete; what was chosen is on the import then, unsaved."""
    job.mapping, job.constants, job.format = list(mapping), dict(constants), {**job.format, **form}
    found = problems(kinds.of(job), job.columns, job.mapping, job.constants)
    if found:
        raise Incomplete(found)
    job.save(update_fields=["mapping", "constants", "format"])


def by_name(header: Sequence[str], chosen: Mapping[str, str]) -> list[str]:
    """The field of each column in order, those not chosen left out. Raises Incomplete where the file lacks one."""
    found = [
        f"The file has no column “{name}”: it has {', '.join(f'“{each}”' for each in header)}."
        if name not in header
        else f"The file has the column “{name}” {header.count(name)} times: rename them, or map it in the console."
        for name in chosen
        if header.count(name) != 1
    ]
    if found:
        raise Incomplete(found)
    return [chosen.get(name, "") for name in header]


def problems(kind: Kind, header: Sequence[str], mapping: Sequence[str], constants: Mapping[str, Any]) -> list[str]:
    columns_of: dict[str, list[str]] = defaultdict(list)
    for column, field in zip(header, mapping, strict=True):
        if field:
            columns_of[field].append(f"“{column}”")
    found = [
        f"{' and '.join(columns)} both go to {kind.label(field)}: leave one of them out."
        if len(columns) == 2
        else f"{', '.join(columns)} all go to {kind.label(field)}: keep one of them."
        for field, columns in columns_of.items()
        if len(columns) > 1
    ]
    for field in kind.layout.needed:
        if field not in columns_of and not constants.get(field):
            or_constant = ", or write it below if it is the same for every row" if field in kind.constants else ""
            found.append(f"{kind.label(field)} is needed: choose the column that holds it{or_constant}.")
    prefix = f"{kind.layout.extras}."
    found += [
        f"{kind.label(field)} is no name for a custom field: it takes 1 to {LONGEST_KEY} printable characters."
        for field in columns_of
        if field not in kind.layout.fields and not _is_custom(field, prefix)
    ]
    return found + _wrong_constants(kind, constants) + _unproven(kind, columns_of, constants)


def columns(job: Import) -> Columns:
    """The import's columns as they are to be read."""
    kind = kinds.of(job)
    as_moment = spelling.moment(job.format.get("dates") or "iso")
    as_amount = spelling.amount(job.format.get("decimal") or ".")
    types = declared(kind.layout)
    dates = {name: as_moment for name, type_ in types.items() if type_ == AttributeDefinition.Type.DATE}
    cells = {"occurred_at": as_moment, "consent_at": as_moment, "value": as_amount, "price": as_amount, **dates}
    spelt = Spelling(cells, types, rejects.as_it_was if job.format.get("is_returned") else None)
    constants = {field: value for field, value in job.constants.items() if value}
    return Columns(job.mapping, kind.layout, constants=constants, spelling=spelt)


def declared(layout: Layout) -> dict[str, str]:
    """The type of each custom attribute that has one."""
    if layout.extras != "attributes":
        return {}
    return dict(AttributeDefinition.objects.order_by("name").values_list("name", "type"))


def _wrong_constants(kind: Kind, constants: Mapping[str, Any]) -> list[str]:
    found = []
    for field, value in constants.items():
        if field not in kind.constants:
            found.append(f"{field[:100]} cannot be the same for every row: {', '.join(kind.constants)} can.")
            continue
        try:
            kind.readers[field](value)
        except Invalid as invalid:
            found.append(f"{kind.label(field)} for every row: {invalid}.")
    return found


def _unproven(kind: Kind, mapped: Collection[str], constants: Mapping[str, Any]) -> list[str]:
    """Consent that a person declares for a whole file needs the proof that each customer keeps."""
    declared_for_all = [flag for flag in kinds.CONSENT_FLAGS if constants.get(flag)]
    found = [
        f"{kind.label(flag)} has a column of its own: leave that out, or do not say it for everybody."
        for flag in declared_for_all
        if flag in mapped
    ]
    if declared_for_all:
        found += [
            f"{kind.label(proof)} is needed as the proof when everybody in the file agreed."
            for proof in kinds.CONSENT_PROOF
            if proof not in mapped and not constants.get(proof)
        ]
    return found


def _is_custom(field: str, prefix: str) -> bool:
    name = field.removeprefix(prefix)
    return field.startswith(prefix) and bool(name.strip()) and len(name) <= LONGEST_KEY and name.isprintable()
