"""One person, whole: exported, forgotten in every table, and still left alone when somebody imports them again."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from campaigns import configuration, consents, devices, facts, ingest, suppressions
from campaigns.consents import Statement
from campaigns.models import Consent, Customer, CustomerPast, Event, Facts, Suppression
from delivery import person, pipeline
from delivery.channels.memory import MemoryChannel
from delivery.models import Message, OutcomeRecord, Preflight
from tenants import context
from tenants.accounts.models import AuditEntry
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api
from tests.delivery.scripted import ScriptedServer

ZOE = {
    "external_id": "zoe-mrf4711", "email": "zoe.quill@example.test", "phone": "+442071838750", "first_name": "Zoe",
    "last_name": "Quill", "city": "Leeds", "consent_email": True, "attributes": {"tier": "gold"},
}  # fmt: skip
NAMES = ("zoe", "mrf4711", "quill", "7183[ -]?8750")  # none of them stands in a timestamp by chance


@pytest.fixture
def api(acme: Retailer, api_key: Callable[..., str]) -> Api:
    """Acme's integrator with a key of full scope."""
    return Api(acme, api_key(acme))


@pytest.fixture
def ana(acme: Retailer, marketer: Callable[[Retailer], Client]) -> Client:
    """Ana, a marketer at Acme, in her browser."""
    return marketer(acme)


def bring_in(**changes: Any) -> Customer:
    ingest.upsert_customers([ZOE | changes], now=timezone.now())
    return Customer.objects.get(external_id=changes.get("external_id", ZOE["external_id"]))


def launch(key: str = "welcome") -> None:
    configuration.launch(factories.campaign(key), by="test", now=timezone.now())
    pipeline.work(seconds=30)


def unsubscribe(outbox: MemoryChannel) -> None:
    """By the link in the last message."""
    link = outbox.sent[-1].headers["List-Unsubscribe"].strip("<>").split(":8000")[1]
    assert Client(headers={"host": "acme.localhost"}).post(link).status_code == 200


