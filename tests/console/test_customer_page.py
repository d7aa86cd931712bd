"""A customer's page: one stream of what happened, where the person stands, and what can be done."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from campaigns import configuration, consents, directory, suppressions
from campaigns.consents import Statement
from campaigns.models import AttributeDefinition, Consent, Customer, Event, Suppression
from delivery import pipeline, timeline
from delivery.admin.counting import BoundedPaginator
from delivery.channels.memory import MemoryChannel
from tenants.accounts.models import Role
from tenants.models import PlatformSuppression, Retailer
from tests import factories
from tests.console.people import colleague

MOST_QUERIES = 27  # of the page, with the session, the roles and the guards of what rules ask


@pytest.fixture
def ines(at_acme: Retailer, outbox: MemoryChannel) -> Customer:
    """Somebody with something of every kind."""
    [ines] = factories.customers(1, first_name="Ines", last_name="Silva", attributes={"tier": "gold", "points": 12})
    now = timezone.now()
    factories.happened(
        Event(event_id=f"o{n}", customer=ines, name="order", value=10, occurred_at=now - timedelta(days=n))
        for n in range(1, 46)
    )
    configuration.launch(factories.campaign(), by="test", now=now)
    pipeline.work(seconds=20)
    said = Statement("email", "", granted=True, said_at=now - timedelta(days=90), source="till", text="May we write?")
    consents.say(ines, [said], by="Ben")
    suppressions.add(channel="email", address=ines.email, reason="manual", source="Ben")
    digest = suppressions.hashed(ines.email)
    PlatformSuppression.objects.create(channel="email", address_hash=digest, reason="legal", source="court")
    AttributeDefinition.objects.create(name="tier", type="text", description="loyalty tier")
    factories.segment("gold", {"attribute": "tier", "eq": "gold"})
    factories.segment("buyers", {"event": "order", "count": {"gte": 3}, "within": "30d"})
    factories.segment("york", {"attribute": "city", "eq": "York"})
    factories.segment("broken", {"segment": "removed"})
    return ines


def path(customer: Customer, part: str = "change") -> str:
    return f"/admin/campaigns/customer/{customer.pk}/{part}/"


def test_page_tells_who_it_is_where_they_stand_and_where_they_belong(ines: Customer, ana: Client) -> None:
    with CaptureQueriesContext(connection) as seen:
        page = ana.get(path(ines))
    assert len([each for each in seen if "search_path" not in each["sql"]]) <= MOST_QUERIES
    assert [segment.key for segment in page.context["belonging"].inside] == ["buyers", "gold"]
    assert page.context["belonging"].unknown == 1
    email, sms, push = page.context["standings"]
    assert (email.may_write, email.words.split(":")[0]) == (False, "suppressed by us")
    assert (sms.words, push.words) == ("has not agreed", "has not agreed")
    text = page.content.decode()
    assert "loyalty tier" in text
    assert "450.00" in text


def test_page_shows_the_person_when_one_segment_is_too_dear_to_ask(
    ines: Customer, ana: Client, settings: Settings
) -> None:
    settings.RULE_COST = 1
    page = ana.get(path(ines))
    assert (page.status_code, page.context["belonging"].inside, page.context["belonging"].unknown) == (200, [], 4)
    assert "Silva" in page.content.decode()


def test_stream_holds_every_kind_and_each_entry_once_over_its_pages(ines: Customer, ana: Client) -> None:
    seen: list[Any] = []
    found = timeline.page(ines)
    while True:
        seen += [(each["at"], each["what"]) for each in found.entries]
        if not found.older:
            break
        found = timeline.page(ines, before=found.older)
    assert len(seen) == 45 + 1 + 1 + 1 + 1
    assert seen == sorted(seen, key=lambda each: each[0], reverse=True)
    assert {what for _, what in seen} == {
        "order", "Welcome", "Agreed to E-mail", "Suppressed by E-mail", "Suppressed by E-mail at every retailer"
    }  # fmt: skip


def test_events_of_one_moment_are_not_lost_between_two_pages(at_acme: Retailer) -> None:
    [customer] = factories.customers(1)
    now = timezone.now()
    factories.happened(
        Event(event_id=f"e{n}", customer=customer, name=f"e{n}", occurred_at=now) for n in range(timeline.PAGE * 2 + 5)
    )
    found, names = timeline.page(customer), []
    while True:
        names += [each["what"] for each in found.entries]
        if not found.older:
            break
        found = timeline.page(customer, before=found.older)
    assert sorted(names) == sorted(f"e{n}" for n in range(timeline.PAGE * 2 + 5))


@pytest.mark.parametrize(("show", "number"), [("events", 30), ("messages", 1), ("consents", 1), ("suppressions", 2)])
def test_stream_shows_one_kind_alone(show: str, number: int, ines: Customer, ana: Client) -> None:
    page = ana.get(path(ines), {"show": show})
    assert len(page.context["stream"].entries) == number
    assert f'href="?show={show}#stream" aria-current="true"' in page.content.decode()


def test_address_that_no_page_gave_shows_the_newest(ines: Customer, ana: Client) -> None:
    for before in ("yesterday", "2026-01-01T00:00:00_1_1", "2026-01-01T00:00:00+00:00_9_1", "x_y_z"):
        assert len(ana.get(path(ines), {"before": before}).context["stream"].entries) == timeline.PAGE


def test_proof_of_consent_can_be_read(ines: Customer, ana: Client) -> None:
    text = ana.get(path(ines), {"show": "consents"}).content.decode()
    assert "till · recorded by Ben" in text
    assert "May we write?" in text


def test_consent_is_recorded_with_its_proof_and_who_recorded_it(ines: Customer, ana: Client) -> None:
    given = {"channel": "sms", "granted": "true", "topic": "sale", "source": "by phone", "text": "May we?\nReally?"}
    ana.post(path(ines, "consent"), given)
    proof = Consent.objects.get(channel="sms")
    assert (proof.topic, proof.is_granted, proof.source) == ("sale", True, "by phone")
    assert proof.by == "admin@acme.example"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": " "}, "Source is needed"),
        ({"topic": "No Topic"}, "is not a topic"),
        ({"channel": "fax"}, "is no channel"),
        ({"granted": ""}, "Granted is required"),
    ],
)
def test_consent_without_its_proof_is_refused_with_the_cure(
    changes: dict[str, str], said: str, ines: Customer, ana: Client
) -> None:
    given = {"channel": "sms", "granted": "true", "topic": "", "source": "by phone"} | changes
    answer = ana.post(path(ines, "consent"), given, follow=True)
    assert said in answer.content.decode()
    assert not Consent.objects.filter(channel="sms").exists()


def test_what_was_typed_stands_in_the_form_that_was_refused_and_only_there(
    ines: Customer, at_acme: Retailer, ana: Client
) -> None:
    [other] = factories.customers(1, first=2)
    given = {"channel": "sms", "granted": "false", "topic": "sale", "source": " ", "text": "May we?\n<Really>?"}
    ana.post(path(ines, "consent"), given)
    assert "Really" not in ana.get(path(other)).content.decode()
    ana.post(path(ines, "consent"), given)
    page = ana.get(path(ines)).content.decode()
    assert '<details class="c-act" name="act" open>' in page
    assert '<option value="sms" selected>' in page
    assert '<option value="false" selected>' in page
    assert 'name="topic" value="sale"' in page
    assert "May we?\n&lt;Really&gt;?</textarea>" in page
    assert "Really" not in ana.get(path(ines)).content.decode()


def test_address_is_suppressed_from_the_page(ines: Customer, ana: Client) -> None:
    Suppression.objects.all().delete()
    ana.post(path(ines, "suppress"), {"channel": "email", "reason": "complaint"})
    assert Suppression.objects.get().reason == "complaint"
    refused = ana.post(path(ines, "suppress"), {"channel": "sms", "reason": "manual"}, follow=True)
    assert "Nothing was suppressed" in refused.content.decode()


def test_everything_known_is_exported_for_editors_alone(ines: Customer, at_acme: Retailer, ana: Client) -> None:
    answer = ana.get(path(ines, "export"))
    assert len(json.loads(answer.content)["events"]) == 45
    assert answer["Content-Disposition"] == f'attachment; filename="customer-{ines.pk}.json"'
    assert colleague(at_acme, Role.VIEWER).get(path(ines, "export")).status_code == 403


def test_viewer_sees_no_button(ines: Customer, at_acme: Retailer) -> None:
    text = colleague(at_acme, Role.VIEWER).get(path(ines)).content.decode()
    assert "What happened" in text
    assert not [word for word in ("Record consent", ">Suppress<", ">Export<", ">Erase<") if word in text]


FOUND: list[tuple[str, set[str]]] = [
    ("c1", {"c1"}),
    ("C1", {"c1"}),
    ("C2@Example.Test", {"c2"}),
    ("INES", {"c1"}),
    ("sil", {"c1", "c2"}),
    ("ana silva", {"c2"}),
    ("silva ines", {"c1"}),
    ("c2@exam", {"c2"}),
    ("+44 7700", set()),
    ("+44(7700)900", {"c2"}),
    ("nobody", set()),
]


@pytest.mark.parametrize(("text", "numbers"), FOUND, ids=[text for text, _ in FOUND])
def test_customers_are_found_by_number_name_address_and_phone(
    text: str, numbers: set[str], at_acme: Retailer, ana: Client
) -> None:
    factories.customers(1, first_name="Ines", last_name="Silva")
    factories.customers(1, first=2, first_name="Ana", last_name="Silva", phone="+447700900123")
    page = ana.get("/admin/campaigns/customer/", {"q": text})
    assert {customer.external_id for customer in page.context["cl"].result_list} == numbers


def test_search_needs_no_pass_over_all_customers(at_acme: Retailer) -> None:
    factories.customers(50)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    for text in ("ana", "ana silva", "+447700", "c1@example"):
        plan = Customer.objects.filter(directory.search(text)).explain()
        assert "Seq Scan" not in plan, text


def test_list_counts_no_more_than_it_must(at_acme: Retailer, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.customers(30)
    monkeypatch.setattr("delivery.admin.counting.MOST", 10)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE campaigns_customer")
    assert BoundedPaginator(Customer.objects.order_by("pk"), 5).count == 30
    assert BoundedPaginator(Customer.objects.filter(city="Leeds").order_by("pk"), 5).count == 10
    assert BoundedPaginator(Customer.objects.filter(city="York").order_by("pk"), 5).count == 0
