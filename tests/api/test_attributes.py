from __future__ import annotations

from campaigns.models import AttributeDefinition
from delivery import pipeline
from tenants.accounts.models import AuditEntry
from tenants.models import Retailer
from tests.api.caller import Api


def test_an_attribute_is_declared_filled_in_described_and_taken_back(api: Api, at_acme: Retailer) -> None:
    api.post("customers/bulk/", [{"external_id": "c1", "attributes": {"tier": 5}}])

    made = api.post("attributes/", {"name": "tier", "type": "text", "description": "Of the club"})
    assert (made.status_code, made["Location"]) == (201, "/api/v1/attributes/tier/")
    told = made.json()
    assert (told["is_fast"], told["ready_at"]) == (False, None)

    pipeline.work(seconds=20, retailer=at_acme)
    told = api.get("attributes/tier/").json()
    assert (told["is_fast"], told["misfits"], told["type"]) == (True, 1, "text")
    assert [each["name"] for each in api.get("attributes/").json()["results"]] == ["tier"]

    changed = api.patch("attributes/tier/", {"description": "Of the loyalty club"})
    assert changed.json()["description"] == "Of the loyalty club"
    assert api.patch("attributes/tier/", {"type": "number"}).json()["errors"][0]["field"] == "type"

    assert api.delete("attributes/tier/").status_code == 204
    assert not AttributeDefinition.objects.exists()
    noted = AuditEntry.objects.filter(kind="attribute").order_by("pk").values_list("action", "key")
    assert list(noted) == [("declare", "tier"), ("describe", "tier"), ("remove", "tier")]


def test_what_cannot_be_declared_is_refused_field_by_field(api: Api) -> None:
    api.post("attributes/", {"name": "tier", "type": "text"})
    for body, field in [
        ({"name": "tier", "type": "text"}, "name"),
        ({"name": "email", "type": "text"}, "name"),
        ({"name": "x", "type": "colour"}, "type"),
        ({"name": "x"}, "type"),
    ]:
        answer = api.post("attributes/", body)
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_rows_with_a_value_of_another_type_are_rejected_alone(api: Api) -> None:
    api.post("attributes/", {"name": "points", "type": "number"})

    rows = [{"external_id": "c1", "attributes": {"points": "many"}}, {"external_id": "c2"}]
    told = api.post("customers/bulk/", rows).json()["results"]

    assert [each["status"] for each in told] == ["rejected", "created"]
    assert told[0]["errors"][0]["field"] == "attributes.points"
