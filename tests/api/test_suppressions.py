from __future__ import annotations

from tests.api.caller import Api, problem


def test_address_is_put_on_the_list_once_and_taken_off(api: Api) -> None:
    added = api.post("suppressions/", {"channel": "email", "address": "Ana@Example.test", "reason": "complaint"})
    assert added.status_code == 201
    assert (added.json()["address"], added.json()["source"]) == ("ana@example.test", "API key test")
    again = api.post("suppressions/", {"address": "ana@example.test"})
    assert (again.status_code, again.json()) == (200, added.json())
    assert api.get("suppressions/").json()["results"] == [added.json()]
    assert api.delete("suppressions/?channel=email&address=ANA@example.test").status_code == 204
    assert problem(api.delete("suppressions/", {"address": "ana@example.test"}))[0] == 404


def test_body_may_name_the_address_to_take_off(api: Api) -> None:
    api.post("suppressions/", {"channel": "sms", "address": "+44 20 7183 8750"})
    assert api.get("suppressions/").json()["results"][0]["address"] == "+442071838750"
    assert api.delete("suppressions/", {"channel": "sms", "address": "+442071838750"}).status_code == 204


def test_list_is_filtered(api: Api) -> None:
    for address in ("a@example.test", "b@example.test"):
        api.post("suppressions/", {"address": address})
    [row] = api.get("suppressions/?address=B@example.test").json()["results"]
    assert row["address"] == "b@example.test"
    assert api.get("suppressions/?channel=push").json()["results"] == []


def test_bad_address_channel_or_reason_is_named(api: Api) -> None:
    assert problem(api.post("suppressions/", {"address": "nobody"})) == (400, [("address", "invalid")])
    assert problem(api.post("suppressions/", {})) == (400, [("address", "required")])
    assert problem(api.post("suppressions/", {"address": "a@example.test", "channel": "fax", "reason": "because"})) == (
        400, [("channel", "invalid_choice"), ("reason", "invalid_choice")]
    )  # fmt: skip
    assert problem(api.delete("suppressions/")) == (400, [("address", "required")])
