"""Imports through the console's engine: uploaded, mapped, tried, carried on by workers that may die."""

from __future__ import annotations

import csv
import gzip
import io
import time
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from campaigns.importing import FileUnreadable, jobs, mapping, outcomes, trial, uploads
from campaigns.importing.kinds import Circumstances
from campaigns.lifecycle import NotAllowed
from campaigns.models import AttributeDefinition, Consent, Customer, Event, Import, Product
from delivery import pipeline
from tenants import agenda, context, stops
from tenants.accounts.models import AuditEntry
from tenants.models import AgendaItem, Retailer

LONDON = ZoneInfo("Europe/London")


@pytest.fixture(autouse=True)
def _own_storage(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    settings.STORAGES = {**settings.STORAGES}  # a change of it makes storages look at MEDIA_ROOT again


@pytest.fixture
def here(at_acme: Retailer) -> Iterator[Retailer]:
    yield at_acme
    AgendaItem.objects.filter(kind=jobs.AGENDA_KIND).delete()


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


# -- what comes in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "Kundennummer;Mail;Ort\nc1;zoë@example.test;Zürich\n".encode(),
        b"\xef\xbb\xbf" + "Kundennummer;Mail;Ort\nc1;zoë@example.test;Zürich\n".encode(),
        "Kundennummer\tMail\tOrt\nc1\tzoë@example.test\tZürich\n".encode("utf-16"),
        "Kundennummer\tMail\tOrt\r\nc1\tzoë@example.test\tZürich\r\n".encode("utf-16-le"),
        "Kundennummer,Mail,Ort\rc1,zoë@example.test,Zürich\r".encode("cp1252"),
        gzip.compress("Kundennummer|Mail|Ort\nc1|zoë@example.test|Zürich\n".encode()),
    ],
    ids=["utf-8", "bom", "utf-16", "utf-16 without bom", "windows", "gzip"],
)
def test_a_file_is_understood_however_it_is_written(here: Retailer, content: bytes) -> None:
    job = run(upload(content))
    assert (job.state, job.counts["created"], job.error) == ("done", 1, "")
    found = Customer.objects.get()
    assert (found.external_id, found.email, found.city) == ("c1", "zoë@example.test", "Zürich")


def test_a_catalog_comes_the_same_way(here: Retailer) -> None:
    file = "Artikelnummer;Bezeichnung;Preis;Bild;.note\nA1;Brot;4,20;https://img.example/1.png;x\nA2;Semmel;-1,00;;y\n"
    job = upload(file, name="catalog.csv", kind="products")
    assert job.mapping == ["sku", "name", "price", "image_url", ""]
    assert trial.attempt(job, given()).rejected == 1
    run(job)
    assert (job.state, job.counts["created"], job.counts["rejected"]) == ("done", 1, 1)
    assert Product.objects.values_list("sku", "name", "price").get() == ("A1", "Brot", Decimal("4.2"))


def test_other_characters_are_noticed_and_may_be_chosen(here: Retailer) -> None:
    job = upload("id,city\nc1,Łódź\n".encode("cp1250"))
    assert "not in UTF-8" in job.notice
    job.format = {**job.format, "encoding": "cp1250"}
    uploads.read_again(job)
    job.save()
    run(job)
    assert Customer.objects.get().city == "Łódź"


