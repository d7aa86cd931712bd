"""What providers tell afterwards becomes our word for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.channels.signals import Forged, Signal, SignalKind, Unreadable, WebhookRequest
from tests.channels.signed import CASES, CHANNELS, MAKE, SECRET, channel, svix, twilio


@pytest.mark.parametrize(("kind", "document", "expected", "is_hard"), CASES)
def test_an_event_becomes_our_word_for_it(kind: str, document: Any, expected: SignalKind, is_hard: bool) -> None:
    made, request = CHANNELS[kind](), MAKE[kind](document)
    made.verify(request)
    (signal,) = made.parse(request)
    assert (signal.kind, signal.is_hard) == (expected, is_hard)
    assert (signal.key, signal.provider_id, signal.recipient) == ("m1", "x1", "a@b.example")
    assert signal.event_id
    assert made.parse(request) == [signal]  # the same event has the same id, however often it comes
    assert bool(signal.url) == (expected == SignalKind.CLICK)


def test_a_gateway_s_own_words_are_read_as_its_account_says() -> None:
    settings = {
        "url": "https://sms.example/", "status_id_path": "report.id", "status_path": "report.state",
        "statuses": {"DELIVRD": "delivered", "REJECTD": "hard_bounce", "OPTOUT": "unsubscribe"},
    }  # fmt: skip
    made = channel("http_sms", settings, {"signing_secret": SECRET})
    found = {}
    for word in ("DELIVRD", "REJECTD", "OPTOUT", "ENROUTE"):
        request = svix({"report": {"id": 7, "state": word}}, "webhook")
        made.verify(request)
        (signal,) = made.parse(request)
        found[word] = (signal.kind.value, signal.is_hard, signal.provider_id)
    assert found == {
        "DELIVRD": ("delivered", False, "7"),
        "REJECTD": ("bounce", True, "7"),
        "OPTOUT": ("unsubscribe", False, "7"),
        "ENROUTE": ("unknown", False, "7"),
    }


def test_somebody_who_answers_stop_is_unsubscribed() -> None:
    made, request = (
        CHANNELS["twilio"](),
        twilio({"MessageSid": "x1", "OptOutType": "STOP", "From": "+491", "Body": "x"}),
    )
    made.verify(request)
    (signal,) = made.parse(request)
    assert (signal.kind, signal.recipient) == (SignalKind.UNSUBSCRIBE, "+491")


def test_what_somebody_writes_back_is_passed_on() -> None:
    made, fields = CHANNELS["twilio"](), {"MessageSid": "x1", "From": "+491", "Body": "Abmelden"}
    for more, words in (({}, "Abmelden"), ({"OptOutType": "START"}, "START")):
        (signal,) = made.parse(twilio(fields | more))
        assert (signal.kind, signal.recipient, signal.detail) == (SignalKind.REPLY, "+491", words)
    (signal,) = made.parse(twilio(fields | {"MessageStatus": "delivered"}))
    assert signal.kind == SignalKind.DELIVERED


REPLIES = {
    "url": "https://sms.example/", "reply_text_path": "message.text", "reply_sender_path": "message.from",
    "reply_id_path": "message.id",
}  # fmt: skip


def test_what_somebody_writes_back_by_a_gateway_stands_where_its_account_says() -> None:
    made, written = channel("http_sms", REPLIES, {"signing_secret": SECRET}), {"text": "STOP", "id": 7}
    for number, known in (("447700900123", "+447700900123"), ("+44 7700 900123", "+447700900123"),
                          ("00447700900123", "+447700900123"), (447700900123, "+447700900123"), ("60123", "60123"),
                          ("Shop", "Shop")):  # fmt: skip
        request = svix({"message": written | {"from": number}, "status": "received"}, "webhook")
        made.verify(request)
        (signal,) = made.parse(request)
        assert (signal.kind, signal.recipient, signal.detail) == (SignalKind.REPLY, known, "STOP")
        assert made.parse(request) == [signal]
    another = svix({"message": written | {"from": "60123", "id": 8}}, "webhook")
    assert made.parse(another)[0].event_id != signal.event_id
    report = svix({"message": written | {"from": "Shop"}, "id": "x1", "status": "delivered"}, "webhook")
    assert [each.kind for each in made.parse(report)] == [SignalKind.DELIVERED]  # which repeats what was sent
    with pytest.raises(Unreadable, match=r"in an answer, there is nothing at message\.from"):
        made.parse(svix({"message": written}, "webhook"))
    with pytest.raises(Forged):
        made.verify(WebhookRequest(request.body.replace(b"STOP", b"stop"), request.headers))


def test_an_answer_without_an_id_has_that_of_the_call_it_came_by() -> None:
    made = channel("http_sms", REPLIES | {"reply_id_path": ""}, {"signing_secret": SECRET})
    written: dict[str, set[str]] = {}
    for call in ("one", "two", "one"):
        request = svix({"message": {"text": "STOP", "from": "447700900123"}}, "webhook")
        told = made.parse(WebhookRequest(request.body, {**request.headers, "webhook-id": call}))
        written[call] = {*written.get(call, ()), told[0].event_id}
    assert [len(ids) for ids in written.values()] == [1, 1]
    assert written["one"] != written["two"]


def test_a_gateway_that_passes_no_answers_on_has_none() -> None:
    with pytest.raises(Unreadable):
        CHANNELS["http_sms"]().parse(svix({"message": {"text": "STOP", "from": "447700900123"}}, "webhook"))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["event", "event-data", "data", "signature", "RecordType", "type", "bounce", "tags", "to", "Message", "mail",
         "destination", "eventType", "Metadata", "user-variables", "id", "status", "Type", "timestamp"]),
        inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@pytest.mark.parametrize("kind", CHANNELS)
@given(document=JSON)
def test_whatever_comes_is_read_or_called_unreadable(kind: str, document: Any) -> None:
    body = json.dumps(document).encode()
    for request in (
        WebhookRequest(body, {}),
        WebhookRequest(json.dumps({"Type": "Notification", "Message": body.decode()}).encode(), {}),
    ):
        try:
            found = CHANNELS[kind]().parse(request)
        except Unreadable:
            continue
        assert all(isinstance(signal, Signal) for signal in found)
