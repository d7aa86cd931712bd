"""A file brought in one go: received, its columns said, and begun. All of it, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from campaigns.importing import jobs, mapping, spelling, uploads
from campaigns.models import Import

SPELT = {"dates": spelling.DATES, "decimal": spelling.DECIMALS}


@dataclass(frozen=True)
class Choice:
    """What is said of a file; None leaves it at what was guessed, or said of the last file with these columns.

    `columns` is the field of each column by its name, of all that shall be read. `constants` are fields that are the
    same for every row, `spelt` how dates and decimals are written (of SPELT).
    """

    columns: Mapping[str, str] | None = None
    constants: Mapping[str, Any] | None = None
    spelt: Mapping[str, str] | None = None


AS_GUESSED = Choice()


def bring(upload: File[Any], *, kind: str, by: str, choice: Choice = AS_GUESSED, start: bool = False) -> Import:
    """Raises FileUnreadable, mapping.Incomplete; then nothing is kept."""
    job = uploads.receive(upload, kind=kind, by=by)
    try:
        with transaction.atomic():
            if choice != AS_GUESSED:
                _choose(job, choice)
            if start:
                jobs.start(job)
                job.refresh_from_db()
    except BaseException:
        default_storage.delete(job.file)
        Import.objects.filter(pk=job.pk).delete()
        raise
    return job


def _choose(job: Import, choice: Choice) -> None:
    columns = job.mapping if choice.columns is None else mapping.by_name(job.columns, choice.columns)
    constants = job.constants if choice.constants is None else choice.constants
    mapping.save(job, columns, constants, choice.spelt or {})
