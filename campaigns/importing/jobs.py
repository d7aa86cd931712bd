"""Imports that run behind the console: started, carried on slice by slice, cancelled, forgotten.

Reads    Import, its file
Writes   Customer, Event, Product (through campaigns.ingest), the import's place, counts and reject file
Promise  every row is counted once: rows, place and counts are written in one transaction, which only whoever holds
         the import's row at that place may do; a worker that dies or comes too late changes nothing
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.functions import Now

from campaigns import ingest
from campaigns.importing import csv_file, kinds, mapping, outcomes, rejects, uploads
from campaigns.importing.columns import Columns
from campaigns.importing.csv_file import CsvFile, FileUnreadable, Place, Record
from campaigns.importing.kinds import Circumstances
from campaigns.lifecycle import NotAllowed
from campaigns.models import Import
from tenants import agenda, audit, context
from tenants.models import AgendaItem, Retailer

SLICE = 2.0  # seconds of work before others get their turn
KEPT_FOR = timedelta(days=30)
AGENDA_KIND = "import"
OPEN = (Import.State.QUEUED, Import.State.RUNNING)


def start(job: Import) -> None:
    """Queue it. Raises NotAllowed when it was started already, and mapping.Incomplete."""
    with transaction.atomic():
        held = Import.objects.select_for_update().get(pk=job.pk)
        if held.state != Import.State.UPLOADED:
            raise NotAllowed(f"{held.name} was started already.")
        problems = mapping.problems(kinds.of(held), held.columns, held.mapping, held.constants)
        if problems:
            raise mapping.Incomplete(problems)
        held.state = Import.State.QUEUED
        held.counts = dict.fromkeys(kinds.of(held).layout.outcomes, 0)
        held.save(update_fields=["state", "counts"])
        agenda.put(context.current(), AGENDA_KIND, held.pk)
        audit.note("start", "import", held.name, after={"kind": held.kind, "mapping": _mapping(held)})


def advance(pk: int, given: Circumstances, *, seconds: float = SLICE) -> bool:
    """Carry an import on for about that long. Whether there is more to do."""
    until = time.monotonic() + seconds
    job = Import.objects.filter(pk=pk, state__in=OPEN).first()
    if job is None:
        return False
    place = Place(job.bytes_read, job.row_number, len(job.columns)) if job.row_number else csv_file.BEGINNING
    begins = job.bytes_read
    given = replace(given, source=source(job), by=job.by)
    try:
        columns = mapping.columns(job)
        with csv_file.opened(uploads.path(job), uploads.form(job), place) as file:
            while _write_next(pk, file, columns, given, begins=begins):
                begins = file.place.offset
                if time.monotonic() >= until:
                    return True
    except FileUnreadable as problem:
        _end(pk, Import.State.FAILED, error=str(problem))
    # Whoever came too late does not know what is left to whom: the import itself does.
    return Import.objects.filter(pk=pk, state__in=OPEN).exists()


def rejected(job: Import) -> File[bytes] | None:
    """The rejected rows as a file, as far as they are written for good."""
    if not job.rejects or not default_storage.exists(job.rejects):
        return None
    return default_storage.open(job.rejects)


def rejects_name(job: Import) -> str:
    """What the file of rejected rows is called where somebody keeps it."""
    return f"{job.name.removesuffix('.gz').removesuffix('.csv')}.rejects.csv"


def cancel(job: Import) -> None:
    """What is written stays. Raises NotAllowed when it has ended."""
    with transaction.atomic():
        if not _end(job.pk, Import.State.CANCELLED):
            raise NotAllowed(f"{job.name} has ended already; there is nothing to cancel.")
        agenda.drop(context.current(), AGENDA_KIND, [job.pk])


def held_up(job: Import) -> str:
    """Why nothing moves, when a worker broke on it."""
    item = AgendaItem.objects.filter(retailer=context.current(), kind=AGENDA_KIND, object_id=job.pk).first()
    if item is None or not item.failures:
        return ""
    return "It does not get on; the platform's staff see why." if item.parked_at else "It is tried again in a moment."


def share(job: Import) -> float:
    """How much of it is done: 0 to 1."""
    return 1.0 if job.state == Import.State.DONE else job.bytes_read / (job.bytes or 1)


def source(job: Import) -> str:
    """Where its rows say that they come from."""
    return f"import {job.name}"[:200]


def remove(job: Import) -> None:
    """Forget it and its files. Raises NotAllowed while it runs."""
    with transaction.atomic():
        held = Import.objects.select_for_update().get(pk=job.pk)
        if held.state in OPEN:
            raise NotAllowed(f"{held.name} is being imported. Cancel it first.")
        audit.note("delete", "import", held.name, before=_told(held))
        held.delete()
        transaction.on_commit(lambda: _delete_files(held))


def forget_old(*, now: datetime) -> int:
    """Remove the files of imports that came more than KEPT_FOR ago; what became of them stays known."""
    old = Import.objects.filter(created_at__lt=now - KEPT_FOR).exclude(state__in=OPEN).exclude(file="")
    return forget_files(list(old))


def forget_files(found: Sequence[Import]) -> int:
    """Remove the files of these; how many there were. What became of their rows stays known."""
    for job in found:
        _delete_files(job)
    return Import.objects.filter(pk__in=[job.pk for job in found]).update(file="", rejects="", rejects_bytes=0)


def tidy(*, now: datetime) -> None:
    """For every active retailer: forget what is old, and announce what is open and stands in no agenda."""

    def of(retailer: Retailer) -> None:
        forget_old(now=now)
        agenda.put_missing(retailer, AGENDA_KIND, Import.objects.filter(state__in=OPEN).values_list("pk", flat=True))

    context.in_every(of, what="the tidying of imports")


def _write_next(pk: int, file: CsvFile, columns: Columns, given: Circumstances, *, begins: int) -> bool:
    """The next chunk, in one transaction with the place it leads to. Whether there may be another."""
    records = file.take(outcomes.CHUNK)
    with transaction.atomic():
        job = Import.objects.select_for_update().filter(pk=pk, state__in=OPEN, bytes_read=begins).first()
        if job is None:  # cancelled, or another worker took over: what was read here is no longer ours to write
            return False
        if not records:
            _finish(job)
            return False
        _write(job, records, columns, given)
        job.bytes_read, job.row_number, _ = file.place
        job.state, job.started_at = Import.State.RUNNING, job.started_at or given.now
        job.save()
    return True


def _write(job: Import, records: list[Record], columns: Columns, given: Circumstances) -> None:
    kind = kinds.of(job)
    rejected: list[tuple[Record, str]] = []
    written = outcomes.write_chunk(
        records, columns, lambda rows: kind.write(rows, given), lambda record, reason: rejected.append((record, reason))
    )
    job.rows += len(records)
    job.counts = {status: job.counts.get(status, 0) + written[status] for status in kind.layout.outcomes}
    if rejected:
        job.rejects = job.rejects or f"{job.file.removesuffix('.csv')}.rejects.csv"
        path = Path(default_storage.path(job.rejects))
        job.rejects_bytes = rejects.append(path, rejected, header=job.columns, size=job.rejects_bytes)


def _finish(job: Import) -> None:
    job.bytes_read = job.bytes
    job.save(update_fields=["bytes_read"])
    ingest.analyze(job.kind, job.counts.get("created", 0))
    _end(job.pk, Import.State.DONE)


@transaction.atomic
def _end(pk: int, state: Import.State, *, error: str = "") -> bool:
    """Whether it was this call that ended it."""
    job = Import.objects.select_for_update().filter(pk=pk, state__in=OPEN).first()
    if job is None:
        return False
    job.state, job.finished_at, job.error = state, Now(), uploads.clean(error)[:1000]
    job.save(update_fields=["state", "finished_at", "error"])
    audit.note(_ENDED[state], "import", job.name, after=_told(job) | ({"error": job.error} if error else {}))
    return True


_ENDED = {Import.State.DONE: "finish", Import.State.FAILED: "fail", Import.State.CANCELLED: "cancel"}


def _told(job: Import) -> dict[str, object]:
    """What the audit trail keeps of it."""
    return {"kind": job.kind, "rows": job.rows, **job.counts}


def _mapping(job: Import) -> dict[str, str]:
    named = {column: field for column, field in zip(job.columns, job.mapping, strict=True) if field}
    return named | {f"every row's {field}": str(value) for field, value in job.constants.items() if value}


def _delete_files(job: Import) -> None:
    for name in filter(None, [job.file, job.rejects]):
        default_storage.delete(name)
