"""Imports carried on by workers that may die, each row counted once."""

from __future__ import annotations

import gzip
import tracemalloc
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone

from campaigns.importing import jobs, mapping, outcomes, trial, uploads
from campaigns.lifecycle import NotAllowed
from campaigns.models import Customer, Import
from delivery import pipeline
from tenants import agenda, context, stops
from tenants.accounts.models import AuditEntry
from tenants.models import AgendaItem, Retailer
from tests import locks
from tests.campaigns.importing.bringing import given, people, rejected, run, upload


def test_a_worker_that_dies_midway_leaves_nothing_twice_and_nothing_out(here: Retailer) -> None:
    rows = 12_000
    job = upload(people(rows) + "bad,nonsense\n")
    jobs.start(job)
    assert jobs.advance(job.pk, given(), seconds=0)  # one chunk, then its time is over

    with transaction.atomic():  # the next chunk is written, and never committed
        assert jobs.advance(job.pk, given(), seconds=0)
        transaction.set_rollback(True)
    job.refresh_from_db()
    assert (job.rows, Customer.objects.count(), job.state) == (5_000, 5_000, "running")
    while jobs.advance(job.pk, given(), seconds=0):
        pass
    job.refresh_from_db()
    assert (job.state, job.rows, job.bytes_read) == ("done", rows + 1, job.bytes)
    assert job.counts == {"created": rows, "updated": 0, "unchanged": 0, "rejected": 1}
    assert [row[0] for row in rejected(job)] == ["row", str(rows + 2)]


def test_rejected_rows_of_an_attempt_that_was_lost_are_written_once(here: Retailer) -> None:
    job = upload("id,email\n" + "".join(f"c{n},nonsense\n" for n in range(6_000)))
    jobs.start(job)
    jobs.advance(job.pk, given(), seconds=0)
    kept = Import.objects.values_list("rejects_bytes", flat=True).get()
    with transaction.atomic():
        jobs.advance(job.pk, given(), seconds=0)
        transaction.set_rollback(True)
    assert default_storage.size(Import.objects.get().rejects) > kept
    while jobs.advance(job.pk, given(), seconds=0):
        pass
    assert [row[0] for row in rejected(Import.objects.get())] == ["row", *map(str, range(2, 6_002))]


def test_a_worker_that_comes_too_late_writes_nothing(here: Retailer) -> None:
    job = upload(people(6_000))
    jobs.start(job)
    Import.objects.filter(pk=job.pk).update(bytes_read=100, row_number=5)  # another one is there already
    stale = Import.objects.get(pk=job.pk)
    columns = mapping.columns(stale)
    with jobs.csv_file.opened(uploads.path(stale), uploads.form(stale)) as file:
        assert not jobs._write_next(job.pk, file, columns, given(), begins=0)
    assert not Customer.objects.exists()


def test_two_workers_with_one_import_share_it_and_neither_ends_it_for_the_other(live_retailer: Retailer) -> None:
    """The first one's lease had lapsed while it read: the second writes that chunk, the first says there is more."""
    with context.in_retailer(live_retailer):
        job = upload(people(12_000))
        jobs.start(job)
        said: list[bool] = []
        late = Thread(target=_advance_elsewhere, args=(live_retailer, job.pk, said))
        with transaction.atomic():
            Import.objects.select_for_update().get(pk=job.pk)
            late.start()
            locks.await_somebody_waiting()
            assert jobs.advance(job.pk, given(), seconds=0)
        late.join()
        assert said == [True]
        assert Import.objects.get().rows == outcomes.CHUNK
        pipeline.work(seconds=60, retailer=live_retailer)
        assert Import.objects.get().counts == {"created": 12_000, "updated": 0, "unchanged": 0, "rejected": 0}


def _advance_elsewhere(retailer: Retailer, pk: int, said: list[bool]) -> None:
    try:
        with context.in_retailer(retailer):
            said.append(jobs.advance(pk, given(), seconds=0))
    finally:
        connection.close()


def test_an_open_import_that_no_agenda_knows_is_announced_again(here: Retailer) -> None:
    job = upload(people(1))
    jobs.start(job)
    agenda.drop(here, jobs.AGENDA_KIND, [job.pk])
    jobs.tidy(now=timezone.now())
    pipeline.work(seconds=20)
    job.refresh_from_db()
    assert job.state == "done"


