"""The proof finds what drifted past every door, says which facts of whom, and puts it right."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from campaigns import facts, ingest
from campaigns.facts import proof
from campaigns.models import Event, Facts, FactsProof
from delivery import pipeline, tasks
from tenants import context
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.marketing.test_doctor import findings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def people(at_acme: Retailer) -> Retailer:
    factories.customers(7)
    rows = [{"event_id": f"e{n}", "external_id": f"c{n}", "name": "order", "occurred_at": NOW} for n in (1, 2)]
    ingest.add_events(rows, now=NOW, zone=UTC)
    return at_acme


def prove(*arguments: str, **options: Any) -> list[dict[str, Any]]:
    out = StringIO()
    try:
        call_command("prove_facts", *arguments, json=True, stdout=out, **options)
    except CommandError:
        if options.get("repair"):
            raise
    return list(json.loads(out.getvalue()))


def drift() -> None:
    Facts.objects.filter(customer__external_id="c1").update(order_count=9)
    Facts.objects.filter(customer__external_id="c2").update(order_count=0, city="York")
    Facts.objects.filter(customer__external_id="c3").delete()
    Facts.objects.create(customer_id=10**9, seed=1)


def doctor(retailer: Retailer) -> dict[str, Any]:
    """What doctor, who looks from the platform, says of facts."""
    told = findings()["facts"]
    context.enter(retailer)
    return told


def test_facts_that_hold_are_proved_range_by_range(people: Retailer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "RANGE", 2)
    [told] = prove("acme")
    assert told == {"retailer": "acme", "customers": 7, "wrong": 0, "repaired": 0, "columns": {}, "examples": []}


def test_drift_is_told_by_column_and_person_and_fails_unless_repaired(people: Retailer) -> None:
    drift()

    [told] = prove("acme")
    with pytest.raises(CommandError, match=r"acme\. Run it with --repair"):
        call_command("prove_facts", "acme", stdout=StringIO())
    assert doctor(people)["status"] == "failure"

    assert (told["customers"], told["wrong"], told["repaired"]) == (7, 3, 0)
    assert told["columns"] == {"order_count": 2, "city": 1, "missing": 1}
    assert told["examples"] == ["c1", "c2", "c3"]

    [told] = prove("acme", repair=True)
    assert told["repaired"] == 3
    assert (facts.recompute(), Facts.objects.count()) == (0, 7)
    told_by_doctor = doctor(people)
    assert told_by_doctor["status"] == "warning"
    assert "3 of 7 customers" in told_by_doctor["message"]

    [told] = prove("acme")
    assert told["wrong"] == 0
    assert doctor(people)["status"] == "ok"


def test_every_night_each_retailer_is_proved_and_repaired(
    people: Retailer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(proof, "RANGE", 3)
    monkeypatch.setattr(proof, "WITHIN", timedelta())
    drift()

    tasks.prove_facts()
    tasks.prove_facts()
    assert AgendaItem.objects.filter(kind="proof").count() == 2  # acme's and globex's
    pipeline.work(seconds=20)

    assert not AgendaItem.objects.filter(kind="proof").exists()
    assert facts.recompute() == 0
    told = FactsProof.objects.get()
    assert (told.customers, told.wrong, told.repaired, told.holds) == (7, 3, 3, True)
    assert "Facts of acme had drifted: 3 of 7 customers" in caplog.text


def test_an_event_past_ingest_is_drift_too(people: Retailer) -> None:
    person = Facts.objects.get(customer__external_id="c5").customer
    Event.objects.create(event_id="x", customer=person, name="order", occurred_at=NOW, value=5)
    [told] = prove("acme")
    assert told["examples"] == ["c5"]
    assert told["columns"] == dict.fromkeys(["order_count", "order_value", "first_order_at", "order_1_at"], 1)


def test_which_retailer_must_be_said(db: None) -> None:
    with pytest.raises(CommandError, match="There is no retailer 'hooli'"):
        call_command("prove_facts", "hooli")
    with pytest.raises(CommandError, match="required"):
        call_command("prove_facts")
    assert [each["retailer"] for each in prove(all=True)] == ["acme", "globex"]