def test_a_few_broken_bytes_in_utf_8_reject_their_rows_alone(here: Retailer) -> None:
    job = run(upload(b"id,city\n" + "c1,Zürich Köln\n".encode() * 3 + b"c2,M\xfcnchen\n"))
    assert (job.notice, job.counts["created"], job.counts["rejected"]) == ("", 1, 1)


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "a.csv", "is empty"),
        (b" \n\n", "a.csv", "is empty"),
        (b"id,email\n", "a.csv", "no rows below"),
        (b"PK\x03\x04abc", "a.xlsx", "Save as, CSV UTF-8"),
        (gzip.compress(b"PK\x03\x04abc", mtime=0), "a.gz", "Save as, CSV UTF-8"),
        (b"%PDF-1.7", "a.pdf", "is a PDF"),
        (bytes(range(256)) * 20 + b"\0" * 2000, "a.bin", "not a text file"),
        (gzip.compress(b"id\nc1\n" * 100, mtime=0)[:-9], "a.gz", "damaged or incomplete"),
        (b"id\nc1\n", "a.csv.gz", "is not gzipped"),
        (b"a," * 600 + b"a\n" + b"1," * 600 + b"1\n", "a.csv", "601 columns"),
        (b"x," * 1_000_000 + b"x\n", "a.csv", "longer than 1,000,000 characters"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_with_the_cure_and_not_kept(
    here: Retailer, content: bytes, name: str, said: str
) -> None:
    with pytest.raises(FileUnreadable, match=said):
        upload(content, name=name)
    assert not Import.objects.exists()
    assert default_storage.listdir("imports")[1] == []


def test_a_bomb_is_refused_at_the_limit(here: Retailer, settings: Settings) -> None:
    settings.IMPORT_MOST_BYTES = 3 << 20
    with pytest.raises(FileUnreadable, match="more than 3 MB"):
        upload(gzip.compress(b"id\n" + b"c1\n" * 5_000_000, mtime=0), name="a.gz")
    assert default_storage.listdir("imports")[1] == []


# -- columns -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "row", "guessed"),
    [
        ("external_id,email", "1,a@b.example", ["external_id", "email"]),
        ("Kunden-Nr.,E-Mail-Adresse,Vorname,Nachname,Ort", "1,a@b.example,A,B,C",
         ["external_id", "email", "first_name", "last_name", "city"]),
        ("N° client,Courriel,Prénom,Nom,Téléphone", "1,a@b.example,A,B,+331",
         ["", "email", "first_name", "last_name", "phone"]),
        ("ID,Kontakt,Mobil", "1,a@b.example,+49 171 1234567", ["external_id", "email", "phone"]),
        ("id,customer id", "1,2", ["external_id", ""]),
        ("attributes.tier,Shoe size", "gold,41", ["attributes.tier", "attributes.shoe_size"]),
    ],
)  # fmt: skip
def test_columns_are_guessed_by_name_and_by_value(here: Retailer, header: str, row: str, guessed: list[str]) -> None:
    AttributeDefinition.objects.create(name="shoe_size", type="number")
    assert upload(f"{header}\n{row}\n").mapping == guessed


def test_two_columns_for_one_field_are_refused_by_name(here: Retailer) -> None:
    job = upload("id,Mail,E-Mail\n1,a@b.example,c@d.example\n")
    with pytest.raises(mapping.Incomplete) as refused:
        mapping.save(job, ["", "email", "email"], {}, {})
    assert refused.value.problems == [
        "“Mail” and “E-Mail” both go to E-mail: leave one of them out.",
        "Customer number is needed: choose the column that holds it.",
    ]


def test_columns_of_the_same_name_are_told_apart_by_their_place(here: Retailer) -> None:
    job = upload("id,x,x\nc1,Leeds,York\n")
    mapping.save(job, ["external_id", "", "city"], {}, {})
    run(job)
    assert Customer.objects.get().city == "York"


def test_the_mapping_of_the_last_file_with_these_columns_is_remembered(here: Retailer) -> None:
    job = upload("id,where\nc1,Leeds\n")
    mapping.save(job, ["external_id", "city"], {"country": "GB"}, {})
    run(job)
    again = upload("id,where\nc2,York\n")
    assert (again.mapping, again.constants) == (["external_id", "city"], {"country": "GB"})
    assert upload("id,Where\nc2,York\n").mapping == ["external_id", ""]


def test_a_declared_attribute_is_read_as_its_type(here: Retailer) -> None:
    AttributeDefinition.objects.create(name="code", type="text")
    AttributeDefinition.objects.create(name="vip", type="boolean")
    run(upload("id,code,vip\nc1,12,yes\n"))
    assert Customer.objects.get().attributes == {"code": "12", "vip": True}


