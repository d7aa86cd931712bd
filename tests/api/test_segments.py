from __future__ import annotations

import pytest

from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem

LEEDS = {"attribute": "city", "eq": "Leeds"}


@pytest.fixture(autouse=True)
def _people(acme: Retailer) -> None:
    with context.in_retailer(acme):
        factories.customers(3)
        factories.customers(2, first=4, consent_email=False)
        factories.customers(1, first=6, city="Hull")


def make(api: Api, key: str, rule: object) -> None:
    assert api.post("segments/", {"key": key, "name": key, "rule": rule}).status_code == 201


def test_segment_is_made_read_changed_and_removed(api: Api) -> None:
    made = api.post("segments/", {"key": "leeds", "name": "Leeds", "rule": LEEDS})
    assert (made.status_code, made["Location"]) == (201, "/api/v1/segments/leeds/")
    assert api.get("segments/leeds/").json() == made.json()
    changed = api.patch("segments/leeds/", {"name": "People of Leeds"})
    assert (changed.json()["name"], changed.json()["rule"]) == ("People of Leeds", LEEDS)
    replaced = api.put("segments/leeds/", {"name": "Leeds", "rule": {"not": LEEDS}})
    assert (replaced.status_code, replaced.json()["rule"]) == (200, {"not": LEEDS})
    assert [row["key"] for row in api.get("segments/").json()["results"]] == ["leeds"]
    assert api.delete("segments/leeds/").status_code == 204
    assert problem(api.get("segments/leeds/"))[0] == 404


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"rule": {"atribute": "city", "eq": "Leeds"}}, ("rule", "rule_kind")),
        ({"rule": {"all": [{"attribute": "city", "eq": {"$ne": 1}}]}}, ("rule.all.0.eq", None)),
        ({"rule": {"segment": "nobody"}}, ("rule.segment", "unknown_segment")),
        ({"rule": {"segment": "leeds"}}, ("rule.segment", "circular")),
        ({"rule": "everybody"}, ("rule", "rule_kind")),
        ({"key": "Leeds!"}, ("key", "invalid")),
        ({"key": "LEEDS"}, ("key", "key")),
        ({"name": ""}, ("name", "blank")),
    ],
)
def test_segment_that_could_not_be_used_is_refused(api: Api, fields: dict[str, object], told: tuple[str, str]) -> None:
    response = api.post("segments/", {"key": "leeds", "name": "Leeds", "rule": LEEDS} | fields)
    status, errors = problem(response)
    assert status == 400
    assert errors[0][0].startswith(told[0])
    assert told[1] in (None, errors[0][1])
    assert api.get("segments/").json()["results"] == []


def test_key_is_unique_and_stays(api: Api) -> None:
    make(api, "leeds", LEEDS)
    assert problem(api.post("segments/", {"key": "leeds", "name": "L", "rule": LEEDS})) == (400, [("key", "unique")])
    assert problem(api.patch("segments/leeds/", {"key": "hull"})) == (400, [("key", "immutable")])


def test_circle_closed_by_a_change_is_refused_and_changes_nothing(api: Api) -> None:
    make(api, "a", LEEDS)
    make(api, "b", {"not": {"segment": "a"}})
    response = api.patch("segments/a/", {"rule": {"any": [{"segment": "b"}]}})
    assert problem(response) == (400, [("rule.segment", "circular")])
    assert api.get("segments/a/").json()["rule"] == LEEDS


def test_segment_in_use_stays(api: Api, acme: Retailer) -> None:
    make(api, "leeds", LEEDS)
    make(api, "others", {"not": {"segment": "leeds"}})
    with context.in_retailer(acme):
        factories.campaign("welcome", audience={"include": {"segment": "others"}})
    response = api.delete("segments/leeds/")
    assert problem(response) == (409, [("", "not_allowed")])
    assert "the segment “others”" in response.json()["detail"]
    assert "the campaign “Welcome” (welcome)" in api.delete("segments/others/").json()["detail"]


def test_preview_counts_matches_reach_and_shows_a_few(api: Api) -> None:
    expected = {"candidates": 5, "included": 3, "excluded": {"no_consent": 2}}
    previewed = api.post("segments/preview/", {"rule": LEEDS}).json()
    assert (previewed["count"], previewed["waterfall"]) == (5, expected)
    assert [person["external_id"] for person in previewed["sample"]] == ["c1", "c2", "c3", "c4", "c5"]
    make(api, "leeds", LEEDS)
    assert api.post("segments/leeds/preview/").json() == previewed
    assert api.post("segments/leeds/preview/", {"rule": {"not": LEEDS}}).json()["count"] == 1


def test_preview_names_what_is_wrong_with_a_rule(api: Api) -> None:
    response = api.post("segments/preview/", {"rule": {"any": [{"attribute": "city", "between": [1]}]}})
    assert problem(response)[1][0][0].startswith("rule.any.0.between")
    assert problem(api.post("segments/preview/", {}))[1][0][0] == "rule"
    assert problem(api.post("segments/preview/", {"rule": {"segment": "x"}})) == (
        400, [("rule.segment", "unknown_segment")]
    )  # fmt: skip
