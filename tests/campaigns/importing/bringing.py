"""Files brought as a person brings them, and carried to their end."""

from __future__ import annotations

import csv
import io
from zoneinfo import ZoneInfo

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from campaigns.importing import jobs, uploads
from campaigns.importing.kinds import Circumstances
from campaigns.models import Import
from delivery import pipeline

LONDON = ZoneInfo("Europe/London")


def upload(content: str | bytes, *, name: str = "people.csv", kind: str = "customers") -> Import:
    raw = content.encode() if isinstance(content, str) else content
    return uploads.receive(ContentFile(raw, name=name), kind=kind, by="Ana")


def given() -> Circumstances:
    return Circumstances(timezone.now(), LONDON)


def run(job: Import) -> Import:
    """Started, and carried to its end by the pipeline."""
    jobs.start(job)
    pipeline.work(seconds=60)
    job.refresh_from_db()
    return job


def people(rows: int, *, first: int = 1) -> str:
    return "external_id,email\n" + "".join(f"c{n},c{n}@example.test\n" for n in range(first, first + rows))


def rejected(job: Import) -> list[list[str]]:
    with default_storage.open(job.rejects) as raw:
        return list(csv.reader(io.StringIO(raw.read().decode("utf-8-sig", "surrogateescape"))))
