"""Messages whose outcome nobody knows, by API."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from campaigns.models import Run
from delivery import pipeline
from delivery.models import Message
from tenants import context
from tenants.accounts.models import AuditEntry
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem

LOST = "handed over, but no answer came: timed out"


@pytest.fixture
def path(api: Api, acme: Retailer, settings: Settings) -> str:
    """Of a run of five, where nobody knows about three."""
    settings.EMAIL_URL = "memory://unknowns"
    with context.in_retailer(acme):
        factories.customers(5)
        factories.campaign("welcome")
    number = api.post("campaigns/welcome/launch/").json()["id"]
    pipeline.work(seconds=20, retailer=acme)
    with context.in_retailer(acme):
        ids = list(Message.objects.order_by("pk").values_list("pk", flat=True)[:3])
        Message.objects.filter(pk__in=ids).update(state="unknown", reason=LOST)
    return f"runs/{number}/unknowns/"


def test_they_are_listed_and_counted_by_cause(api: Api, path: str) -> None:
    listed = api.get(path).json()["results"]
    assert [each["external_id"] for each in listed] == ["c1", "c2", "c3"]
    assert {(each["reason"], each["looked_into_at"], each["provider"]) for each in listed} == {(LOST, None, "memory")}
    assert len(api.get(f"{path}?cause=another").json()["results"]) == 0
    assert len(api.get(f"{path}?cause={LOST}").json()["results"]) == 3
    (cause,) = api.get(f"{path}causes/").json()["results"]
    assert (cause["reason"], cause["count"], cause["looked_into"]) == (LOST, 3, 0)


def test_they_are_settled_by_name_and_all_together(api: Api, acme: Retailer, path: str) -> None:
    first = api.get(path).json()["results"][0]["id"]
    said = api.post(f"{path}resolve/", {"as": "sent", "messages": [first], "reason": "in the relay's log"})
    assert (said.status_code, said.json()) == (200, {"resolved": 1})
    assert api.post(f"{path}resolve/", {"as": "not_sent", "all": True}).json() == {"resolved": 2}
    assert api.get(path.removesuffix("unknowns/")).json()["states"] == {"accepted": 3, "failed": 2}
    with context.in_retailer(acme):
        entry = AuditEntry.objects.filter(action="resolve").earliest("pk")
        assert (entry.door, entry.reason) == ("api", "in the relay's log")


def test_what_cannot_be_decided_names_the_field(api: Api, acme: Retailer, path: str) -> None:
    for body, field in (
        ({"as": "eaten", "all": True}, "as"),
        ({"as": "sent"}, "messages"),
        ({"as": "sent", "all": True, "cause": LOST}, "messages"),
        ({"as": "sent", "messages": ["7"]}, "messages.0"),
        ({"as": "sent", "messages": []}, "messages"),
        ({"as": "sent", "cause": "another"}, "cause"),
    ):
        status, errors = problem(api.post(f"{path}resolve/", body))
        assert (status, errors[0][0]) == (400, field), body
    with context.in_retailer(acme):
        Run.objects.update(state=Run.State.CANCELLED)
    assert problem(api.post(f"{path}resolve/", {"as": "resend", "all": True})) == (409, [("", "not_allowed")])


def test_sending_again_is_carried_out_by_workers(api: Api, acme: Retailer, path: str) -> None:
    assert api.post(f"{path}resolve/", {"as": "resend", "cause": LOST}, idempotency_key="once").json() == {
        "resolved": 3
    }
    again = api.post(f"{path}resolve/", {"as": "resend", "cause": LOST}, idempotency_key="once")
    assert again["Idempotent-Replay"] == "true"
    pipeline.work(seconds=20, retailer=acme)
    assert api.get(path.removesuffix("unknowns/")).json()["states"] == {"accepted": 5}
    assert problem(api.get("runs/0/unknowns/causes/"))[0] == 404
