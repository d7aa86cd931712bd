"""The page of custom attributes: declared ones with their state, and those merely seen in the data."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import attributes, sightings
from campaigns.models import AttributeDefinition
from tenants.accounts.models import AuditEntry, Role
from tenants.models import Retailer
from tests import factories
from tests.console.forms import submit
from tests.console.people import colleague

LIST = "/admin/campaigns/attributedefinition/"
MOST_QUERIES = 18


@pytest.fixture
def people(at_acme: Retailer) -> None:
    factories.customers(8, attributes={"tier": "gold", "points": 7, "vip": True, "born": "1990-05-17"})
    factories.customers(2, first=20, attributes={"tier": "silver", "code": "007", "mixed": 1})
    factories.customers(1, first=30, attributes={"mixed": "one", "nothing": None, "list": [1]})


def test_undeclared_attributes_are_offered_with_the_type_that_they_look_like(people: None, ana: Client) -> None:
    with CaptureQueriesContext(connection) as seen:
        page = ana.get(LIST)
    assert len([each for each in seen if "search_path" not in each["sql"]]) <= MOST_QUERIES
    assert {(each["name"], each["type"]) for each in page.context["seen"]} == {
        ("tier", "text"), ("points", "number"), ("vip", "boolean"), ("born", "date"), ("code", "text"),
        ("mixed", "text"),
    }  # fmt: skip
    assert page.context["seen"][0]["name"] == "tier"
    assert page.context["seen"][0]["examples"] == ["gold", "silver"]


def test_one_click_declares_what_was_seen(people: None, ana: Client) -> None:
    page = ana.post(f"{LIST}declare/", {"name": "points", "type": "number"}, follow=True)
    assert "points is declared as number." in page.content.decode()
    made = AttributeDefinition.objects.get()
    assert (made.name, made.type, made.slot[:6]) == ("points", "number", "number")
    assert "points" not in {each["name"] for each in page.context["seen"]}
    [shown] = page.context["cl"].result_list
    assert round(shown.share, 2) == 0.73
    assert "being filled in" in page.content.decode()
    assert AuditEntry.objects.filter(kind="attribute", key="points").exists()


@pytest.mark.parametrize(
    ("given", "said"), [({"name": "city", "type": "text"}, "taken"), ({"name": "x", "type": "colour"}, "Type")]
)
def test_what_cannot_be_declared_is_refused(given: dict[str, str], said: str, people: None, ana: Client) -> None:
    page = ana.post(f"{LIST}declare/", given, follow=True)
    assert said in page.content.decode()
    assert not AttributeDefinition.objects.exists()


def test_attribute_is_declared_described_and_removed_through_its_form(people: None, ana: Client) -> None:
    submit(ana, f"{LIST}add/", "attributedefinition_form", name="tier", type="text", description="loyalty")
    made = AttributeDefinition.objects.get()
    submit(ana, f"{LIST}{made.pk}/change/", "attributedefinition_form", description="loyalty tier")
    made.refresh_from_db()
    assert (made.name, made.type, made.description) == ("tier", "text", "loyalty tier")
    ana.post(f"{LIST}{made.pk}/delete/", {"post": "yes"})
    assert not AttributeDefinition.objects.exists()


def test_form_tells_a_name_that_is_taken_at_its_field(people: None, ana: Client) -> None:
    page = submit(ana, f"{LIST}add/", "attributedefinition_form", name="city", type="text")
    assert "taken" in str(page.context["adminform"].form.errors["name"])


def test_list_says_when_it_is_ready_and_who_uses_it(people: None, ana: Client) -> None:
    made = attributes.declare("tier", type="text")
    factories.segment("golden", {"attribute": "attributes.tier", "eq": "gold"})
    while made.ready_at is None:
        attributes.fill(made.pk, now=made.created_at)
        made.refresh_from_db()
    text = ana.get(LIST).content.decode()
    assert "ready" in text
    assert "Golden" in text
    assert "about 91 %" in text


def test_viewer_looks_and_declares_nothing(people: None, at_acme: Retailer) -> None:
    viewer = colleague(at_acme, Role.VIEWER)
    text = viewer.get(LIST).content.decode()
    assert "points" in text
    assert ">Declare<" not in text
    assert viewer.post(f"{LIST}declare/", {"name": "points", "type": "number"}).status_code == 403


SEEN: list[tuple[list[Any], str]] = [
    ([1, 2.5], "number"),
    (["1", "2.50"], "number"),
    (["01234", "99999"], "text"),
    ([True, False], "boolean"),
    (["2026-01-31"], "date"),
    ([1, "2026-01-31"], "text"),
    (["x" * 101], "text"),
]


@pytest.mark.parametrize(("values", "kind"), SEEN, ids=str)
def test_type_is_what_all_values_look_like(values: list[Any], kind: str, at_acme: Retailer) -> None:
    for number, value in enumerate(values):
        factories.customers(1, first=number, attributes={"it": value})
    seen = sightings.customers()["it"]
    assert (seen.type, seen.share) == (kind, 1.0)
    assert all(len(value) <= sightings.LONGEST_VALUE for value, _ in seen.values)


def test_an_old_estimate_of_how_many_there_are_hides_nobody(at_acme: Retailer) -> None:
    factories.customers(3, attributes={"tier": "gold"})
    with connection.cursor() as cursor:  # as after an import that was taken back
        cursor.execute("UPDATE pg_class SET reltuples = 1e8 WHERE oid = 'campaigns_customer'::regclass")
    assert sightings.customers()["tier"].share == 1
