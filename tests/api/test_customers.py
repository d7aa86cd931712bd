"""Customers in, out, changed and forgotten."""

from __future__ import annotations

from typing import Any

from campaigns.models import Customer, Event
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem


def ids(response: Any) -> list[str]:
    return [row["external_id"] for row in response.json()["results"]]


def test_bulk_keeps_the_good_rows_and_names_the_bad_ones(api: Api) -> None:
    rows = [
        {"external_id": "c1", "email": "Ana@Example.test", "attributes": {"tier": "gold"}},
        {"external_id": "c2", "email": "not an address", "shoe_size": 42},
        "not even an object",
    ]
    response = api.post("customers/bulk/", {"customers": rows})
    assert response.status_code == 200
    first, second, third = response.json()["results"]
    assert first == {"index": 0, "id": "c1", "status": "created", "errors": []}
    assert (second["id"], second["status"]) == ("c2", "rejected")
    assert {error["field"] for error in second["errors"]} == {"email", "shoe_size"}
    assert (third["index"], third["status"]) == (2, "rejected")
    assert response.json()["counts"] == {"created": 1, "rejected": 2}


def test_bulk_takes_a_bare_list_and_says_when_nothing_changed(api: Api) -> None:
    rows = [{"external_id": "c1", "city": "Leeds"}]
    statuses = [api.post("customers/bulk/", rows).json()["results"][0]["status"] for _ in range(2)]
    assert statuses == ["created", "unchanged"]


def test_bulk_takes_a_thousand_rows_and_not_one_more(api: Api) -> None:
    rows = [{"external_id": f"c{n}", "email": f"c{n}@example.test"} for n in range(1000)]
    assert api.post("customers/bulk/", {"customers": rows}).json()["counts"] == {"created": 1000}
    response = api.post("customers/bulk/", {"customers": [*rows, {"external_id": "c1000"}]})
    assert problem(response) == (400, [("customers", "rows")])


def test_customer_is_told_with_every_field(api: Api) -> None:
    api.post("customers/bulk/", [{"external_id": "a/b c", "email": "ana@example.test", "consent_email": True}])
    customer = api.get("customers/a/b%20c/").json()
    assert customer["external_id"] == "a/b c"
    assert (customer["email"], customer["consent_email"], customer["attributes"]) == ("ana@example.test", True, {})
    assert customer.keys() >= {"phone", "timezone", "locale", "created_at", "updated_at"}


def test_list_follows_its_cursor_to_the_end_without_repeating(api: Api, acme: Retailer) -> None:
    with context.in_retailer(acme):
        factories.customers(7)
    first = api.get("customers/?limit=3")
    second = api.get(first.json()["next"])
    third = api.get(second.json()["next"])
    assert ids(first) + ids(second) + ids(third) == [f"c{n}" for n in range(1, 8)]
    assert third.json()["next"] is None


def test_list_filters_by_address_and_by_any_part_of_a_name(api: Api, acme: Retailer) -> None:
    with context.in_retailer(acme):
        factories.customers(2)
        factories.customers(1, first=3, first_name="Zoë")
    assert ids(api.get("customers/?email=C2@example.test")) == ["c2"]
    assert ids(api.get("customers/?search=zo%C3%AB")) == ["c3"]
    assert ids(api.get("customers/?search=example.test&email=c1@example.test")) == ["c1"]


def test_list_refuses_a_parameter_it_does_not_know(api: Api) -> None:
    response = api.get("customers/?emial=c1@example.test")
    assert problem(response) == (400, [("emial", "unknown")])
    assert "email" in response.json()["errors"][0]["message"]


def test_patch_changes_only_what_is_given(api: Api, acme: Retailer) -> None:
    with context.in_retailer(acme):
        factories.customers(1, attributes={"tier": "gold", "size": 42})
    response = api.patch("customers/c1/", {"city": "Hull", "attributes": {"size": None, "colour": "red"}})
    assert response.status_code == 200
    customer = api.get("customers/c1/").json()
    assert (customer["city"], customer["first_name"]) == ("Hull", "Ana")
    assert customer["attributes"] == {"tier": "gold", "colour": "red"}


def test_patch_is_validated_like_every_other_way_in(api: Api, acme: Retailer) -> None:
    with context.in_retailer(acme):
        factories.customers(1)
    response = api.patch("customers/c1/", {"email": "nobody", "timezone": "Europe/Atlantis"})
    assert problem(response) == (400, [("email", "invalid"), ("timezone", "invalid")])
    assert problem(api.patch("customers/c1/", {"external_id": "c2"})) == (400, [("external_id", "immutable")])
    assert api.get("customers/c1/").json()["email"] == "c1@example.test"


def test_patch_creates_nobody(api: Api) -> None:
    assert problem(api.patch("customers/nobody/", {"city": "Hull"}))[0] == 404
    assert api.get("customers/").json()["results"] == []


def test_delete_erases_the_customer_and_the_events(api: Api, acme: Retailer) -> None:
    with context.in_retailer(acme):
        factories.customers(2)
    for customer in ("c1", "c2"):
        event = {"event_id": f"e-{customer}", "external_id": customer, "name": "order"}
        assert api.post("events/", {**event, "occurred_at": "2026-01-02T10:00:00Z"}).status_code == 201
    response = api.delete("customers/c1/")
    assert (response.status_code, response.content) == (204, b"")
    assert problem(api.get("customers/c1/"))[0] == problem(api.delete("customers/c1/"))[0] == 404
    with context.in_retailer(acme):
        assert list(Customer.objects.values_list("external_id", flat=True)) == ["c2"]
        assert list(Event.objects.values_list("event_id", flat=True)) == ["e-c2"]
