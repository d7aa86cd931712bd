"""A template that eats time or memory harms nobody where it is saved, previewed, published and launched with.

None is known that gets past the language's bounds, so the children are ones that do what such a template would.
"""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from campaigns import converting, examination
from campaigns.confinement import MEMORY as BOUND
from campaigns.confinement import Children
from campaigns.models import Template
from delivery import confined
from delivery.channels.memory import MemoryChannel
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem
from tests.greedy_child import MEMORY, TIME

WORDS = {TIME: "takes longer than 1 seconds", MEMORY: "needs more than 256 MB"}
BOTH = pytest.mark.parametrize("what", [TIME, MEMORY])


@pytest.fixture
def greedy(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on, what says that it eats time or memory does."""

    def begin() -> None:
        children = Children("tests.greedy_child")
        monkeypatch.setattr(examination, "SECONDS", 1)
        for module in (examination, confined):
            monkeypatch.setattr(module, "_children", children)

    return begin


@pytest.fixture
def api(acme: Retailer, api_key: Callable[..., str]) -> Api:
    return Api(acme, api_key(acme))


def written(what: str, **more: Any) -> dict[str, Any]:
    return {"key": "greedy", "name": "Greedy", "subject": "Hi", "html": f"<p>It {what}</p>{factories.OUT}", **more}


@contextmanager
def unharmed() -> Iterator[None]:
    """This process, which serves the web, takes neither time nor memory of it; and a sibling is answered meanwhile."""
    over, answered = threading.Event(), list[int]()

    def visit() -> None:
        sibling = Client(headers={"host": "globex.localhost"})
        try:
            while not answered or not over.wait(0.05):
                answered.append(sibling.get("/admin/login/").status_code)
        finally:
            connection.close()

    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    begun = time.thread_time()
    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        yield
    finally:
        over.set()
        visitor.join()
    assert time.thread_time() - begun < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - held < BOUND / 2
    assert set(answered) == {200}


def told(answer: Any, what: str) -> list[tuple[str, str]]:
    status, errors = problem(answer)
    assert status == 400
    assert WORDS[what] in answer.content.decode()
    return errors


@BOTH
def test_saving_is_refused_and_nothing_is_saved(
    what: str, api: Api, acme: Retailer, greedy: Callable[[], None]
) -> None:
    greedy()
    with unharmed():
        answer = api.post("templates/", written(what))
    assert told(answer, what) == [("html", "too_much")]
    with context.in_retailer(acme):
        assert not Template.objects.exists()
    assert api.post("templates/", written("is friendly")).status_code == 201


@BOTH
def test_publishing_is_refused_and_what_is_live_stays(what: str, api: Api, greedy: Callable[[], None]) -> None:
    assert api.post("templates/", written("is friendly")).status_code == 201
    assert api.post("templates/greedy/publish/").status_code == 200
    assert api.patch("templates/greedy/", {"html": written(what)["html"]}).status_code == 200
    greedy()
    with unharmed():
        answer = api.post("templates/greedy/publish/")
    assert told(answer, what) == [("html", "too_much")]
    assert api.get("templates/greedy/").json()["live_version"] == 1


@BOTH
@pytest.mark.parametrize("place", ["steps.0.variants.0.content", "steps.0.template"])
def test_a_campaign_that_says_it_is_neither_submitted_nor_published_nor_launched(
    place: str, what: str, api: Api, acme: Retailer, greedy: Callable[[], None], outbox: MemoryChannel
) -> None:
    """Where its sources are read, and where they are rendered and looked at: of those alone a campaign's name is."""
    name, subject = ("Welcome", f"It {what}") if "variants" in place else (f"It {what}", "Hi")
    with context.in_retailer(acme):
        factories.customers(3)
        variants = [{"key": "a", "subject": subject}]
        steps = [{"key": "first", "channel": "email", "template": "hello", "variants": variants}]
        factories.campaign(name=name, steps=steps)
    greedy()
    for door in ("submit", "publish", "launch", "preflight"):
        with unharmed():
            answer = api.post(f"campaigns/welcome/{door}/")
        assert told(answer, what) == [(place, "too_much")], door
    verdict = api.post("campaigns/welcome/validate/").json()
    assert [error["code"] for error in verdict["errors"]] == ["too_much"]
    assert api.get("campaigns/welcome/").json()["state"] == "draft"


def test_text_messages_are_gone_through_apart_too(api: Api, greedy: Callable[[], None]) -> None:
    greedy()
    with unharmed():
        answer = api.post("templates/", {"key": "text", "name": "Text", "channel": "sms", "text": f"It {TIME}"})
    assert told(answer, TIME) == [("text", "too_much")]


def test_a_conversion_that_takes_long_is_ended(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converting, "SECONDS", 1)
    opened = "{{" * 100_000  # each of them may be the beginning of a tag that ends far behind
    with unharmed():
        answer = api.post("templates/convert/", {"source": opened})
    assert answer.json()["source"] == opened
    [left] = answer.json()["problems"]
    assert "takes longer than" in left["message"]
    assert api.post("templates/convert/", {"source": "{{ customer.name }}"}).status_code == 200


@BOTH
def test_a_preview_says_so(what: str, api: Api, greedy: Callable[[], None]) -> None:
    assert api.post("templates/", written(what)).status_code == 201
    greedy()
    with unharmed():
        answer = api.post("templates/greedy/preview/")
    assert WORDS[what].split(" than ")[0] in answer.content.decode()


def test_what_a_template_says_over_a_base_is_gone_through_apart_too(
    api: Api, acme: Retailer, greedy: Callable[[], None]
) -> None:
    factories.base()
    over = {"key": "over", "name": "Over", "base": "standard", "slots": {"headline": f"It {TIME}"}}
    greedy()
    with unharmed():
        answer = api.post("templates/", over)
    assert told(answer, TIME) == [("slots", "too_much")]


def test_a_preflight_goes_on_to_the_others_where_one_persons_message_is_too_much(
    api: Api, acme: Retailer, greedy: Callable[[], None]
) -> None:
    with context.in_retailer(acme):
        factories.customers(3)
        factories.customers(1, first=9, first_name=f"It {TIME}")
        factories.campaign()
    greedy()
    with unharmed():
        told = api.post("campaigns/welcome/preflight/").json()
    [error] = told["sample"]["errors"]
    assert "takes longer than 2 seconds" in error["problem"]
    assert told["included"] == 4
