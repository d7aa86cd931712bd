"""Templates of SMS, push and webhooks: what keeps them from being published, each at its field and with its cure."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns import channelled, content
from campaigns.models import Template


def template(channel: str, **fields: Any) -> Template:
    said: dict[str, dict[str, Any]] = {
        "sms": {"text": "Hi {{ customer.first_name | default('there') }}"},
        "push": {"subject": "Hello", "text": "Look at {{ content.offer | default('this') }}"},
        "webhook": {"payload": {"who": "{{ customer.external_id }}", "points": 3}},
    }
    return Template(key="x", name="X", channel=channel, **(said[channel] | fields))


@pytest.mark.parametrize("channel", channelled.CHANNELS)
def test_a_plain_one_is_fine(channel: str) -> None:
    assert content.check(template(channel)) == []


@pytest.mark.parametrize(
    ("channel", "fields", "field", "words"),
    [
        ("sms", {"text": " "}, "text", "needs a text"),
        ("sms", {"text": "Hi {{ customer.firstname }}"}, "text", "line 1, column 7: customer.firstname is unknown"),
        ("sms", {"text": "a" * 1531}, "text", "11 parts; at most 10"),
        ("sms", {"html": "<p>Hi</p>"}, "html", "an SMS has no HTML"),
        ("sms", {"subject": "Hi"}, "subject", "an SMS has no subject"),
        ("sms", {"preheader": "Hi"}, "preheader", "an SMS has no preview text"),
        ("sms", {"base": "house"}, "base", "an SMS has no base"),
        ("sms", {"text": "Out: {{ unsubscribe_url }}"}, "text", "for e-mails alone; people reply STOP"),
        ("sms", {"payload": {"link": "https://x.test"}}, "payload.link", "unknown here"),
        ("push", {"subject": ""}, "subject", "needs a title"),
        ("push", {"subject": "a\nb"}, "subject", "one line"),
        ("push", {"text": ""}, "text", "needs a body"),
        ("push", {"text": "{% include 'x' %}"}, "text", "line 1"),
        ("push", {"text": "a" * 4001}, "text", "a notification holds 4000"),
        ("push", {"text": "{{ preferences_url }}"}, "text", "turn it off on their device"),
        ("push", {"payload": {"image": "http://x.test/a.png"}}, "payload.image", "https://"),
        ("push", {"payload": {"link": "javascript:alert(1)"}}, "payload.link", "shop://basket"),
        ("push", {"payload": {"link": "http://x.test"}}, "payload.link", "https://"),
        ("push", {"payload": {"link": "file:///etc/passwd"}}, "payload.link", "https://"),
        ("push", {"payload": {"link": "https://x.test/{{ nobody }}"}}, "payload.link", "nobody is unknown"),
        ("push", {"payload": {"collapse_id": "é" * 33}}, "payload.collapse_id", "64 bytes"),
        ("push", {"payload": {"data": {"from": "x"}}}, "payload.data.from", "kept for the push service"),
        ("push", {"payload": {"data": {"a": 1}}}, "payload.data.a", "string"),
        ("webhook", {"payload": {}}, "payload", "JSON object"),
        ("webhook", {"text": "Hi"}, "text", "the JSON of its payload"),
        ("webhook", {"payload": {"a": [{"b": "{{ nobody }}"}]}}, "payload.a.0.b", "line 1, column 4: nobody"),
        ("webhook", {"payload": {"{{ customer.email }}": 1}}, "payload.{{ customer.email }}", "only values"),
        ("webhook", {"payload": {"a": "x" * 65_600}}, "payload", "64 KB"),
        ("webhook", {"payload": {"a": "{{ unsubscribe_url }}"}}, "payload.a", "take it out"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(channel: str, fields: dict[str, Any], field: str, words: str) -> None:
    problems = content.check(template(channel, **fields))
    assert any(problem.field == field and words in problem.message for problem in problems), problems


def test_depth_of_a_webhook_is_bounded() -> None:
    document: Any = "leaf"
    for _ in range(channelled.WEBHOOK_DEPTH):
        document = {"a": document}
    assert content.check(template("webhook", payload=document)) == []
    [problem] = content.check(template("webhook", payload={"a": document}))
    assert (problem.field, problem.code) == ("payload", "too_deep")


@pytest.mark.parametrize("link", ["shop://basket", "https://x.test/{{ customer.external_id }}", "{{ content.link }}",
                                  "shop://p/{{ content.sku }}"])  # fmt: skip
def test_links_into_an_app_and_links_that_are_told_apart_later_are_fine(link: str) -> None:
    assert content.check(template("push", payload={"link": link})) == []


def test_what_only_some_read_does_not_count_against_the_size() -> None:
    source = "{% if customer.city == 'Rome' %}" + "a" * 1000 + "{% else %}" + "b" * 1000 + "{% endif %}"
    assert content.check(template("sms", text=source)) == []


def test_every_language_is_checked() -> None:
    told = template("sms", translations={"fr": {"text": "Salut {{ nom }}"}, "de": {"text": "Hallo"}})
    [problem] = content.check(told)
    assert (problem.field, problem.message[:24]) == ("translations.fr.text", "line 1, column 10: nom i")
    told = template("sms", translations={"fr": {"html": "<p>Salut</p>"}})
    assert [problem.field for problem in content.check(told)] == ["translations.fr.html"]


def test_somebody_reads_their_language_or_the_first() -> None:
    document = {"channel": "sms", "text": "Hello", "translations": {"fr": {"text": "Salut"}, "pt-BR": {"text": "Oi"}}}
    spoken = {locale: channelled.in_language(document, locale).text for locale in ("fr-CA", "fr_CA", "pt-BR", "pt", "")}
    assert spoken == {"fr-CA": "Salut", "fr_CA": "Salut", "pt-BR": "Oi", "pt": "Hello", "": "Hello"}


def test_values_of_a_json_document_are_replaced_in_place() -> None:
    document = {"a": ["x", 1, None, {"b": "y"}], "a.0": "z"}
    texts = {path: text.upper() for path, text in channelled.leaves(document)}
    assert channelled.filled(document, texts) == {"a": ["X", 1, None, {"b": "Y"}], "a.0": "Z"}
