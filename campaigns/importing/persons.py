"""Somebody who is to be erased, in the files that were brought: found by reading them, and forgotten with them.

Reads    Import, its files (plain CSV, whatever they came as)
Writes   Import (its files go), through campaigns.importing.jobs
Promise  a file that may hold the person is not kept; one that is being imported bars the erasure, since its rows would
         make the person anew. Rather a file too many than one too few: nothing but its rows is lost with it
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import phonenumbers
from django.core.files.storage import default_storage
from django.db.models import Max

from campaigns import suppressions
from campaigns.importing import jobs
from campaigns.lifecycle import NotAllowed
from campaigns.models import Customer, Import
from tenants import audit

_PIECE = 1 << 20
_BETWEEN_DIGITS = b" ()./-"
_LONGEST = 2048  # bytes of a number or an address, however it is written
_SHORTEST_NUMBER = 5


def forget(customer: Customer) -> int:
    """Remove the files that may hold the person; the id of the latest import looked at.

    Takes as long as it takes to read the files: belongs before locks. Raises NotAllowed while one of them is imported.
    """
    latest = Import.objects.aggregate(latest=Max("pk"))["latest"] or 0
    kept = Import.objects.filter(pk__lte=latest).exclude(file="", rejects="").order_by("pk")
    found = [job for job in kept if _may_hold(job, customer)]
    _refuse_open(found)
    jobs.forget_files(found)
    for job in found:
        audit.note("forget", "import", job.name, after={"reason": "somebody in its file was erased"})
    return latest


def refuse_later(latest: int, customer: Customer) -> None:
    """Those that began meanwhile. Raises NotAllowed."""
    _refuse_open([job for job in Import.objects.filter(pk__gt=latest) if _may_hold(job, customer)])


def _refuse_open(found: list[Import]) -> None:
    for job in found:
        if job.state in jobs.OPEN:
            raise NotAllowed(
                f"{job.name} is being imported and may hold this customer: erase once it has ended, or cancel it first."
            )


def _may_hold(job: Import, customer: Customer) -> bool:
    kept = [(job.file, job.format.get("encoding") or "utf-8"), (job.rejects, "utf-8")]
    return any(
        holds(Path(default_storage.path(name)), customer, encoding)
        for name, encoding in kept
        if name and default_storage.exists(name)
    )


def holds(path: Path, customer: Customer, encoding: str) -> bool:
    """Whether the number or an address of the customer stands in a file, in small memory."""
    words = [
        *_spellings(customer.external_id, rf"(?<!\w){re.escape(customer.external_id)}(?!\w)", encoding),
        *_spellings(customer.email, suppressions.whole(customer.email), encoding),
    ]
    digits = _national(customer.phone)
    return any(
        any(word in window and pattern.search(window) for word, pattern in words)
        or (bool(digits) and digits in window.translate(None, _BETWEEN_DIGITS))
        for window in _windows(path)
    )


def _windows(path: Path) -> Iterator[bytes]:
    """The file in lower case, piece by piece, each with the end of the one before: no value is cut in two."""
    end = b""
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(_PIECE), b""):
            window = end + piece.lower()
            yield window
            end = window[-_LONGEST:]


def _spellings(text: str, whole: str, encoding: str) -> list[tuple[bytes, re.Pattern[bytes]]]:
    """As a cell of the file writes it, if it can: quickly looked for, and then as a value of its own."""
    if not text:
        return []
    try:
        written = [
            (each.encode(encoding).lower(), pattern.encode(encoding).lower())
            for each, pattern in {(text, whole), (text.replace('"', '""'), whole.replace('"', '""'))}
        ]
    except UnicodeEncodeError:
        return []
    return [(word, re.compile(pattern)) for word, pattern in written]


def _national(phone: str) -> bytes:
    """The digits that every way to write the number has."""
    if not phone:
        return b""
    try:
        digits = str(phonenumbers.parse(phone).national_number)
    except phonenumbers.NumberParseException:
        return phone.encode()
    return (digits if len(digits) >= _SHORTEST_NUMBER else phone).encode()
