"""The import wizard: a file brought, mapped, seen, imported and told of; in a client, and in a real browser."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from campaigns.importing import jobs, uploads
from campaigns.models import Customer, Import
from delivery import pipeline
from tenants import context
from tenants.accounts.models import AuditEntry, Role
from tenants.models import Retailer
from tests.console.forms import fields
from tests.console.people import colleague

ADD = "/admin/campaigns/import/add/"
FILE = b"Number,Mail,Favourite\nc1,a@b.example,tea\nc2,nonsense,=cmd\nc3,,coffee\n"


pytestmark = pytest.mark.usefixtures("own_storage")


def bring(client: Client, content: bytes = FILE, *, name: str = "people.csv", **more: Any) -> Any:
    return client.post(ADD, {"kind": "customers", "file": SimpleUploadedFile(name, content)}, **more)


def page_of(job: Import, step: str) -> str:
    return f"/admin/campaigns/import/{job.pk}/{step}/"


def test_the_whole_way_from_a_file_to_its_rejected_rows(at_acme: Retailer, ana: Client) -> None:
    answer = bring(ana)
    job = Import.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, page_of(job, "mapping"))
    assert job.by == "admin@acme.example"

    shown = ana.get(page_of(job, "mapping"))
    assert [line.chosen for line in shown.context["lines"]] == ["external_id", "email", ""]
    assert shown.context["lines"][0].values == ["c1", "c2", "c3"]
    chosen = fields(shown, "mapping") | {"column-2": "attributes.Favourite", "constant-country": "GB"}
    refused = ana.post(page_of(job, "mapping"), chosen | {"column-1": "external_id"})
    assert refused.context["problems"] == ["“Number” and “Mail” both go to Customer number: leave one of them out."]
    assert ana.post(page_of(job, "mapping"), chosen)["Location"] == page_of(job, "preview")

    preview = ana.get(page_of(job, "preview"))
    trial = preview.context["trial"]
    assert trial.counts == {"created": 2, "updated": 0, "unchanged": 0, "rejected": 1}
    assert trial.shown[0].values == ["c1", "a@b.example", "GB", "tea"]
    assert "is not an e-mail address" in preview.content.decode()
    assert not Customer.objects.exists()

    assert ana.post(page_of(job, "start"))["Location"] == page_of(job, "change")
    assert "waiting for its turn" in ana.get(page_of(job, "change")).content.decode()
    pipeline.work(seconds=20)
    told = ana.get(page_of(job, "progress")).json()
    assert (told["is_open"], told["counts"]) == (False, trial.counts)
    assert Customer.objects.get(external_id="c1").attributes == {"Favourite": "tea"}

    rejected = ana.get(page_of(job, "rejects"))
    assert rejected["Content-Disposition"] == 'attachment; filename="people.rejects.csv"'
    text = b"".join(rejected.streaming_content).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text)))[1][2:] == ["c2", "nonsense", "'=cmd"]
    started = AuditEntry.objects.get(kind="import", action="start")
    assert (started.actor, started.door) == ("admin@acme.example", "console")
    assert "people.csv" in ana.get("/admin/campaigns/import/").content.decode()


def test_other_characters_are_chosen_on_the_page_of_the_columns(at_acme: Retailer, ana: Client) -> None:
    bring(ana, "id,city\nc1,Łódź\n".encode("cp1250"))
    job = Import.objects.get()
    assert "is read as Windows Western European" in ana.get(page_of(job, "mapping")).content.decode()
    ana.post(page_of(job, "mapping"), {"encoding": "cp1250", "read_again": "yes"})
    assert "Łódź" in ana.get(page_of(job, "mapping")).content.decode()


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"PK\x03\x04" + b"x" * 100, "people.xlsx", "people.xlsx is an Excel or zip file"),
        (b"id\n", "people.csv", "no rows below it"),
        (b"x" * (2 << 20), "people.csv", "larger than 1 MB"),
    ],
)  # fmt: skip
def test_a_file_that_will_not_do_is_refused_on_the_page(
    at_acme: Retailer, ana: Client, settings: Settings, content: bytes, name: str, said: str
) -> None:
    settings.IMPORT_MOST_BYTES = 1 << 20
    if "larger" in said:
        content += b"x" * (1 << 20)
    answer = bring(ana, content, name=name)
    assert said in answer.content.decode()
    assert said in bring(ana, content, name=name, headers={"accept": "application/json"}).json()["problem"]
    assert not Import.objects.exists()


def test_the_page_asks_for_what_is_missing(at_acme: Retailer, ana: Client) -> None:
    assert "Choose a file first." in ana.post(ADD, {"kind": "customers"}).content.decode()
    answer = ana.post(ADD, {"kind": "people", "file": SimpleUploadedFile("people.csv", FILE)})
    assert "Say what the file holds first." in answer.content.decode()


def test_names_that_are_markup_are_shown_as_text(at_acme: Retailer, ana: Client) -> None:
    bring(ana, b'id,"<script>alert(1)</script>","a\x00b\xff"\nc1,<b>x</b>,{{ 7 }}\n', name="<img src=x>.csv")
    job = Import.objects.get()
    for step in ("mapping", "preview"):
        assert "<script>alert" not in ana.get(page_of(job, step)).content.decode()
        assert "<img src=x>" not in ana.get(page_of(job, step)).content.decode()


def test_nobody_else_gets_a_file_in(at_acme: Retailer, ana: Client, tmp_path: Path) -> None:
    viewer, stranger = colleague(at_acme, Role.VIEWER), Client(headers={"host": "acme.localhost"})
    assert bring(viewer).status_code == 403
    assert bring(stranger)["Location"].startswith("/admin/login/")
    answer = ana.post("/admin/campaigns/customer/add/", {"file": SimpleUploadedFile("a.csv", b"x" * 100)})
    assert not answer.wsgi_request.FILES
    assert not Import.objects.exists()


def test_a_viewer_looks_at_an_import_and_has_nothing_to_press(at_acme: Retailer, ana: Client) -> None:
    bring(ana)
    job = Import.objects.get()
    jobs.start(job)
    viewer = colleague(at_acme, Role.VIEWER)
    assert "Cancel import" in ana.get(page_of(job, "change")).content.decode()
    shown = viewer.get(page_of(job, "change"))
    assert shown.status_code == 200
    assert "Cancel import" not in shown.content.decode()
    assert "Cancel import" not in viewer.get(page_of(job, "progress")).json()["regions"]["head"]


def test_cancelling_says_what_stays(at_acme: Retailer, ana: Client) -> None:
    bring(ana)
    job = Import.objects.get()
    ana.post(page_of(job, "start"))
    page = ana.post(page_of(job, "cancel"), follow=True).content.decode()
    assert "What it has written stays" in page
    assert "ended already" in ana.post(page_of(job, "cancel"), follow=True).content.decode()


def test_deleting_an_import_deletes_its_files_once_it_rests(
    at_acme: Retailer, ana: Client, django_capture_on_commit_callbacks: Any
) -> None:
    bring(ana)
    job = Import.objects.get()
    jobs.start(job)
    ana.post(page_of(job, "delete"), {"post": "yes"})
    assert Import.objects.exists()
    pipeline.work(seconds=20)
    with django_capture_on_commit_callbacks(execute=True):
        ana.post(page_of(job, "delete"), {"post": "yes"})
    assert not Import.objects.exists()
    assert default_storage.listdir("imports")[1] == []


def test_anothers_import_is_not_there(
    at_acme: Retailer, globex: Retailer, marketer: Callable[[Retailer], Client]
) -> None:
    job = uploads.receive(ContentFile(FILE, name="people.csv"), kind="customers", by="Ana")
    jobs.start(job)
    pipeline.work(seconds=20)
    stored = Import.objects.get()
    assert stored.rejects
    other = marketer(globex)
    with context.in_retailer(globex):
        assert not default_storage.exists(stored.file)
    for step in ("mapping", "preview", "progress", "rejects", "change"):
        assert other.get(page_of(stored, step)).status_code == 404, step
    for step in ("start", "cancel"):
        assert other.post(page_of(stored, step)).status_code == 404, step
    for path in (f"/media/{stored.file}", f"/{stored.file}", f"/static/{stored.rejects}"):
        assert other.get(path).status_code == 404
