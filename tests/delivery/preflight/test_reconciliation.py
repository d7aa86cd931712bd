"""What a launch would come to, held against what it then came to."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from campaigns import configuration, erasure, ingest, policies, suppressions
from campaigns.config.gate import parse_campaign
from campaigns.models import Campaign, Consent, Customer, Segment
from delivery import preflight, reconciliation
from delivery.channels.memory import MemoryChannel
from delivery.models import Message, Preflight, Reconciliation
from tenants.models import Retailer
from tests import factories
from tests.delivery.preflight.asking import LONDON, launch, make, work_off


@pytest.fixture
def prepared(at_acme: Retailer, outbox: MemoryChannel) -> Campaign:
    """A campaign with 20 people, of whom 2 have not agreed, and its pre-flight."""
    factories.customers(18)
    factories.customers(2, first=19, consent_email=False)
    factories.segment("leeds", {"attribute": "city", "eq": "Leeds"})
    campaign, long_ago = (
        factories.campaign(audience={"include": {"segment": "leeds"}}),
        timezone.now() - timedelta(hours=1),
    )
    Customer.objects.update(updated_at=long_ago)
    Segment.objects.update(updated_at=long_ago)
    make(campaign, long_ago + timedelta(minutes=5))
    return campaign


def held(campaign: Campaign) -> dict[str, Any]:
    run = launch(campaign)
    work_off(run)
    return dict(Reconciliation.objects.get(run=run).result)


def changed(result: dict[str, Any]) -> dict[str, Any]:
    return {cause["cause"]: (cause["people"], cause["now"]) for cause in result["causes"]}


def adds_up(result: dict[str, Any]) -> bool:
    """What the docstring promises, reason by reason."""
    return all(
        result["after"][reason]
        == result["before"][reason]
        - result["were"].get(reason, 0)
        + sum(cause["now"].get(reason, 0) for cause in result["causes"])
        for reason in result["before"]
    )


def test_every_change_in_between_is_named_and_they_add_up(prepared: Campaign) -> None:
    now = timezone.now()
    ingest.upsert_customers(
        [{"external_id": f"new{n}", "email": f"new{n}@example.test", "city": "Leeds", "consent_email": n < 3}
         for n in range(4)], now=now,
    )  # fmt: skip
    for name, granted in (("c1", False), ("c2", False), ("c19", True)):
        customer = Customer.objects.get(external_id=name)
        Consent.objects.create(customer=customer, channel="email", is_granted=granted, said_at=now)
        Customer.objects.filter(pk=customer.pk).update(consent_email=granted)
    factories.stored([])
    suppressions.put(channel="email", address="c3@example.test", reason="complaint", source="")
    erasure.erase(Customer.objects.get(external_id="c4"))
    ingest.upsert_customers([{"external_id": "c5", "city": "York"}, {"external_id": "c6", "last_name": "Ray"}], now=now)
    result = held(prepared)
    assert result["before"] == {"included": 18, "no_consent": 2, "suppressed": 0}
    assert result["after"] == {"included": 17, "no_consent": 4, "suppressed": 1}
    assert changed(result) == {
        "customers_added": (4, {"included": 3, "no_consent": 1}),
        "consent_changed": (3, {"no_consent": 2, "included": 1}),
        "suppressions_added": (1, {"suppressed": 1}),
        "customers_changed": (2, {"included": 1}),  # one is in York now, and no candidate any more
        "customers_erased": (1, {}),
    }
    assert result["were"] == {"included": 6, "no_consent": 1}
    assert result["adds_up"]
    assert adds_up(result)


def test_what_leaves_no_trace_on_a_person_is_named_without_a_number(prepared: Campaign, at_acme: Retailer) -> None:
    Segment.objects.get().delete()
    factories.segment("leeds", {"attribute": "external_id", "lt": "c15"})
    policies.save(at_acme, policy={"universal_holdout": 0.2})
    result = held(prepared)
    assert {cause["cause"] for cause in result["causes"]} == {"segment_edited", "policy_changed"}
    assert adds_up(result)
    lines = reconciliation.lines(Reconciliation.objects.get())
    assert "Edited since: segment leeds." in lines


def test_events_and_messages_in_between_count_where_the_rule_or_a_limit_asks(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    factories.customers(10)
    campaign = factories.campaign(
        "buyers",
        audience={"include": {"event": "order", "within": "7d"}},
        limits={"per_customer": {"messages": 1, "per": "1d"}},
    )
    order = {"name": "order", "occurred_at": timezone.now().isoformat()}
    events = [order | {"event_id": f"e{n}", "external_id": f"c{n}"} for n in range(1, 7)]
    ingest.add_events(events[:4], now=timezone.now(), zone=LONDON)
    make(campaign, timezone.now())
    ingest.add_events(events[4:], now=timezone.now(), zone=LONDON)
    work_off(launch(factories.campaign("one", audience={"include": {"attribute": "external_id", "in": ["c1", "c2"]}})))
    result = held(campaign)
    assert changed(result) == {
        "messages_sent": (2, {"capped": 2}),
        "events_arrived": (2, {"included": 2}),
        "time_passed": (None, {}),
    }
    assert (result["before"]["included"], result["after"]["included"], result["were"]) == (4, 4, {"included": 2})
    assert result["adds_up"]
    assert adds_up(result)


def test_a_run_is_held_against_the_latest_of_its_very_configuration(prepared: Campaign) -> None:
    wanted = Preflight.objects.get()
    edited = configuration.save_draft(
        factories.config(audience={"include": {"segment": "leeds"}, "holdout": 0.5}), campaign=prepared
    )
    make(edited)
    back = configuration.save_draft(factories.config(audience={"include": {"segment": "leeds"}}), campaign=edited)
    run = launch(back)
    work_off(run)
    assert Reconciliation.objects.get(run=run).preflight == wanted
    again = configuration.save_draft(factories.config(audience={"include": {"all": []}}), campaign=back)
    result = held(again)
    assert "configuration_edited" in changed(result)


def test_a_run_without_a_preflight_is_held_against_nothing(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(2)
    run = launch(factories.campaign())
    work_off(run)
    assert reconciliation.of(run) is None
    assert reconciliation.as_data(run) == {"preflight": None}


def test_it_is_told_line_by_line(at_acme: Retailer, settings: Settings) -> None:
    factories.customers(3)
    factories.customers(1, first=4, consent_email=False)
    lines = "\n".join(preflight.lines(preflight.make(factories.campaign(), now=timezone.now())))
    assert "Everyone." in lines
    assert "4 candidates, 3 included" in lines
    assert re.search(r"^ +1 no_consent$", lines, re.MULTILINE)
    assert "3 people's messages were rendered without an error" in lines


def test_parsed_drafts_are_what_the_preflight_hashes(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(1)
    campaign = factories.campaign()
    made = preflight.make(campaign, now=timezone.now())
    assert made.config_hash == launch(campaign).version.content_hash
    assert parse_campaign(campaign.draft).key == "welcome"
    assert Message.objects.count() == 0
