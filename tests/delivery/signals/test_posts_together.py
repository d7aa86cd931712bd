"""Posts outside any transaction are answered early, and kept together; what is wrong goes the ordinary way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from delivery import folding, recording
from delivery.models import Message, Provider, RawSignal, Signal
from delivery.providers import accounts
from delivery.views import posts as early
from tenants import context
from tenants.models import AgendaItem, Retailer
from tests import statements
from tests.api.caller import problem
from tests.benchmarks import hits
from tests.delivery.signals import posts
from tests.delivery.signals.posts import event, post, signed

MESSAGES = 40


@pytest.fixture
def sent(live_retailer: Retailer, monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """Nothing is known yet, and on a busy machine too nobody goes the ordinary way because it took long."""
    monkeypatch.setattr(early, "_accounts", early._Accounts())
    monkeypatch.setattr(early, "REMEMBERED", 600.0)
    monkeypatch.setattr(recording, "PATIENCE", 60.0)
    numbers = hits.send(live_retailer, MESSAGES)
    context.enter(live_retailer)
    posts.provider()
    return [Message(pk=number) for number in numbers]


def delivered(retailer: Retailer, message: Message) -> bytes:
    return signed(event(retailer, message, "delivered", f"d{message.pk}"))


def test_a_post_asks_for_nothing_of_its_own(live_retailer: Retailer, sent: list[Message]) -> None:
    assert post(live_retailer, delivered(live_retailer, sent[0])).status_code == 200
    with CaptureQueriesContext(connection) as captured:
        answer = post(live_retailer, delivered(live_retailer, sent[1]))
    assert (answer.status_code, answer.content, answer["Content-Length"]) == (200, b"", "0")
    assert statements.of(captured) == []
    first, second = RawSignal.objects.order_by("pk")
    assert (first.provider, second.provider, second.state) == ("mailgun", "mailgun", "new")
    assert bytes(second.body).startswith(b'{"signature"')
    assert second.headers["content-type"] == "application/json"
    assert not {"authorization", "cookie"} & set(second.headers)
    assert second.url == f"http://{live_retailer.slug}.localhost/api/v1/signals/mailgun/"
    assert AgendaItem.objects.filter(retailer=live_retailer, kind=folding.AGENDA_KIND).count() == 1


def test_many_at_once_are_each_kept_and_folded(live_retailer: Retailer, sent: list[Message]) -> None:
    bodies = [delivered(live_retailer, message) for message in sent] * 3

    def ask(body: bytes) -> int:
        try:
            return int(post(live_retailer, body).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, bodies)) == {200}
    assert RawSignal.objects.count() >= len(bodies)
    while folding.advance(live_retailer, now=timezone.now()):
        pass
    assert Signal.objects.count() == MESSAGES
    assert set(Message.objects.values_list("state", flat=True)) == {"delivered"}


def test_what_is_forged_or_nobody_s_leaves_nothing(
    live_retailer: Retailer, globex: Retailer, sent: list[Message]
) -> None:
    good = delivered(live_retailer, sent[0])
    assert post(live_retailer, good).status_code == 200
    document = event(live_retailer, sent[1], "delivered", "d")
    for body in (signed(document, key="guessed"), b"", b"[]", b"\xff"):
        assert post(live_retailer, body).status_code == 403, body
    assert post(live_retailer, good, key="nobody").status_code == 404
    assert post(globex, good).status_code == 404
    assert post(live_retailer, b" " * (2 * 1024 * 1024 + 1)).status_code == 413
    assert RawSignal.objects.count() == 1


@pytest.mark.parametrize("length", ["many", "-1", "1.5", "0x10", "٣", "1 2"])
def test_a_length_that_is_no_number_is_named(live_retailer: Retailer, sent: list[Message], length: str) -> None:
    answer = post(live_retailer, signed(event(live_retailer, sent[0], "delivered", "d")), CONTENT_LENGTH=length)
    assert problem(answer) == (400, [("Content-Length", "invalid")])
    assert not RawSignal.objects.exists()


def test_a_new_key_counts_at_once(live_retailer: Retailer, sent: list[Message]) -> None:
    assert post(live_retailer, delivered(live_retailer, sent[0])).status_code == 200
    accounts.save({"credentials": {"signing_key": "another", "api_key": "k"}}, Provider.objects.get(key="mailgun"))
    document = event(live_retailer, sent[1], "delivered", "d")
    assert post(live_retailer, signed(document, key="another")).status_code == 200
    assert RawSignal.objects.count() == 2
