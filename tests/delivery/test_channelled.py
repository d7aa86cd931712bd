"""Values of all kinds in an SMS, a notification and a webhook: they stay values, whatever they hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import channelled as said
from campaigns import sms
from campaigns.config.texting import Texting
from delivery.channelled import Speaker
from delivery.channels.base import Content, PushContent, SmsContent, WebhookContent
from delivery.rendering import RenderError

NASTY = st.sampled_from(
    ['"', '", "admin": true, "x": "', "\\", "{{ customer.email }}", "{% if %}", "<script>alert(1)</script>", "\r\nSTOP",
     "\u202egnp.exe", "\u2028", "javascript:alert(1)", "https://x.test/#", "\x00", "😀" * 40, "{0}", "%s", "${x}"]
)  # fmt: skip
UNSEEN = {chr(code) for code in range(32)} | set("\x7f\x85\u200f\u2028\u202e\u2066\ufeff")
VALUES = st.lists(st.one_of(NASTY, st.text(max_size=30)), min_size=1, max_size=4).map("".join)


def spoken(channel: str, value: str, **document: Any) -> Content | None:
    """What somebody whose city is that value reads; None where their message fails."""
    person = {"city": value, "external_id": "c1", "email": "secret@example.test"}
    try:
        return Speaker({"channel": channel, **document}, Texting()).render({"customer": person, "content": {}})
    except RenderError:
        return None


@given(VALUES)
def test_json_keeps_its_shape_and_every_value_as_it_is(value: str) -> None:
    document = {"html": "{{ customer.city }}", "in": [{"a": "x {{ customer.city }} y"}, 1, None], "id": "fixed"}
    made = spoken("webhook", value, payload=document)
    if made is None:
        assert not value.strip()
        return
    assert isinstance(made, WebhookContent)
    assert made.body == {"html": value, "in": [{"a": f"x {value} y"}, 1, None], "id": "fixed"}
    assert json.loads(json.dumps(made.body)) == made.body


@given(VALUES)
def test_an_sms_says_how_to_stop_within_its_bounds(value: str) -> None:
    made = spoken("sms", value, text="To {{ customer.city }}!")
    if made is None:
        return
    assert isinstance(made, SmsContent)
    assert 1 <= sms.measure(made.text).segments <= sms.MAX_SEGMENTS
    assert sms.with_stop_line(made.text, sms.STOP_LINE) == made.text
    assert "secret@" not in made.text
    assert not set(made.text) & (UNSEEN - {"\n"})


@pytest.mark.parametrize(
    ("text", "city", "lines"),
    [
        ("Sale in {{ customer.city }}", "Leeds. Reply STOP to opt out", 2),
        ("Text {{ customer.city }} STOP", "us", 1),
        ("Sale in {{ customer.city }}. Reply STOP to end", "Leeds", 0),
        ("{% if customer.city == 'York' %}Reply STOP to end{% endif %}Sale", "Leeds", 1),
    ],
)
def test_what_a_person_is_called_does_not_take_the_place_of_the_stop_line(text: str, city: str, lines: int) -> None:
    made = spoken("sms", city, text=text)
    assert isinstance(made, SmsContent)
    assert made.text.count("Reply STOP to opt out") == lines


@given(
    VALUES, st.sampled_from(["{{ customer.city }}", "https://x.test/{{ customer.city }}", "shop://{{ customer.city }}"])
)
def test_a_notification_leads_to_the_web_or_to_an_app(value: str, link: str) -> None:
    payload = {
        "link": link,
        "image": link,
        "collapse_id": "{{ customer.city }}",
        "data": {"city": "{{ customer.city }}"},
    }
    made = spoken("push", value, subject="In {{ customer.city }}", text="Hi", payload=payload)
    if made is None:
        return
    assert isinstance(made, PushContent)
    assert not set(made.title) & UNSEEN
    assert not set(made.link + made.image) & (UNSEEN | {" "})
    assert made.image.startswith("https://")
    assert made.link.startswith(("https://", "shop://")) or said.is_app_link(made.link)
    assert not made.link.lower().startswith(("javascript:", "data:", "file:", "http:"))
    assert len(made.collapse_id.encode()) <= said.COLLAPSE_BYTES
    assert "secret@" not in repr(made)


@given(st.text(max_size=40))
def test_what_is_an_apps_link_names_no_scheme_that_runs(text: str) -> None:
    for scheme in ("javascript", "JavaScript", "data", "vbscript", "file", "http", "blob"):
        assert not said.is_app_link(f"{scheme}://{text}")
        assert not said.is_web_link(f"{scheme}:{text}")