def tables_that_name(words: tuple[str, ...]) -> dict[str, str]:
    """Every table of the retailer in whose rows one of these words stands."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()")
        for (table,) in cursor.fetchall():
            pattern = "|".join(words)
            cursor.execute(f'SELECT t::text FROM "{table}" t WHERE t::text ~* %s LIMIT 1', [pattern])
            if row := cursor.fetchone():
                found[table] = row[0]
    return found


def exported(customer: Customer, retailer: Retailer) -> dict[str, Any]:
    file = io.StringIO()
    person.export(customer, retailer, file.write, now=timezone.now())
    document: dict[str, Any] = json.loads(file.getvalue())
    return document


def test_who_unsubscribed_and_was_erased_is_left_alone_when_imported_again(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    zoe = bring_in()
    launch()
    unsubscribe(outbox)
    outbox.sent.clear()
    person.erase(zoe)
    suppression = Suppression.objects.get()
    assert (suppression.address, suppression.reason) == ("", "unsubscribed")
    bring_in(external_id="another-number", email="Zoe.Quill@Example.TEST")
    assert Facts.objects.get().suppressed_email
    launch("again")
    assert outbox.sent == []
    assert facts.recompute() == 0


def test_what_was_known_when_somebody_was_written_to_is_told_and_forgotten(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    zoe = bring_in()
    launch()
    bring_in(first_name="Zoey", attributes={"tier": "silver"})
    [past] = exported(zoe, at_acme)["past"]
    assert (past["known"]["first_name"], past["known"]["attributes"]) == ("Zoe", {"tier": "gold"})
    person.erase(zoe)
    assert not CustomerPast.objects.exists()


def test_who_took_consent_back_and_was_erased_is_left_alone_too(at_acme: Retailer, outbox: MemoryChannel) -> None:
    zoe = bring_in(consent_email=False)
    now = timezone.now()
    said = [Statement("email", "", True, now - timedelta(days=9)), Statement("email", "", False, now)]
    consents.say(zoe, said, by="test")
    assert person.erase(zoe).suppressions == 1
    assert Suppression.objects.values_list("address", "reason", "source").get() == (
        "", "unsubscribed", "consent withdrawn before the customer was erased"
    )  # fmt: skip
    bring_in()
    assert (Customer.objects.get().consent_email, Facts.objects.get().suppressed_email) == (True, True)
    launch()
    assert outbox.sent == []


def test_who_never_agreed_may_agree_after_having_been_erased(at_acme: Retailer, outbox: MemoryChannel) -> None:
    zoe = bring_in(consent_email=False)
    consents.say(zoe, [Statement("email", "", False, timezone.now())], by="test")
    assert person.erase(zoe).suppressions == 0
    bring_in()
    launch()
    assert [each.recipient for each in outbox.sent] == [ZOE["email"]]


def test_another_of_the_household_keeps_the_consent_to_the_same_address(at_acme: Retailer) -> None:
    zoe = bring_in()
    factories.customers(1, email=ZOE["email"])
    consents.say(zoe, [Statement("email", "", True, timezone.now())], by="test")
    consents.say(zoe, [Statement("email", "", False, timezone.now())], by="test")
    assert Facts.objects.filter(shares_email=True).count() == 2
    person.erase(zoe)
    assert not Suppression.objects.exists()
    assert Facts.objects.values_list("shares_email", "suppressed_email").get() == (False, False)
    assert facts.recompute() == 0


def test_no_table_names_the_person_any_more(at_acme: Retailer, outbox: MemoryChannel, ana: Client, api: Api) -> None:
    factories.customers(1)
    api.post("customers/bulk/", [ZOE], idempotency_key="a")
    api.post("customers/bulk/", [ZOE | {"phone": f"{ZOE['phone']}99999"}], idempotency_key="b")
    event = {
        "event_id": "e1",
        "external_id": ZOE["external_id"],
        "name": "order",
        "occurred_at": "2026-01-02T10:00:00Z",
    }
    api.post("events/", event | {"properties": {"gift_for": "Zoe"}}, idempotency_key="c")
    api.post(f"customers/{ZOE['external_id']}/consents/", {"channel": "sms", "granted": True}, idempotency_key="d")
    api.post("suppressions/", {"channel": "sms", "address": ZOE["phone"]}, idempotency_key="e")
    zoe = Customer.objects.get(external_id=ZOE["external_id"])
    form = {**ZOE, "consent_email": "on", "city": "Hull"}
    ana.post(f"/admin/campaigns/customer/{zoe.pk}/change/", form)
    ana.post("/admin/campaigns/suppression/add/", {"channel": "email", "address": ZOE["email"]})
    Suppression.objects.filter(channel="email").delete()
    facts.recompute()
    launch()
    message = Message.objects.get(customer_id=zoe.pk)
    Message.objects.filter(pk=message.pk).update(reason="550 <Zoe.Quill@example.test> is unknown here")
    OutcomeRecord.objects.filter(message=message).update(detail="550 <zoe.quill@EXAMPLE.test> is unknown here")
    sample = {"sample": [{"external_id": ZOE["external_id"], "address": ZOE["email"]}, {"external_id": "c1"}]}
    Preflight.objects.create(campaign=message.run.campaign, config_hash="", as_of=timezone.now(), result=sample)
    assert len(tables_that_name(NAMES)) > 7
    ana.post(f"/admin/campaigns/customer/{zoe.pk}/delete/", {"post": "yes"})
    assert tables_that_name(tuple(set(NAMES) - {"zoe"})) == {}
    left = tables_that_name(("zoe",))
    left.pop("django_session", None)
    assert left == {}
    message.refresh_from_db()
    assert message.reason == "550 <(erased)> is unknown here"
    assert Message.objects.count() == 2
    assert Preflight.objects.get().result["sample"][1] == {"external_id": "c1"}
    again = api.post("customers/bulk/", [ZOE], idempotency_key="a")
    assert (again.status_code, again["Idempotent-Replay"], again.content) == (200, "true", b"")
    assert not Customer.objects.filter(external_id=ZOE["external_id"]).exists()
    entry: Any = AuditEntry.objects.get(action="erase")
    assert (entry.kind, entry.after["events"], entry.actor) == ("customer", 1, "admin@acme.example")


def test_devices_and_the_number_that_webhooks_go_by_are_forgotten_with_the_person(at_acme: Retailer, api: Api) -> None:
    factories.customers(2)
    browser = json.dumps({"endpoint": "https://push.example/zoe", "keys": {"auth": "zoe", "p256dh": "zoe"}})
    for number, token in enumerate(("zoe:fcm", browser)):
        api.post("customers/c1/devices/", {"address": token}, idempotency_key=f"device-{number}")
        api.post("suppressions/", {"channel": "push", "address": token}, idempotency_key=f"push-{number}")
    api.post("customers/c2/devices/", {"address": "other:fcm"}, idempotency_key="other")
    api.post("suppressions/", {"channel": "webhook", "address": "c1"})
    for channel, address in (("push", "other:fcm"), ("webhook", "c2")):
        api.post("suppressions/", {"channel": channel, "address": address})
    one = Customer.objects.get(external_id="c1")
    assert len(exported(one, at_acme)["suppressions"]) == 3
    erased = api.delete("customers/c1/")
    assert (erased.status_code, tables_that_name(("zoe:fcm", "push.example"))) == (204, {})
    assert Suppression.objects.filter(address="").count() == 3
    assert set(Suppression.objects.exclude(address="").values_list("address", flat=True)) == {"other:fcm", "c2"}
    assert suppressions.of("push", "zoe:fcm").exists()
    again = api.post("customers/c2/devices/", {"address": "other:fcm"}, idempotency_key="other")
    assert (again["Idempotent-Replay"], again.json()["address"]) == ("true", "other:fcm")


def test_erasing_takes_as_many_queries_for_many_events_as_for_few(
    at_acme: Retailer, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    now = timezone.now()
    few, many = factories.customers(2)
    for customer, number in ((few, 1), (many, 3000)):
        order = {"external_id": customer.external_id, "name": "order", "occurred_at": now}
        rows = [order | {"event_id": f"{customer.external_id}-{n}"} for n in range(number)]
        ingest.add_events(rows, now=now, zone=at_acme.tzinfo)
    with CaptureQueriesContext(connection) as queries:
        assert person.erase(few).events == 1
    with django_assert_num_queries(len(queries)):
        assert person.erase(many).events == 3000
    assert not Event.objects.exists()
    assert person.erase(many).events == 0


def test_export_tells_everything_known(at_acme: Retailer, outbox: MemoryChannel) -> None:
    zoe = bring_in()
    now = timezone.now()
    consents.say(zoe, [Statement("sms", "", True, now, "till 4", "News by SMS?")], by="API key till")
    order = {"event_id": "e1", "external_id": zoe.external_id, "name": "order", "occurred_at": now, "value": "12.50"}
    ingest.add_events([order | {"currency": "EUR", "properties": {"sku": "A"}}], now=now, zone=at_acme.tzinfo)
    launch()
    devices.register(zoe, "her token", now=now)
    suppressions.add(channel="email", address=zoe.email, reason="complaint", source="desk")
    suppressions.platform.add(suppressions.one("sms", zoe.phone), reason="legal", source="court")
    launch("again")
    told = exported(zoe, at_acme)
    assert list(told) == [
        "retailer", "exported_at", "profile", "attributes", "past", "derived", "consents", "suppressions", "devices",
        "memberships", "events", "messages",
    ]  # fmt: skip
    assert (told["retailer"], told["profile"]["email"], told["attributes"]) == ("acme", zoe.email, {"tier": "gold"})
    assert (told["derived"]["order_count"], float(told["derived"]["order_value"])) == (1, 12.5)
    proof = next(each for each in told["consents"] if each["channel"] == "sms")
    assert (proof["source"], proof["text"], proof["by"]) == ("till 4", "News by SMS?", "API key till")
    assert [(each["of"], each["channel"], each["reason"]) for each in told["suppressions"]] == [
        ("retailer", "email", "complaint"), ("platform", "sms", "legal")
    ]  # fmt: skip
    assert [each["address"] for each in told["devices"]] == ["her token"]
    assert [(each["campaign"], each["is_included"], each["reason"]) for each in told["memberships"]] == [
        ("welcome", True, ""), ("again", False, "suppressed")
    ]  # fmt: skip
    assert [(each["event_id"], each["value"], each["properties"]) for each in told["events"]] == [
        ("e1", "12.5000", {"sku": "A"})
    ]  # fmt: skip
    [message] = told["messages"]
    assert (message["campaign"], message["state"], message["outcomes"][0]["result"]) == (
        "welcome", "accepted", "accepted"
    )  # fmt: skip


def test_export_by_command_and_api_is_the_same_document(at_acme: Retailer, api: Api, tmp_path: Path) -> None:
    zoe, file = bring_in(), tmp_path / "zoe.json"
    call_command("export_customer", "acme", zoe.external_id, out=file, stdout=io.StringIO())
    out = io.StringIO()
    call_command("export_customer", "acme", zoe.external_id, stdout=out)
    answer = api.get(f"customers/{zoe.external_id}/export/")
    assert answer["Content-Type"] == "application/json"
    told = json.loads(b"".join(answer.streaming_content))
    written, printed = json.loads(file.read_text()), json.loads(out.getvalue())
    for document in (told, written, printed):
        document.pop("exported_at")
    assert told == written == printed


def test_commands_name_whom_they_do_not_know_and_ask_before_they_erase(at_acme: Retailer) -> None:
    zoe = bring_in()
    for name in ("export_customer", "erase_customer"):
        with pytest.raises(CommandError, match="No customer has the number 'nobody'"):
            call_command(name, "acme", "nobody")
    with pytest.raises(CommandError, match="cannot be undone"):
        call_command("erase_customer", "acme", zoe.external_id)
    assert Customer.objects.exists()
    out = io.StringIO()
    call_command("erase_customer", "acme", zoe.external_id, yes=True, json=True, stdout=out)
    assert json.loads(out.getvalue())["events"] == 0
    assert not Customer.objects.exists()
    assert not Consent.objects.exists()


def test_same_number_at_another_retailer_is_another_person(
    at_acme: Retailer, globex: Retailer, outbox: MemoryChannel
) -> None:
    zoe = bring_in()
    with context.in_retailer(globex):
        bring_in()
    person.erase(zoe)
    with context.in_retailer(globex):
        assert Customer.objects.get().email == ZOE["email"]
        assert not Suppression.objects.exists()


def test_ledger_does_not_keep_the_address_that_a_provider_repeats(at_acme: Retailer, settings: Settings) -> None:
    zoe = bring_in()
    with ScriptedServer({"RCPT": [f"550 5.1.1 <{zoe.email.upper()}>: no such user"]}) as server:
        settings.EMAIL_URL = f"smtp://127.0.0.1:{server.port}"
        launch()
    said = "550 5.1.1 <the recipient>: no such user"
    assert Message.objects.values_list("state", "reason").get() == ("rejected", said)
    assert OutcomeRecord.objects.get().detail == said
