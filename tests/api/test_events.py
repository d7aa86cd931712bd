from __future__ import annotations

from typing import Any

import pytest

from campaigns.models import Event
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem


@pytest.fixture(autouse=True)
def _ana(acme: Retailer) -> None:
    with context.in_retailer(acme):
        factories.customers(1)


def event(event_id: str = "e1", **fields: Any) -> dict[str, Any]:
    return {"event_id": event_id, "external_id": "c1", "name": "order", "occurred_at": "2026-03-01T09:30:00Z"} | fields


def test_one_event_is_created_once_by_its_id(api: Api, acme: Retailer) -> None:
    first = api.post("events/", event(value=12.5, currency="gbp", properties={"category": "wine"}))
    again = api.post("events/", event(value=99))
    assert (first.status_code, first.json()["status"]) == (201, "created")
    assert (again.status_code, again.json()["status"]) == (200, "duplicate")
    with context.in_retailer(acme):
        [stored] = Event.objects.all()
    assert (float(stored.value or 0), stored.currency, stored.properties) == (12.5, "GBP", {"category": "wine"})


def test_one_bad_event_is_a_problem_with_its_fields(api: Api) -> None:
    response = api.post("events/", event(external_id="nobody"))
    assert problem(response) == (400, [("external_id", "invalid")])
    assert problem(api.post("events/", {"event_id": "e1"})) == (
        400, [("external_id", "invalid"), ("name", "invalid"), ("occurred_at", "invalid")]
    )  # fmt: skip


def test_many_events_are_answered_row_by_row(api: Api) -> None:
    rows = [event("e1"), event("e1"), event("e2", external_id="nobody"), event("e3", occurred_at="yesterday")]
    response = api.post("events/", {"events": rows})
    assert response.status_code == 200
    assert [row["status"] for row in response.json()["results"]] == ["created", "duplicate", "rejected", "rejected"]
    assert response.json()["results"][3]["errors"][0]["field"] == "occurred_at"


def test_time_without_offset_is_the_retailers(api: Api, acme: Retailer) -> None:
    api.post("events/", event(occurred_at="2026-07-01T09:00:00"))  # London: British Summer Time
    with context.in_retailer(acme):
        assert Event.objects.get().occurred_at.isoformat() == "2026-07-01T08:00:00+00:00"
