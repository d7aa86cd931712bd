"""Somebody erased is found in files and in what doors remember: whole, and before anybody has to wait."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from campaigns import configuration, ingest, suppressions
from campaigns.importing import jobs, persons
from campaigns.models import Customer, Import
from delivery import notices, person, pipeline, subscriptions
from delivery.channels.memory import MemoryChannel
from delivery.models import Message, Notice
from delivery.notices import Happened
from tenants.accounts.models import ApiKey, AuditEntry, IdempotencyKey, Scope, User
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.api.caller import Api
from tests.campaigns.importing.bringing import upload

ZOE = {"external_id": "zoe-47", "email": "zoe@quill.example", "phone": "+442079460123"}


pytestmark = pytest.mark.usefixtures("own_storage")


@pytest.fixture
def zoe(at_acme: Retailer) -> Customer:
    ingest.upsert_customers([ZOE], now=timezone.now())
    return Customer.objects.get()


def done(job: Import) -> Import:
    jobs.start(job)
    pipeline.work(seconds=30)
    AgendaItem.objects.filter(kind=jobs.AGENDA_KIND).delete()
    job.refresh_from_db()
    return job


def kept() -> list[str]:
    return sorted(Import.objects.exclude(file="", rejects="").values_list("name", flat=True))


def test_files_of_ended_imports_that_hold_the_person_go_and_no_others(zoe: Customer) -> None:
    done(upload("id,city\nzoe-47,Leeds\n", name="by number.csv"))
    done(upload(gzip.compress(b"id,Mail\nx1,bad\nx2,ZOE@Quill.example\n"), name="by address.csv.gz"))
    done(upload("id;Tel\nx3;020 7946 0123\n", name="by phone.csv"))
    done(upload("id,city,Mail\nx4,Zo\u00eb,zoe@quill.example\n".encode("cp1252"), name="windows.csv"))
    upload("id,city\nzoe-47,Hull\n", name="never started.csv")
    others = "id,Mail,Tel\nzoe-470,zoe@quill.example.org,+442079460124\nazoe-47,a.zoe@quill.example.com,+4420\n"
    done(upload(others, name="others.csv"))
    person.erase(zoe)
    assert kept() == ["others.csv"]
    [file, rejects] = sorted(default_storage.listdir("imports")[1])
    assert rejects == f"{file.removesuffix('.csv')}.rejects.csv"
    assert Import.objects.get(name="by number.csv").counts["updated"] == 1
    assert AuditEntry.objects.filter(kind="import", action="forget").count() == 5


def test_rejected_rows_that_hold_the_person_go_too(zoe: Customer) -> None:
    job = done(upload("event_id,external_id,name,occurred_at\ne1,nobody,order,2026-01-01\n", kind="events"))
    with default_storage.open(job.rejects, "ab") as file:
        file.write(b"3,because,zoe-47\n")
    person.erase(zoe)
    assert (kept(), default_storage.listdir("imports")[1]) == ([], [])


def test_an_import_that_is_open_bars_the_erasure_of_whom_it_holds(
    zoe: Customer, acme: Retailer, api_key: Callable[..., str]
) -> None:
    job = upload("id,city\nzoe-47,Leeds\n")
    jobs.start(job)
    refused = Api(acme, api_key(acme)).delete("customers/zoe-47/")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "not_allowed")
    assert "people.csv is being imported and may hold this customer" in refused.json()["detail"]
    with pytest.raises(CommandError, match="cancel it first"):
        call_command("erase_customer", "acme", "zoe-47", yes=True, stdout=io.StringIO())
    assert (Customer.objects.count(), kept()) == (1, ["people.csv"])
    jobs.cancel(job)
    assert Api(acme, api_key(acme)).delete("customers/zoe-47/").status_code == 204
    assert (Customer.objects.count(), kept()) == (0, [])


def test_an_open_import_of_others_bars_nothing(zoe: Customer) -> None:
    jobs.start(upload("id,city\nc1,Leeds\n"))
    person.erase(zoe)
    assert kept() == ["people.csv"]
    AgendaItem.objects.filter(kind=jobs.AGENDA_KIND).delete()


@effort(deadline=timedelta(seconds=5), max_examples=40)
@given(
    before=st.integers((1 << 20) - 30, (1 << 20) + 30), value=st.sampled_from([*ZOE.values(), "+44 (0)20 7946-0123"])
)
def test_a_value_is_found_wherever_a_large_file_is_cut(
    tmp_path_factory: pytest.TempPathFactory, before: int, value: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "large.csv"
    file.write_bytes(b"x" * (before - 1) + b"\n" + value.encode() + b"\n" + b"y" * (1 << 20))
    assert persons.holds(file, Customer(**ZOE), "utf-8")
    assert not persons.holds(file, Customer(external_id="zoe-4", email="oe@quill.example", phone=""), "utf-8")


@pytest.mark.parametrize(
    ("text", "is_it"),
    [
        ("a@b.co", True), ("<a@b.co>.", True), ("to A@B.CO, and", True), ("x\\na@b.co", True), ("'a@b.co'", True),
        ("aa@b.com", False), ("a@b.com", False), ("x.a@b.co", False), ("a@b.co.uk", False), ("+a@b.co", False),
    ],
)  # fmt: skip
def test_an_address_is_found_whole_or_not_at_all(db: None, text: str, is_it: bool) -> None:
    pattern = suppressions.whole("a@b.co")
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s ~* %s", [text, pattern])
        assert cursor.fetchone()[0] is is_it
    assert bool(re.search(pattern, text, re.IGNORECASE)) is is_it


def remembered(by: ApiKey, text: str, key: str) -> IdempotencyKey:
    return IdempotencyKey.objects.create(api_key=by, key=key, fingerprint="", status=200, body=text)


def test_what_doors_remember_of_others_stays(zoe: Customer) -> None:
    shop, _ = ApiKey.objects.create_key(name="shop", scope=Scope.FULL)
    theirs = remembered(shop, '{"email": "azoe@quill.example"}', "a")
    hers = remembered(shop, '{"external_id": "zoe-47"}', "b")
    user = User.objects.create_user("ben@acme.example")
    for name in ("zoe@quill.example (Manual)", "zoe@quill.example.org (Manual)"):
        LogEntry.objects.create(user=user, object_repr=name, action_flag=ADDITION)
    person.erase(zoe)
    theirs.refresh_from_db()
    hers.refresh_from_db()
    assert (theirs.body, hers.body) == ('{"email": "azoe@quill.example"}', "")
    assert set(LogEntry.objects.values_list("object_repr", flat=True)) == {
        "an erased address", "zoe@quill.example.org (Manual)"
    }  # fmt: skip


def test_what_takes_long_is_looked_for_before_others_have_to_wait(zoe: Customer) -> None:
    with CaptureQueriesContext(connection) as queries:
        person.erase(zoe)
    said = [each["sql"] for each in queries]
    waits = next(n for n, sql in enumerate(said) if "pg_advisory_xact_lock" in sql)
    looks = [n for n, sql in enumerate(said) if "::text ~* " in sql or "SELECT id FROM delivery_preflight" in sql]
    assert len([n for n in looks if n < waits]) == 3
    while_others_wait = [said[n] for n in looks if n > waits]
    assert while_others_wait
    assert all('_at" >=' in sql or '_time" >=' in sql for sql in while_others_wait)


def test_notices_that_may_be_told_again_name_the_person_no_more(
    zoe: Customer, at_acme: Retailer, outbox: MemoryChannel
) -> None:
    other = {"external_id": "Zoe-47", "email": "z2@quill.example"}
    ingest.upsert_customers([each | {"consent_email": True} for each in (ZOE, other)], now=timezone.now())
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    subscriptions.save({"key": "crm", "url": "https://crm.example/hook", "events": ["message.bounced"]})
    words = {"detail": "550 <ZOE@quill.example> is unknown here, zoe@quill.example.org is not"}
    happened = [
        Happened("message.bounced", message.pk, f"{message.pk}/bounced", timezone.now(), words)
        for message in Message.objects.filter(run=run)
    ]
    assert notices.of_messages(at_acme, happened) == 2
    Notice.objects.update(created_at=timezone.now() - timedelta(days=13))
    person.erase(zoe)
    told = [json.loads(body)["data"] for body in Notice.objects.values_list("body", flat=True)]
    assert sorted((each["customer"] or "nobody", each["detail"]) for each in told) == [
        (who, "550 <(erased)> is unknown here, zoe@quill.example.org is not") for who in ("Zoe-47", "nobody")
    ]
