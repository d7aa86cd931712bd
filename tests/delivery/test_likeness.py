"""A message shown again reads as it was sent; where it may not, its page says what of it may differ."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from campaigns import configuration, content, editing, ingest, past
from campaigns.models import Campaign, Customer, CustomerPast
from delivery import pipeline, previews
from delivery.channels.memory import MemoryChannel
from delivery.models import Message, OutcomeRecord
from tenants import provisioning
from tenants.accounts.models import AuditEntry
from tenants.models import Retailer
from tests import factories

ANYBODY = f"<html><body><p>{{{{ brand.name }}}} of {{{{ retailer.name }}}}</p>{factories.OUT}</body></html>"
PERSON = ANYBODY.replace("</p>", " {{ customer.first_name | default('you') }} {{ customer.attributes.tier }}</p>")


def send(**template: Any) -> Message:
    """One message to Ana, known for two hours and written to an hour ago."""
    factories.customers(1, attributes={"tier": "gold", "kept": ["x"]})
    factories.template(**template)
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=30)
    backdate(timedelta(hours=1))
    return Message.objects.get()


def backdate(ago: timedelta) -> None:
    """As if what there is were of then: the message, its customer an hour before, and the retailer two."""
    at = timezone.now() - ago
    Customer.objects.update(created_at=at - timedelta(hours=1), updated_at=at - timedelta(hours=1))
    OutcomeRecord.objects.update(at=at)
    Message.objects.update(settled_at=at)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET applied = %s", [at - timedelta(hours=2)])


def change(**values: Any) -> None:
    [result] = ingest.upsert_customers([{"external_id": "c1", **values}], now=timezone.now())
    assert result.status == "updated"


def rebrand(name: str) -> None:
    brand = content.brand()
    brand.name = brand.from_name = name
    editing.save_brand(brand)


def read(message: Message) -> str:
    shown = previews.of_message(message).rendered
    assert shown
    return re.sub(r'href="[^"]*"', "href", shown.html)


def sent(outbox: MemoryChannel) -> str:
    [mail] = outbox.sent
    uncounted = re.sub(r"<img[^>]*>", "", mail.html)  # nobody opens it by a look at the past
    return re.sub(r'href="[^"]*"', "href", uncounted)


@pytest.fixture
def page(acme: Retailer, marketer: Callable[[Retailer], Client]) -> Callable[[Message], str]:
    def open_page(message: Message) -> str:
        found = marketer(acme).get(f"/admin/delivery/message/{message.pk}/change/")
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found.content.decode())).split())

    return open_page


def test_what_nothing_changed_since_is_shown_exactly(
    at_acme: Retailer, outbox: MemoryChannel, page: Callable[[Message], str]
) -> None:
    message = send(html=PERSON)
    assert read(message) == sent(outbox)
    assert "nothing that it says of the customer changed since" in page(message)


def test_brand_and_retailer_are_those_of_then_however_often_they_changed(
    at_acme: Retailer, outbox: MemoryChannel, page: Callable[[Message], str]
) -> None:
    message = send(html=ANYBODY)
    for name in ("Once", "Twice"):
        rebrand(name)
        at_acme.name = f"{name} Foods"
        provisioning.update(at_acme)
    assert read(message) == sent(outbox)
    assert "Acme Foods of Acme Foods" in read(message)
    told = page(message)
    assert "nothing that it says of the customer changed since" in told
    assert "Twice" not in told.partition("What they read")[2]


def test_what_is_sent_after_a_change_says_the_new(at_acme: Retailer, outbox: MemoryChannel) -> None:
    rebrand("Once")
    AuditEntry.objects.update(at=timezone.now() - timedelta(hours=3))
    message = send(html=ANYBODY)
    rebrand("Twice")
    assert "Once of Acme Foods" in sent(outbox)
    assert read(message) == sent(outbox)


def test_a_person_who_changed_since_is_shown_as_known_then(
    at_acme: Retailer, outbox: MemoryChannel, page: Callable[[Message], str]
) -> None:
    message = send(html=PERSON, subject="Hi {{ customer.first_name }}")
    change(first_name="Bea", attributes={"tier": "silver"})
    change(first_name="Cleo", city="York", attributes={"tier": None})
    assert read(message) == sent(outbox)
    told = page(message)
    assert "what it says of the customer is what was known then, and changed on" in told
    assert "Hi Ana" in told
    assert "Cleo" not in told.partition("What they read")[2]


def test_each_message_is_shown_as_known_when_it_was_sent(at_acme: Retailer, outbox: MemoryChannel) -> None:
    """What nobody was written to with is not kept."""
    first = send(html=PERSON)
    change(first_name="Bea")
    change(first_name="Not written to")
    change(first_name="Cleo")
    configuration.launch(Campaign.objects.get(), by="test", now=timezone.now())
    pipeline.work(seconds=30)
    second = Message.objects.latest("pk")
    for record in OutcomeRecord.objects.filter(message=second):  # the change comes a lease after it
        CustomerPast.objects.update(until=record.at - timedelta(minutes=10))
    change(first_name="Dora")
    assert [past.known["first_name"] for past in CustomerPast.objects.order_by("pk")] == ["Ana", "Cleo"]
    assert "Ana gold" in read(first)
    assert "Cleo gold" in read(second)
    assert "Cleo gold" in outbox.sent[-1].html


def test_nothing_is_kept_of_who_was_never_written_to_or_says_yes_or_no(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    message = send(html=PERSON)
    factories.customers(1, first=2)
    ingest.upsert_customers([{"external_id": "c2", "first_name": "Bea"}], now=timezone.now())
    change(consent_sms=True)
    ingest.upsert_customers([{"external_id": "c1", "consent_email": False}], now=timezone.now())
    assert not CustomerPast.objects.exists()
    found = previews.of_message(message).likeness
    assert found
    assert found.is_exact
    assert found.changed_at is None


def test_what_is_due_and_not_yet_settled_may_be_under_way(at_acme: Retailer, outbox: MemoryChannel) -> None:
    send(html=PERSON)
    Message.objects.update(settled_at=None, send_at=timezone.now() + timedelta(hours=1))
    change(first_name="Bea")
    assert not CustomerPast.objects.exists()
    Message.objects.update(send_at=timezone.now() - timedelta(hours=1))
    change(first_name="Cleo")
    assert CustomerPast.objects.get().known["first_name"] == "Bea"


def test_a_person_of_long_ago_is_told_of_with_what_the_message_says_of_them(
    at_acme: Retailer, outbox: MemoryChannel, page: Callable[[Message], str]
) -> None:
    message = send(html=PERSON, subject="Hi")
    backdate(timedelta(days=past.KEPT_DAYS + 1))
    change(first_name="Bea", city="York")
    CustomerPast.objects.update(until=timezone.now() - timedelta(days=past.KEPT_DAYS, hours=1))
    pipeline.sweep()
    assert not CustomerPast.objects.exists()
    told = page(message)
    assert "The customer's data changed on" in told
    assert "may have read otherwise: first name, tier." in told
    assert "city" not in told.partition("may have read otherwise")[2].partition("Everything else")[0]


def test_a_change_from_before_such_things_were_kept_is_told_of(at_acme: Retailer, outbox: MemoryChannel) -> None:
    message = send(html=PERSON, subject="Hi")
    change(first_name="Bea")
    CustomerPast.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET applied = now()")
    found = previews.of_message(message).likeness
    assert found
    assert found.may_differ == ("first name", "tier")


def test_a_person_of_whom_nothing_is_said_may_change(
    at_acme: Retailer, outbox: MemoryChannel, page: Callable[[Message], str]
) -> None:
    message = send(html=ANYBODY, subject="Hi")
    change(first_name="Bea")
    assert read(message) == sent(outbox)
    assert "what it says of the customer is what was known then" in page(message)


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ({"html": ANYBODY.replace("<p>", "<p>{{ 2.5 | money('GBP') }}")}, ("dates and amounts in their language",)),
        ({"html": ANYBODY, "translations": {"de": {"subject": "Hallo"}}}, ("language",)),
        ({"html": ANYBODY.replace("<p>", "<p>{% for x in customer.attributes.kept %}{{ x }}{% endfor %}")}, ("kept",)),
    ],
)
def test_what_depends_on_a_person_unsaid_is_told_too(
    template: dict[str, Any], told: tuple[str, ...], at_acme: Retailer, outbox: MemoryChannel
) -> None:
    message = send(subject="Hi", **template)
    change(locale="de-DE")
    CustomerPast.objects.update(until=OutcomeRecord.objects.get().at - timedelta(seconds=5))
    found = previews.of_message(message).likeness
    assert found
    assert len(found.may_differ) == len(told)
    assert all(words in said for words, said in zip(told, found.may_differ, strict=True))


def test_a_change_while_it_was_rendered_is_not_taken_for_none(at_acme: Retailer, outbox: MemoryChannel) -> None:
    message = send(html=PERSON, subject="Hi")
    change(first_name="Bea")
    CustomerPast.objects.update(until=OutcomeRecord.objects.get().at - timedelta(seconds=5))
    found = previews.of_message(message).likeness
    assert found
    assert not found.is_exact


def test_whoever_never_changed_did_not_change_since_however_new_they_are(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    message = send(html=PERSON, subject="Hi")
    at = OutcomeRecord.objects.get().at - timedelta(seconds=5)
    Customer.objects.update(created_at=at, updated_at=at)
    found = previews.of_message(message).likeness
    assert found
    assert found.is_exact


def test_the_last_attempt_counts(at_acme: Retailer, outbox: MemoryChannel) -> None:
    message = send(html=PERSON, subject="Hi")
    first = OutcomeRecord.objects.get()
    later = first.at + timedelta(minutes=30)
    OutcomeRecord.objects.create(message=message, epoch=first.epoch + 1, result="accepted", at=later)
    OutcomeRecord.objects.create(message=message, epoch=first.epoch + 1, result="sent", at=timezone.now())
    assert previews.sent_at(message) == later


def test_what_was_never_handed_over_is_shown_as_it_would_read_now(
    at_acme: Retailer, outbox: MemoryChannel, page: Callable[[Message], str]
) -> None:
    message = send(html=PERSON)
    OutcomeRecord.objects.all().delete()
    assert previews.of_message(message).likeness is None
    assert "It was never handed over: this is how it would read now." in page(message)
