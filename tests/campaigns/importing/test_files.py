"""Files as they come: however written, and refused where they are no table."""

from __future__ import annotations

import gzip
from decimal import Decimal

import pytest
from django.core.files.storage import default_storage
from pytest_django import Settings

from campaigns.importing import FileUnreadable, trial, uploads
from campaigns.models import Customer, Import, Product
from tenants.models import Retailer
from tests.campaigns.importing.bringing import given, run, upload


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
