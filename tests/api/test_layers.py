"""What lies below a campaign, by API: policy, defaults, and a campaign resolved through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from campaigns import policies
from tenants import context
from tenants.models import Group, Retailer
from tests import factories
from tests.api.caller import Api, problem, sound


@pytest.fixture
def above(acme: Retailer) -> None:
    """Something said by the platform and by the group of Acme."""
    group = Group.objects.create(key="grocers", name="Grocers")
    acme.group = group
    acme.save(update_fields=["group"])
    policies.save(None, policy={"min_holdout": 0.05}, defaults={"topic": "news", "timing": {"expire_after": "1d"}})
    policies.save(group, policy={"min_holdout": 0.1, "channels": ["email", "sms"]}, defaults={"topic": "offers"})


def test_policy_tells_what_is_in_force_and_who_says_so(api: Api, above: None) -> None:
    response = api.get("policy/")
    assert response["ETag"] == '"0"'
    assert response.json() == {
        "effective": {"channels": ["email", "sms"], "min_holdout": 0.1},
        "sources": {
            "channels": [{"source": "group grocers", "words": "only email, sms"}],
            "min_holdout": [
                {"source": "platform", "words": "at least 5 %"}, {"source": "group grocers", "words": "at least 10 %"}
            ],
        },
        "own": {},
        "number": 0,
    }  # fmt: skip


def test_retailer_tightens_its_policy_and_cannot_loosen_it(api: Api, above: None) -> None:
    tightened = api.put("policy/", {"min_holdout": 0.2, "approval": True}, if_match='"0"')
    assert (tightened.status_code, tightened["ETag"]) == (200, '"1"')
    assert tightened.json() == api.get("policy/").json()
    assert tightened.json()["effective"] == {"approval": True, "channels": ["email", "sms"], "min_holdout": 0.2}
    assert (tightened.json()["own"], tightened.json()["number"]) == ({"approval": True, "min_holdout": 0.2}, 1)
    refused = api.put("policy/", {"channels": ["email", "push"], "min_holdout": 0.01})
    assert problem(refused) == (400, [("channels", "loosened"), ("min_holdout", "loosened")])
    assert api.get("policy/").json() == tightened.json()


def test_defaults_are_told_by_field_and_set_by_the_retailer(api: Api, above: None) -> None:
    told = api.get("defaults/").json()
    assert told["effective"] == {"topic": "offers", "timing": {"expire_after": "1d"}}
    assert told["sources"] == {"topic": "group grocers", "timing.expire_after": "platform"}
    own = {"topic": "ours", "audience": {"holdout": 0.1}}
    changed = api.put("defaults/", own, if_match='"0"')
    assert (changed.json()["own"], changed["ETag"]) == (own, '"1"')
    assert changed.json()["effective"] == {"timing": {"expire_after": "1d"}, **own}
    assert changed.json()["sources"]["audience.holdout"] == "retailer"


@pytest.mark.parametrize(("path", "good"), [("policy/", {"min_holdout": 0.2}), ("defaults/", {"topic": "ours"})])
def test_change_to_what_moved_on_is_refused(api: Api, above: None, path: str, good: dict[str, Any]) -> None:
    api.put(path, good)
    assert problem(api.put(path, {}, if_match='"0"')) == (412, [("", "changed_meanwhile")])
    assert api.get(path).json()["own"] == good
    assert api.put(path, {}, if_match='"1"').json()["own"] == {}


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("policy/", {"channels": []}, ("", "value_error")),
        ("policy/", {"colour": 1}, ("colour", "extra_forbidden")),
        ("policy/", [], ("", "invalid")),
        ("defaults/", {"steps": []}, ("steps", "extra_forbidden")),
        ("defaults/", {"timing": {"expire_after": "soon"}}, ("timing.expire_after", "value_error")),
        ("defaults/", None, ("", "invalid")),
    ],
)
def test_what_is_no_policy_and_no_defaults_is_refused_by_field(
    api: Api, path: str, body: Any, expected: tuple[str, str]
) -> None:
    response = api.call("PUT", path, b"null" if body is None else body)
    assert problem(response) == (400, [expected])


def test_one_retailers_saying_is_not_anothers(api: Api, globex: Retailer, api_of: Callable[..., Api]) -> None:
    api.put("policy/", {"min_holdout": 0.5})
    assert api_of(globex).get("policy/").json()["effective"] == {}


def test_sparse_campaign_is_whole_when_resolved_and_runs_as_such(api: Api, acme: Retailer, above: None) -> None:
    with context.in_retailer(acme):
        factories.template()
        factories.customers(3)
    api.put("defaults/", {"audience": {"holdout": 0.2, "exclude": {"attribute": "city", "eq": "Leeds"}}})
    draft = api.post("campaigns/", factories.config("welcome")).json()
    assert "topic" not in draft
    assert draft["audience"] == {"include": {"all": []}}
    response = api.get("campaigns/welcome/resolved/")
    resolved = response.json()
    assert response["ETag"] == '"1"'
    assert resolved["config"]["topic"] == "offers"
    assert resolved["config"]["audience"]["holdout"] == 0.2
    told = {name: resolved["provenance"][name] for name in ("topic", "audience.holdout", "trigger", "timing.mode")}
    assert told == {
        "topic": "group grocers", "audience.holdout": "retailer", "trigger": "campaign", "timing.mode": "built in"
    }  # fmt: skip
    assert resolved["policy"] == api.get("policy/").json()["sources"]
    assert sound(api, "welcome") == ["postal_address", "preheader", "spam_words"]
    preflight = api.get("campaigns/welcome/preflight/").json()
    assert (preflight["candidates"], preflight["included"]) == (3, 0)  # all are in Leeds, which the defaults leave out
    version = api.post("campaigns/welcome/publish/").json()
    assert version["config"] == resolved["config"]
    assert "topic" not in version["draft"]