def test_the_same_file_again_changes_nothing(here: Retailer) -> None:
    run(upload(people(300)))
    again = run(upload(people(300)))
    assert again.counts == {"created": 0, "updated": 0, "unchanged": 300, "rejected": 0}


def test_cancelling_keeps_what_is_written_and_ends_the_work(here: Retailer) -> None:
    job = upload(people(6_000))
    jobs.start(job)
    jobs.advance(job.pk, given(), seconds=0)
    jobs.cancel(job)
    assert not jobs.advance(job.pk, given(), seconds=0)
    job.refresh_from_db()
    assert (job.state, job.rows, Customer.objects.count()) == ("cancelled", 5_000, 5_000)
    assert not AgendaItem.objects.filter(kind="import").exists()
    with pytest.raises(NotAllowed, match="ended already"):
        jobs.cancel(job)


def test_an_import_starts_once(here: Retailer) -> None:
    job = upload(people(1))
    jobs.start(job)
    with pytest.raises(NotAllowed, match="started already"):
        jobs.start(job)


def test_a_file_that_is_gone_fails_in_plain_words(here: Retailer) -> None:
    job = upload(people(1))
    default_storage.delete(job.file)
    run(job)
    assert (job.state, job.error) == ("failed", "people.csv is not kept any more. Bring the file again.")


def test_start_and_end_stand_in_the_audit_trail_with_the_counts(here: Retailer) -> None:
    run(upload(people(2)))
    start: Any
    finish: Any
    start, finish = AuditEntry.objects.filter(kind="import").order_by("pk")
    assert (start.action, start.after["mapping"]) == ("start", {"external_id": "external_id", "email": "email"})
    assert (finish.action, finish.after["created"], finish.after["rows"]) == ("finish", 2, 2)


def test_rejected_cells_are_harmless_in_a_spreadsheet_and_come_back_as_they_were(here: Retailer) -> None:
    job = run(upload("id,city,email,phone\n=1+1,@SUM(A1),nonsense,+44 20 7183 8750\n"))
    header, row = rejected(job)
    assert header == ["row", "reason", "id", "city", "email", "phone"]
    assert [row[0], *row[2:]] == ["2", "'=1+1", "'@SUM(A1)", "nonsense", "'+44 20 7183 8750"]
    with default_storage.open(job.rejects) as raw:
        corrected = raw.read().replace(b"nonsense", b"a@b.example")
    run(upload(corrected))
    found = Customer.objects.get()
    assert (found.external_id, found.city, found.phone) == ("=1+1", "@SUM(A1)", "+442071838750")


def test_hostile_rows_reject_themselves_alone(here: Retailer) -> None:
    rows = ["c1,Leeds", "c2," + "x" * 1_200_000, 'c3,"open', "c4,York\r", "c5,a,b", "\r", "", "c6,Bath"]
    job = run(upload("id,city\n" + "\n".join(rows) + "\n"))
    assert sorted(Customer.objects.values_list("external_id", flat=True)) == ["c1", "c4", "c6"]
    assert job.counts["rejected"] == 3


def test_a_stop_of_sending_does_not_stop_an_import(here: Retailer) -> None:
    stops.stop(here, reason="wrong price")
    assert run(upload(people(1))).state == "done"


def test_files_are_forgotten_after_thirty_days_and_the_history_stays(here: Retailer) -> None:
    job = run(upload("id,email\nc1,nonsense\n"))
    fresh = upload(people(1))
    Import.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(days=31))
    assert jobs.forget_old(now=timezone.now()) == 1
    assert default_storage.listdir("imports")[1] == [Path(fresh.file).name]
    job.refresh_from_db()
    assert (job.file, job.rejects, job.counts["rejected"]) == ("", "", 1)
    assert jobs.forget_old(now=timezone.now()) == 0


def test_a_file_is_never_held_in_memory(here: Retailer) -> None:
    """200,000 rows of 200 bytes: brought, tried and begun within half of their size."""
    note = "x" * 180
    rows = (f"c{n},c{n}@example.test,{note}\n" for n in range(200_000))
    content = gzip.compress("".join(["id,mail,note\n", *rows]).encode(), 1)
    tracemalloc.start()
    try:
        job = upload(content, name="people.csv.gz")
        trial.attempt(job, given())
        jobs.start(job)
        for _ in range(3):
            assert jobs.advance(job.pk, given(), seconds=0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    job.refresh_from_db()
    assert (job.rows, job.bytes > 40_000_000) == (3 * outcomes.CHUNK, True)
    assert peak < job.bytes / 2
