"""A retailer's first page: every number is what the rows say, and what needs somebody is named."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Run
from delivery import pipeline, tallies
from delivery.channels.memory import MemoryChannel
from delivery.models import Message, SenderDomain
from delivery.signals import Heard, record
from tenants.models import Retailer
from tests import factories, statements

MOST_QUERIES = 15
PEOPLE = 50


def send(key: str = "welcome") -> Run:
    run = configuration.launch(factories.campaign(key), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    return run


def test_the_last_days_are_told_with_people_apart_from_machines(
    at_acme: Retailer, outbox: MemoryChannel, ana: Client
) -> None:
    factories.customers(PEOPLE)
    run, now = send(), timezone.now()
    ids = list(Message.objects.order_by("pk").values_list("pk", flat=True))
    Message.objects.filter(pk__in=ids[:2]).update(state="bounced")
    Message.objects.filter(pk__in=ids[2:3]).update(state="unknown")
    record(
        [
            *(Heard(pk, "open", "link", f"o{pk}", at=now, human=90) for pk in ids[10:20]),
            *(Heard(pk, "open", "link", f"m{pk}", at=now, human=1) for pk in ids[20:35]),
            *(Heard(pk, "complaint", "test", f"c{pk}", at=now) for pk in ids[40:44]),
            *(Heard(pk, "unsubscribe", "link", f"u{pk}", at=now) for pk in ids[44:45]),
        ]
    )
    tallies.count(run, now=now)
    page: Any = ana.get("/admin/")
    figures = page.context["figures"]
    assert [figures[name] for name in ("messages", "taken", "bounced", "opened", "opened_by_machine")] == [
        50, 49, 2, 10, 15
    ]  # fmt: skip
    assert (figures["success"], figures["unsubscribed"], figures["tried"]) == (94.0, 1, 50)
    assert [(name, each.complained, each.delivered, each.level) for name, each in figures["receivers"]] == [
        ("Other", 4, 47, "pause")
    ]
    text = page.content.decode()
    assert "far too many" in text
    assert "1 of Welcome: nobody knows whether it went out" in text


def test_a_share_of_complaints_that_says_nothing_yet_is_not_shown_as_good(
    at_acme: Retailer, outbox: MemoryChannel, ana: Client
) -> None:
    factories.customers(PEOPLE)
    run, now = send(), timezone.now()
    record([Heard(Message.objects.earliest("pk").pk, "complaint", "test", "c", at=now)])
    tallies.count(run, now=now)
    text = ana.get("/admin/").content.decode()
    assert "too few to judge" in text
    assert "c-meter-doubtful" in text
    assert "too many" not in text


def test_what_needs_somebody_is_named_with_its_reason(at_acme: Retailer, outbox: MemoryChannel, ana: Client) -> None:
    factories.customers(3)
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    configuration.pause(run, reason="Paused by itself: 9 % came back")
    SenderDomain.objects.create(domain="shop.example", findings={"state": "error", "words": "no SPF record."})
    page: Any = ana.get("/admin/")
    assert [each.words for each in page.context["needs"]] == [
        "Welcome is paused: Paused by itself: 9 % came back",
        "DNS of shop.example: no SPF record.",
    ]
    assert "9 % came back" in page.content.decode()


def test_the_overview_takes_few_queries_whatever_runs(at_acme: Retailer, outbox: MemoryChannel, ana: Client) -> None:
    factories.customers(3)
    for number in range(4):
        send(f"sent{number}")
    for number in range(4):
        configuration.launch(factories.campaign(f"open{number}"), by="test", now=timezone.now())
    ana.get("/admin/")
    with CaptureQueriesContext(connection) as captured:
        page: Any = ana.get("/admin/")
    assert len(page.context["open_runs"]) == 4
    asked = statements.of(captured)
    assert len(asked) <= MOST_QUERIES, asked
