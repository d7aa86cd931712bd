"""Approval by API: asked for, given by somebody else, or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem

PATH = "campaigns/welcome/"


@pytest.fixture
def author(api_of: Callable[..., Api], acme: Retailer, settings: Settings) -> Api:
    """Whoever wrote the campaign, at a retailer whose policy asks for approval."""
    settings.EMAIL_URL = "memory://reviews"
    with context.in_retailer(acme):
        factories.template()
        factories.customers(3)
    author = api_of(acme)
    assert author.put("policy/", {"approval": True}).status_code == 200
    assert author.post("campaigns/", factories.config("welcome")).status_code == 201
    return author


@pytest.fixture
def approver(api_of: Callable[..., Api], acme: Retailer) -> Api:
    return api_of(acme)


def refusal(response: Any) -> str:
    assert problem(response) == (409, [("", "not_allowed")])
    return str(response.json()["detail"])


def test_draft_is_submitted_approved_by_another_and_published(author: Api, approver: Api) -> None:
    assert "asks for approval" in refusal(author.post(f"{PATH}publish/"))
    assert "asks for approval" in refusal(author.post(f"{PATH}launch/"))
    submitted = author.post(f"{PATH}submit/", {"note": "For Monday"}).json()
    assert (submitted["verdict"], submitted["note"], submitted["draft_number"]) == ("pending", "For Monday", 1)
    assert author.get(PATH).json()["state"] == "in_review"
    assert "somebody else" in refusal(author.post(f"{PATH}approve/"))
    approved = approver.post(f"{PATH}approve/", {"answer": "Fine"}, if_match='"1"').json()
    assert (approved["verdict"], approved["answer"]) == ("approved", "Fine")
    assert author.get(PATH).json()["state"] == "approved"
    assert author.post(f"{PATH}publish/").json()["approved_by"] == "API key test"
    assert author.post(f"{PATH}launch/").status_code == 202


def test_change_after_approval_needs_another(author: Api, approver: Api) -> None:
    author.post(f"{PATH}submit/")
    approver.post(f"{PATH}approve/")
    author.patch(PATH, {"name": "Good day"})
    assert author.get(PATH).json()["state"] == "draft"
    refusal(author.post(f"{PATH}publish/"))
    assert "not under review" in refusal(approver.post(f"{PATH}approve/"))


def test_template_changed_meanwhile_is_not_approved_unseen(author: Api, approver: Api) -> None:
    author.post(f"{PATH}submit/")
    author.patch("templates/hello/", {"subject": "Something else"})
    author.post("templates/hello/publish/")
    assert "changed meanwhile" in refusal(approver.post(f"{PATH}approve/"))


def test_draft_is_sent_back_with_an_answer_and_all_is_listed(author: Api, approver: Api) -> None:
    author.post(f"{PATH}submit/", {"note": "one"})
    approver.post(f"{PATH}send-back/", {"answer": "Too loud"})
    assert author.get(PATH).json()["state"] == "draft"
    author.post(f"{PATH}submit/", {"note": "two"})
    listed = author.get(f"{PATH}reviews/").json()["results"]
    assert [(each["note"], each["verdict"], each["answer"]) for each in listed] == [
        ("two", "pending", ""), ("one", "rejected", "Too loud")
    ]  # fmt: skip


def test_nothing_is_approved_or_sent_back_that_nobody_submitted(author: Api, approver: Api) -> None:
    for verb in ("approve", "send-back"):
        assert "submit it first" in refusal(approver.post(f"{PATH}{verb}/"))


def test_draft_that_could_not_be_published_is_not_submitted(author: Api) -> None:
    author.patch(PATH, {"steps": [{"key": "first", "channel": "email", "template": "nothing"}]})
    assert problem(author.post(f"{PATH}submit/")) == (400, [("steps.0.template", "unknown")])


def test_note_too_long_is_refused(author: Api) -> None:
    assert problem(author.post(f"{PATH}submit/", {"note": "x" * 501})) == (400, [("note", "max_length")])
