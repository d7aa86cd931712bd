"""The one preview: as a customer or a made-up person, in a language, beside a template, a campaign and a message."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import configuration
from delivery import pipeline
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from tenants.models import Retailer
from tests import factories

WRITTEN = {
    "subject": "Hi {{ customer.first_name | default('you') }}",
    "html": "<p>Dear {{ customer.first_name | default('friend') }}</p>",
}


def asked(client: Client, **more: Any) -> dict[str, Any]:
    return dict(client.post("/admin/campaigns/template/preview/", WRITTEN | more).json())


def frames(page: Any) -> list[str]:
    """What the page's frames show."""
    return [
        html.unescape(each) for each in re.findall(r'<iframe sandbox="" [^>]*srcdoc="([^"]*)"', page.content.decode())
    ]


@pytest.mark.parametrize(
    ("whom", "subject"),
    [("rich", "Hi Ana"), ("sparse", "Hi you"), ("long", "Hi Maximiliane-Đặng Thị Ngọc"), ("right_to_left", "Hi ليلى")],
)
def test_made_up_people_are_there_before_any_customer_is(
    at_acme: Retailer, ana: Client, whom: str, subject: str
) -> None:
    assert asked(ana, customer=whom)["subject"] == subject


def test_a_customer_is_found_by_name_and_by_address(at_acme: Retailer, ana: Client) -> None:
    factories.customers(3)
    factories.customers(1, first=9, first_name="Zoë", last_name="Quince", city="Hull")
    [found] = ana.get("/admin/campaigns/template/people/", {"find": "zoë qui"}).json()["found"]
    assert found["label"] == "Zoë Quince, Hull"
    assert asked(ana, customer=found["value"])["subject"] == "Hi Zoë"
    assert [
        each["label"] for each in ana.get("/admin/campaigns/template/people/", {"find": "c9@"}).json()["found"]
    ] == ["Zoë Quince, Hull"]
    assert ana.get("/admin/campaigns/template/people/", {"find": "\0"}).json()["found"] == []
    assert asked(ana, customer="", find="Quince")["subject"] == "Hi Zoë"


def test_nobody_of_another_retailer_is_found(at_acme: Retailer, globex: Retailer, ana: Client, marketer: Any) -> None:
    [mine] = factories.customers(1, first_name="Mine")
    there = marketer(globex)
    assert there.get("/admin/campaigns/template/people/", {"find": "Mine"}).json()["found"] == []
    assert asked(there, customer=mine.pk)["subject"] == "Hi Ana"  # the made-up one


def test_another_language_can_be_looked_at(at_acme: Retailer, ana: Client) -> None:
    factories.customers(1, locale="en-GB")
    said = {"subject": "{{ 1234.5 | number(1) }}"}
    assert asked(ana, **said)["subject"] == "1,234.5"
    assert asked(ana, **said, **{"in": "de-DE"})["subject"] == "1.234,5"


def test_an_answer_has_every_way_of_looking(at_acme: Retailer, ana: Client) -> None:
    answer = asked(ana, customer="rich")
    assert "Dear Ana" in answer["text"]
    assert all("Content-Security-Policy" in answer[copy] and "Dear Ana" in answer[copy] for copy in ("html", "dark"))
    assert (answer["has_dark"], answer["differences"], answer["outlined"]) == (False, [], "")
    assert answer["sender"] == "Acme Foods"


def test_the_page_of_a_template_shows_it_without_a_script(at_acme: Retailer, ana: Client) -> None:
    template = factories.template()
    shown = ana.get(f"/admin/campaigns/template/{template.pk}/change/", {"customer": "right_to_left"})
    [frame] = frames(shown)
    assert "Dear ليلى" in frame
    assert '<option value="right_to_left" selected>' in shown.content.decode()


def test_variants_are_shown_each_with_what_it_says_instead_of_its_template(at_acme: Retailer, ana: Client) -> None:
    factories.template(html="<h1>{{ content.headline | default('Plain') }}</h1>{{ unsubscribe_url }}")
    variants = [{"key": "a"}, {"key": "b", "subject": "Come back", "content": {"headline": "Still fresh"}}]
    campaign = factories.campaign(
        steps=[{"key": "first", "channel": "email", "template": "hello", "variants": variants}]
    )
    page = ana.get(f"/admin/campaigns/campaign/{campaign.pk}/preview/", {"customer": "sparse"})
    first, second = page.context["plan"].panes
    assert (first.subject, first.differences, first.outlined) == ("Hello there", (), "")
    assert [(each.label, each.here, each.below) for each in second.differences] == [
        ("Subject", "Come back", "Hello there"),
        ("Headline", "Still fresh", ""),
    ]
    assert '<span data-says="Headline" data-says-label="Headline">Still fresh</span>' in second.outlined
    assert len(frames(page)) == 2


def test_a_variant_over_a_base_tells_what_its_template_says_there(at_acme: Retailer, ana: Client) -> None:
    factories.base()
    factories.template("based", base="standard", subject="", html="", slots={"headline": "From the template"})
    variants = [{"key": "a", "content": {"headline": "For {{ customer.city }}", "action": "Buy"}}]
    campaign = factories.campaign(
        steps=[{"key": "first", "channel": "email", "template": "based", "variants": variants}]
    )
    page = ana.get(f"/admin/campaigns/campaign/{campaign.pk}/preview/", {"customer": "rich"})
    [pane] = page.context["plan"].panes
    assert {(each.label, each.here, each.below) for each in pane.differences} == {
        ("Headline", "For {{ customer.city }}", "From the template"),
        ("Action", "Buy", "Shop → https://shop.example"),
    }
    assert '<span data-says="Headline" data-says-label="Headline">For Leeds</span>' in pane.outlined
    assert '<span data-says="Action" data-says-label="Action">Buy</span>' in pane.outlined


def test_a_text_message_is_a_bubble_and_a_notification_a_card(at_acme: Retailer, ana: Client) -> None:
    name = "{{ customer.first_name | default('you') }}"
    factories.template("text", channel="sms", subject="", html="", text=f"Hello {name} 🏬")
    image, link = "https://acme.example/a.png", "https://acme.example/sale"
    factories.template(
        "card", channel="push", subject=f"For {name}", html="", text="Look", payload={"image": image, "link": link}
    )
    steps = [{"key": key, "channel": key, "template": used} for key, used in (("sms", "text"), ("push", "card"))]
    campaign = factories.campaign(steps=steps)
    page = ana.get(f"/admin/campaigns/campaign/{campaign.pk}/preview/", {"customer": "rich"})
    text, card = page.context["plan"].panes
    assert text.text.startswith("Hello Ana 🏬")
    assert text.note.endswith(" units of UCS-2.")
    assert (card.subject, card.text, card.image, card.note) == ("For Ana", "Look", image, f"Opens {link}")
    assert frames(page) == []


def test_a_message_is_shown_in_the_same_pane(at_acme: Retailer, ana: Client, outbox: MemoryChannel) -> None:
    factories.customers(1)
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    message = Message.objects.get()
    [frame] = frames(ana.get(f"/admin/delivery/message/{message.pk}/change/"))
    assert "Dear Ana" in frame
    assert "Content-Security-Policy" in frame
