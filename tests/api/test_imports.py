"""Files by API: brought, begun, followed, and their rejected rows fetched; as the console does it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import MULTIPART_CONTENT, encode_multipart
from pytest_django import Settings

from campaigns.importing import jobs
from campaigns.models import Consent, Customer, Import, Product
from delivery import pipeline
from tenants import context
from tenants.accounts.models import AuditEntry, Scope
from tenants.models import AgendaItem, Retailer
from tests.api.caller import Api, problem

FILE = b"Number,Mail,Favourite\nc1,a@b.example,tea\nc2,nonsense,=cmd\nc3,,coffee\n"
MAPPING = {"Number": "external_id", "Mail": "email", "Favourite": "attributes.drink"}


pytestmark = pytest.mark.usefixtures("own_storage")


def bring(api: Api, content: bytes = FILE, *, name: str = "people.csv", key: str = "", **fields: Any) -> Any:
    form = {"kind": "customers", "file": SimpleUploadedFile(name, content)} | {
        field: json.dumps(value) if isinstance(value, dict) else value for field, value in fields.items()
    }
    headers = {"idempotency_key": key} if key else {}
    body = encode_multipart("BoUnDaRyStRiNg", {name: value for name, value in form.items() if value is not None})
    return api.post("imports/", body, content_type=MULTIPART_CONTENT, **headers)


def work(retailer: Retailer) -> None:
    with context.in_retailer(retailer):
        pipeline.work(seconds=20)
        AgendaItem.objects.filter(kind=jobs.AGENDA_KIND).delete()


def kept(retailer: Retailer) -> list[str]:
    with context.in_retailer(retailer):
        return default_storage.listdir("imports")[1] if default_storage.exists("imports") else []


def test_the_whole_way_from_a_file_to_its_rejected_rows(api: Api, acme: Retailer) -> None:
    answer = bring(api, mapping=MAPPING, constants={"country": "GB"}, start="true")
    told = answer.json()
    assert (answer.status_code, told["state"], told["progress"], told["name"]) == (201, "queued", 0.0, "people.csv")
    assert answer["Location"] == f"/api/v1/imports/{told['id']}/"
    work(acme)
    told = api.get(answer["Location"]).json()
    assert (told["state"], told["progress"], told["rows"], told["held_up"]) == ("done", 1.0, 3, "")
    assert told["counts"] == {"created": 2, "updated": 0, "unchanged": 0, "rejected": 1}
    assert told["columns"][2] == {"column": "Favourite", "field": "attributes.drink"}
    rejects = api.get(told["rejects"], accept="text/csv")
    assert (rejects["Content-Type"], rejects["Content-Disposition"]) == (
        "text/csv", 'attachment; filename="people.rejects.csv"'
    )  # fmt: skip
    text = b"".join(rejects.streaming_content).decode("utf-8-sig")  # type: ignore[arg-type]
    assert list(csv.reader(io.StringIO(text)))[1][2:] == ["c2", "nonsense", "'=cmd"]
    with context.in_retailer(acme):
        found = Customer.objects.get(external_id="c1")
        assert (found.country, found.attributes) == ("GB", {"drink": "tea"})
        started = AuditEntry.objects.get(kind="import", action="start")
        assert (started.door, Import.objects.get().by) == ("api", started.actor)
    assert [each["name"] for each in api.get("imports/?state=done&kind=customers").json()["results"]] == ["people.csv"]
    assert api.get("imports/?state=running").json()["results"] == []


def test_a_file_may_wait_be_begun_and_be_cancelled(api: Api, acme: Retailer) -> None:
    first, second = (bring(api, gzip.compress(FILE), name="people.csv.gz").json()["id"] for _ in range(2))
    assert api.get(f"imports/{first}/").json()["state"] == "uploaded"
    assert problem(api.post(f"imports/{first}/cancel/")) == (409, [("", "not_allowed")])
    assert api.post(f"imports/{first}/start/").json()["state"] == "queued"
    assert problem(api.post(f"imports/{first}/start/")) == (409, [("", "not_allowed")])
    assert api.post(f"imports/{second}/start/").status_code == 200
    assert api.post(f"imports/{second}/cancel/", x_change_reason="wrong file").json()["state"] == "cancelled"
    with context.in_retailer(acme):
        entries = AuditEntry.objects.filter(kind="import").order_by("pk").values_list("action", "key", "door", "reason")
        assert list(entries) == [
            ("start", "people.csv.gz", "api", ""), ("start", "people.csv.gz", "api", ""),
            ("cancel", "people.csv.gz", "api", "wrong file"),
        ]  # fmt: skip
    work(acme)
    assert [each["state"] for each in api.get("imports/").json()["results"]] == ["cancelled", "done"]
    assert problem(api.get(f"imports/{second}/rejects/", accept="text/csv")) == (404, [("", "not_found")])


@pytest.mark.parametrize(
    ("content", "fields", "field", "said"),
    [
        (FILE, {"kind": "people"}, "kind", "not a valid choice"),
        (FILE, {"kind": None}, "kind", "required"),
        (FILE, {"file": None}, "file", "No file"),
        (FILE, {"file": "text"}, "file", "not a file"),
        (b"", {}, "file", "is empty"),
        (b"%PDF-1.7", {}, "file", "is a PDF"),
        (b"id\n", {}, "file", "no rows below"),
        (FILE, {"mapping": "{"}, "mapping", "is not JSON"),
        (FILE, {"mapping": "[" * 100_000}, "mapping", "is not JSON"),
        (FILE, {"mapping": "[]"}, "mapping", "dictionary"),
        (FILE, {"mapping": {"Phone": "phone"}}, "mapping", "no column “Phone”: it has “Number”, “Mail”"),
        (b"a,a\n1,2\n", {"mapping": {"a": "email"}}, "mapping", "2 times"),
        (FILE, {"mapping": {"Mail": "email"}}, "mapping", "Customer number is needed"),
        (FILE, {"mapping": MAPPING | {"Favourite": "nothing"}}, "mapping", "is no name for a custom field"),
        (FILE, {"constants": {"email": "a@b.example"}}, "mapping", "cannot be the same for every row"),
        (FILE, {"constants": {"timezone": "Mars"}}, "mapping", "is not a time zone"),
        (FILE, {"constants": {"consent_email": "yes"}}, "mapping", "is needed as the proof"),
        (FILE, {"dates": "ymd"}, "dates", "not a valid choice"),
        (FILE, {"start": "perhaps"}, "start", "boolean"),
        (FILE, {"columns": "a"}, "columns", "is not a known field"),
        (b"x,y\n1,2\n", {"start": "true"}, "mapping", "Customer number is needed"),
    ],
)
def test_what_is_wrong_is_named_with_its_cure_and_nothing_is_kept(
    api: Api, acme: Retailer, content: bytes, fields: dict[str, Any], field: str, said: str
) -> None:
    refused = bring(api, content, **fields)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, field)
    assert said in refused.json()["errors"][0]["message"]
    assert kept(acme) == []
    assert api.get("imports/").json()["results"] == []


@pytest.mark.parametrize("scope", [None, Scope.READ, Scope.INGEST])
def test_whoever_may_not_write_has_no_byte_read(
    acme: Retailer, api_of: Callable[..., Api], scope: Scope | None
) -> None:
    refused = bring(api_of(acme, scope) if scope else Api(acme, None))
    assert refused.status_code == (403 if scope else 401)
    assert kept(acme) == []


def test_no_other_call_takes_a_file(api: Api) -> None:
    body = encode_multipart("BoUnDaRyStRiNg", {"file": SimpleUploadedFile("a.csv", FILE)})
    assert problem(api.post("customers/bulk/", body, content_type=MULTIPART_CONTENT))[0] == 415


def test_a_file_that_is_too_large_is_413(api: Api, acme: Retailer, settings: Settings) -> None:
    settings.IMPORT_MOST_BYTES = 1 << 20
    refused = bring(api, b"id\n" + b"c1\n" * 1_000_000)
    assert problem(refused) == (413, [("", "too_large")])
    assert "larger than 1 MB. Gzip it" in refused.json()["detail"]
    assert kept(acme) == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b"--BoUnDaRyStRiNg", b"no form at all",
        b"--BoUnDaRyStRiNg\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\na\0b\r\n--BoUnDaRyStRiNg--\r\n",
        b"".join(b"--BoUnDaRyStRiNg\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nevents\r\n" for _ in "ab")
        + b"--BoUnDaRyStRiNg--\r\n",
        b"--BoUnDaRyStRiNg\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\n" + b"x" * (11 << 20)
        + b"\r\n--BoUnDaRyStRiNg--\r\n",
    ],
    ids=["empty", "cut off", "no form", "nul", "twice", "large"],
)  # fmt: skip
def test_a_damaged_form_is_a_problem(api: Api, body: bytes) -> None:
    assert problem(api.post("imports/", body, content_type=MULTIPART_CONTENT))[0] in (400, 413)


def test_the_same_call_again_brings_the_file_once(api: Api, acme: Retailer) -> None:
    first, again = (bring(api, key="k") for _ in range(2))
    assert (first.json(), again["Idempotent-Replay"]) == (again.json(), "true")
    assert problem(bring(api, FILE + b"c4,,\n", key="k")) == (422, [("", "key_reused")])
    assert len(kept(acme)) == 1


def test_consent_of_a_whole_file_keeps_its_proof_and_who_brought_it(api: Api, acme: Retailer) -> None:
    said = {"consent_email": "yes", "consent_source": "Till in York", "consent_text": "Yes, mail me"}
    assert bring(api, mapping=MAPPING, constants=said, start="true").status_code == 201
    work(acme)
    with context.in_retailer(acme):
        proof = Consent.objects.get(customer__external_id="c1")
        assert (proof.source, proof.text, proof.by) == ("Till in York", "Yes, mail me", Import.objects.get().by)


def test_dates_and_decimals_are_read_as_they_are_said_to_be_written(api: Api, acme: Retailer) -> None:
    bring(api, b'sku,name,price\nA1,Loaf,"1.234,5"\n', name="c.csv", kind="products", decimal=",", start="true")
    work(acme)
    with context.in_retailer(acme):
        assert str(Product.objects.get().price) == "1234.5000"


def test_one_retailer_sees_nothing_of_anothers_files(
    acme: Retailer, globex: Retailer, api_of: Callable[..., Api]
) -> None:
    brought = bring(api_of(acme)).json()["id"]
    assert api_of(globex).get("imports/").json()["results"] == []
    assert api_of(globex).get(f"imports/{brought}/").status_code == 404