def test_events_without_a_name_column_take_what_is_the_same_for_all(here: Retailer) -> None:
    run(upload(people(1)))
    job = upload(
        "order id;customer id;date;total\n1;c1;31.12.2025 14:30;1.234,50\n2;c1;01.07.2025;7,5\n", kind="events"
    )
    assert (job.mapping, job.format["dates"], job.format["decimal"]) == (
        ["event_id", "external_id", "occurred_at", "value"], "dmy", ","
    )  # fmt: skip
    with pytest.raises(mapping.Incomplete, match="write it below"):
        jobs.start(job)
    mapping.save(job, job.mapping, {"name": "order", "currency": "gbp"}, {})
    run(job)
    found = list(Event.objects.order_by("event_id").values_list("name", "currency", "value", "occurred_at"))
    assert [(name, currency, float(value)) for name, currency, value, _ in found] == [
        ("order", "GBP", 1234.5), ("order", "GBP", 7.5)
    ]  # fmt: skip
    assert [at for *_, at in found] == [
        datetime(2025, 12, 31, 14, 30, tzinfo=LONDON), datetime(2025, 7, 1, tzinfo=LONDON)
    ]  # fmt: skip


def test_consent_of_a_whole_file_needs_its_proof_and_keeps_it(here: Retailer) -> None:
    job = upload("id,Newsletter\nc1,\n")
    said = {"consent_email": "yes"}
    with pytest.raises(mapping.Incomplete) as refused:
        mapping.save(job, ["external_id", "consent_email"], said, {})
    assert len(refused.value.problems) == 3
    assert "Agreed to e-mail has a column of its own" in refused.value.problems[0]
    mapping.save(
        job, ["external_id", ""], said | {"consent_source": "Till in York", "consent_text": "Yes, mail me"}, {}
    )
    assert trial.attempt(job, given()).fields == ["external_id", "consent_email"]
    run(job)
    proof = Consent.objects.get(customer__external_id="c1")
    assert (proof.channel, proof.is_granted, proof.source, proof.text, proof.by) == (
        "email", True, "Till in York", "Yes, mail me", "Ana"
    )  # fmt: skip
    assert upload("id,Newsletter\nc2,\n").constants == {}


def test_consent_by_column_says_which_file_it_came_from(here: Retailer) -> None:
    run(upload("id,Newsletter\nc1,yes\n", name="spring.csv"))
    assert Consent.objects.get(customer__external_id="c1").source == "import spring.csv"


def test_a_constant_that_cannot_be_stored_is_refused_at_once(here: Retailer) -> None:
    job = upload("id\nc1\n")
    with pytest.raises(mapping.Incomplete, match="Time zone for every row: 'Mars' is not a time zone"):
        mapping.save(job, ["external_id"], {"timezone": "Mars"}, {})


# -- the trial ---------------------------------------------------------------------------------------------------------


def test_the_trial_answers_as_the_import_will_and_writes_nothing(here: Retailer) -> None:
    run(upload("id,city\nc1,Leeds\nc2,York\n"))
    rows = "c1,Leeds,\nc2,Hull,\nc3,Bath,C3@EXAMPLE.test\nc4,Bath,nonsense\nc5,Bath,worse\n,Bath,\n"
    job = upload(f"id,city,email\n{rows}")
    tried = trial.attempt(job, given())
    assert (Customer.objects.count(), Customer.objects.get(external_id="c2").city) == (2, "York")
    assert tried.is_whole
    assert [(reason.count, reason.number) for reason in tried.reasons] == [(2, 5), (1, 7)]
    assert "'nonsense' is not an e-mail address" in tried.reasons[0].message
    assert tried.fields == ["external_id", "email", "city"]
    assert tried.shown[2].values == ["c3", "c3@example.test", "Bath"]
    assert run(job).counts == tried.counts == {"created": 1, "updated": 1, "unchanged": 1, "rejected": 3}


# -- the run -----------------------------------------------------------------------------------------------------------


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
            _await_somebody_waiting()
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


def _await_somebody_waiting() -> None:
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')")
            if cursor.fetchone()[0]:
                return
    pytest.fail("nobody waits for the import")


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
