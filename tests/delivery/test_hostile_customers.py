"""Whatever customers are called, their mails are mails: the same headers, nothing run, nothing read twice."""

from __future__ import annotations

import email.policy
import re
from datetime import UTC, datetime
from email.parser import BytesParser
from html.parser import HTMLParser
from typing import Any

import pytest

from delivery.channels.base import Envelope, Outbound
from delivery.channels.email.mime import Skeleton
from delivery.rendering import Content, Renderer, RenderError
from tests.delivery.hostile_people import NUMBER, hostile

TEMPLATE = Content(
    "Hello {{ customer.first_name }}, news for {{ customer.city }}",
    """<html><head><title>{{ customer.first_name }}</title></head><body><p title="{{ customer.first_name }}">{{ customer.first_name }}
<a href="{{ customer.attributes.page }}" style="color:{{ customer.attributes.colour }}">{{ customer.last_name }}</a>
<a href='https://acme.example/?who={{ customer.external_id }}'>x</a><img src="{{ customer.attributes.page }}" alt='{{ customer.city }}'></body></html>""",
    "Hello {{ customer.first_name }} {{ customer.last_name }} of {{ customer.city }}",
)  # fmt: skip
HARMLESS = {
    "external_id": "c1", "first_name": "Ana", "last_name": "Smith", "city": "Leeds", "attributes": {"page": "https://acme.example/", "colour": "red"}
}  # fmt: skip


class Page(HTMLParser):
    """Tags, attributes and where links lead, as a browser finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.shape: list[tuple[str, ...]] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, *(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def sent(customer: dict[str, Any]) -> tuple[list[str], Page, str, Any]:
    rendered = Renderer(TEMPLATE).render({"customer": customer})
    skeleton = Skeleton(
        Envelope("b@acme.example", "Acme", "news@acme.example"), date=datetime(2026, 1, 1, tzinfo=UTC), eight_bit=True
    )
    raw = skeleton.fill(
        Outbound(
            "k-1",
            "ana@example.test",
            rendered.subject,
            rendered.html,
            rendered.text,
            {"List-Unsubscribe": "<https://u>"},
        )
    )
    mail = BytesParser(policy=email.policy.default).parsebytes(raw)
    page = Page()
    page.feed(rendered.html)
    return list(mail.keys()), page, rendered.text, mail


def sent_or_skipped(customer: dict[str, Any]) -> tuple[list[str], Page, str, Any] | None:
    try:
        return sent(customer)
    except RenderError:
        with pytest.raises(RenderError, match="no value for"):
            sent(customer)
        return None


def test_five_hundred_hostile_customers_get_the_mail_that_a_harmless_one_gets() -> None:
    headers, harmless, _, _ = sent(HARMLESS)
    skipped = 0
    for number in range(NUMBER):
        customer = hostile(number)
        mailed = sent_or_skipped(customer)
        if mailed is None:
            skipped += 1
            continue
        theirs, page, text, mail = mailed
        assert theirs == headers
        assert mail["to"] == "ana@example.test"
        assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
        assert not re.search(r"[\r\n\x00-\x1f\u202a-\u202e\u2066-\u2069\u2028]", mail["subject"])
        assert page.shape == harmless.shape, customer
        assert all(link in ("#", "") or re.match(r"https://|[^:]*([/?#]|$)", link) for link in page.links), page.links
        assert customer["first_name"] in text  # as it is: not rendered again
    assert skipped < NUMBER // 10


@pytest.mark.parametrize("field", ["first_name", "city"])
def test_template_syntax_in_a_value_stays_text(field: str) -> None:
    _, _, text, _ = sent(HARMLESS | {field: "{{ 7 * 7 }}{% raw %}"})
    assert "{{ 7 * 7 }}{% raw %}" in text
