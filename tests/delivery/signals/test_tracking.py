"""Links in messages lead by way of us, where they may; and to nowhere but where the marketer said."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pytest_django import Settings

from campaigns import configuration, consents, content, policies
from campaigns.consents import Statement
from campaigns.models import Campaign, Customer, Template
from delivery import identity, pipeline, tracking
from delivery.channels.memory import MemoryChannel
from delivery.identity import BadToken, Signer
from delivery.models import Link, Message
from delivery.tracking import Hit
from tenants import context
from tenants.models import Domain, Retailer
from tests import factories
from tests.delivery.signals.following import clicks, hrefs, opened

HTML = """<html><body><a href="https://shop.acme.example/wine?a=1&amp;b=2#top">Wine</a>
<a href='https://shop.acme.example/{{ customer.external_id }}?n={{ customer.first_name }}'>Yours</a>
<a href=https://elsewhere.example/>Elsewhere</a><a href="https://shop.acme.example/off" data-track="off">Off</a>
<a href="mailto:a@b.example">Mail</a><a href="{{ unsubscribe_url }}">Out</a><a href="{{ view_url }}">View</a>
</body></html>"""
Send = Callable[..., list[str]]


@pytest.fixture
def send(at_acme: Retailer, outbox: MemoryChannel) -> Send:
    """Sends a template to `people`, and gives back the HTML of each."""
    brand = content.brand()
    brand.website = "https://www.shop.acme.example"
    brand.save()

    def send(html: str = HTML, *, people: int = 1, **parts: Any) -> list[str]:
        if not Customer.objects.exists():
            factories.customers(people, first_name="Ana & Bo")
        if not Template.objects.filter(key="linked").exists():
            factories.template("linked", html=html)
        steps = [{"key": "first", "channel": "email", "template": "linked"}]
        known = Campaign.objects.filter(key="linked").first()
        campaign = known or factories.campaign("linked", steps=steps, **parts)
        configuration.launch(campaign, by="test", now=timezone.now())
        pipeline.work(seconds=20)
        return [each.html for each in sorted(outbox.sent, key=lambda each: each.recipient)]

    return send


def test_links_lead_by_way_of_us_to_where_the_marketer_said(at_acme: Retailer, send: Send) -> None:
    (html,) = send()
    message = Message.objects.get()
    followed = [tracking.read_click(at_acme, said) for said in clicks(html)]
    assert followed == [
        Hit(message.pk, 1, "https://shop.acme.example/wine?a=1&b=2#top"),
        Hit(message.pk, 2, "https://shop.acme.example/c1?n=Ana%20%26%20Bo"),
        Hit(message.pk, 3, "https://elsewhere.example/"),
        Hit(message.pk, 0, "https://www.shop.acme.example"),  # that nobody sees
    ]
    assert tracking.read_open(at_acme, opened(html)) == Hit(message.pk)
    straight = [each for each in hrefs(html) if "/t/c/" not in each]
    assert [each.partition("localhost:8000")[2][:3] or each for each in straight] == [
        "https://shop.acme.example/off", "mailto:a@b.example", "/u/", "/v/"
    ]  # fmt: skip
    assert Link.objects.count() == 5  # the one that is not counted may be one day


def test_a_link_says_the_same_after_the_person_and_the_template_changed(at_acme: Retailer, send: Send) -> None:
    (html,) = send()
    Customer.objects.update(external_id="other", first_name="Zoe")
    template = Template.objects.get(key="linked")
    template.html = "<html><body>" + factories.OUT + "</body></html>"
    template.save()
    content.publish(template)
    assert [tracking.read_click(at_acme, said).url for said in clicks(html)][:2] == [
        "https://shop.acme.example/wine?a=1&b=2#top", "https://shop.acme.example/c1?n=Ana%20%26%20Bo"
    ]  # fmt: skip


@pytest.mark.parametrize("said", ["campaign", "policy", "message"])
def test_what_is_not_counted_is_as_if_nothing_counted(at_acme: Retailer, send: Send, said: str) -> None:
    parts: dict[str, Any] = {"tracking": {"opens": False, "clicks": False}} if said == "campaign" else {}
    if said == "policy":
        policies.save(at_acme, policy={"untracked": ["clicks", "opens"]})
    (html,) = send(HTML.replace("<body", '<body data-track="off"') if said == "message" else HTML, **parts)
    assert "/t/" not in html
    assert "<img" not in html
    assert hrefs(html)[0] == "https://shop.acme.example/wine?a=1&b=2#top"
    assert not Link.objects.exists()


def test_who_does_not_want_to_be_counted_is_not(at_acme: Retailer, send: Send) -> None:
    ana, bo = factories.customers(2, first_name="Ana & Bo")
    said = Statement("email", consents.TRACKING, granted=False, said_at=timezone.now())
    consents.say(ana, [said], by="test")
    first, second = send()
    assert "/t/" not in first
    assert "<img" not in first
    assert hrefs(first)[:3] == [
        "https://shop.acme.example/wine?a=1&b=2#top",
        "https://shop.acme.example/c1?n=Ana%20%26%20Bo",
        "https://elsewhere.example/",
    ]
    assert (len(clicks(second)), bool(opened(second))) == (4, True)
    assert bo.pk


def test_utm_is_added_to_our_own_links_and_overrides_nothing(at_acme: Retailer, send: Send) -> None:
    policies.save(at_acme, defaults={"tracking": {"utm": {"source": "news letter"}}})
    html = HTML.replace("wine?a=1", "wine?utm_source=mine")
    (made,) = send(html, tracking={"utm_domains": ["partner.example"]})
    assert [tracking.read_click(at_acme, said).url for said in clicks(made)][:3] == [
        "https://shop.acme.example/wine?utm_source=mine&b=2&utm_campaign=linked&utm_medium=email#top",
        "https://shop.acme.example/c1?n=Ana%20%26%20Bo&utm_campaign=linked&utm_medium=email&utm_source=news%20letter",
        "https://elsewhere.example/",
    ]


def test_a_domain_for_tracking_stands_in_links(at_acme: Retailer, send: Send) -> None:
    Domain.objects.create(tenant=at_acme, domain="links.acme.example", purpose=Domain.Purpose.TRACKING)
    (html,) = send()
    assert {each.split("/t/")[0] for each in hrefs(html) if "/t/" in each} == {"http://links.acme.example:8000"}
    assert all("links.acme.example" in each for each in hrefs(html) if "/u/" in each or "/v/" in each)


def test_links_of_a_message_in_a_browser_are_counted_like_those_in_the_mail(at_acme: Retailer, send: Send) -> None:
    (html,) = send()
    browser = Client(headers={"host": "acme.localhost"})
    path = f"/v/{Signer(at_acme).tokens(Message.objects.get().pk).view}"
    page = browser.get(path).content.decode()
    context.enter(at_acme)
    in_mail, in_browser = ([tracking.read_click(at_acme, said) for said in clicks(each)] for each in (html, page))
    assert in_browser == in_mail
    assert "/t/o/" not in page  # the mail was not opened once more
    said = [Statement("email", consents.TRACKING, False, timezone.now(), source="test")]
    consents.say(Customer.objects.get(), said, by="customer")
    page = browser.get(path).content.decode()
    context.enter(at_acme)
    assert clicks(page) == []
    assert "https://shop.acme.example/wine?a=1&amp;b=2#top" in page


def test_keys_change_in_the_middle_of_a_campaign(at_acme: Retailer, send: Send, settings: Settings) -> None:
    (before,) = send()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key " * 5
    assert [tracking.read_click(at_acme, said).link for said in clicks(before)] == [1, 2, 3, 0]
    assert tracking.read_open(at_acme, opened(before)).message_id == Message.objects.get().pk
    after = send()[-1]
    assert clicks(after) != clicks(before)
    assert [tracking.read_click(at_acme, said).link for said in clicks(after)] == [1, 2, 3, 0]
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(BadToken):
        tracking.read_open(at_acme, opened(before))
    assert tracking.read_open(at_acme, opened(after))


def test_a_link_from_before_keys_had_ids_still_unsubscribes(acme: Retailer, settings: Settings) -> None:
    settings.SECRET_KEY = "k" * 40
    payload = b"\1" + (77).to_bytes(8, "big")
    key = hashlib.blake2b(f"{acme.schema_name}/message/1".encode(), key=b"k" * 40).digest()
    old = base64.urlsafe_b64encode(payload + hmac.digest(key, payload, "sha256")[:16]).rstrip(b"=").decode()
    assert Signer(acme).read(old) == 77
    with pytest.raises(BadToken):
        Signer(acme, "open").read(old)


@given(first=st.lists(st.text(), min_size=1), beside=st.text(), text=st.text(min_size=1))
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_a_link_carries_is_the_text_and_its_seal(acme: Retailer, first: list[str], beside: str, text: str) -> None:
    signer = Signer(acme)
    carry = signer.carrier(*first)
    carried, seal = carry(beside, text)[:-20], carry(beside, text)[-20:]
    assert base64.urlsafe_b64decode(carried + "=" * (-len(carried) % 4)).decode() == text
    assert seal == signer.seal(*first, beside, carried)
    assert signer.is_sealed(seal, *first, beside, carried)


def is_read(signer: Signer, token: str) -> bool:
    try:
        signer.read(token)
    except BadToken:
        return False
    return True


def test_100_000_forged_truncated_and_foreign_tokens_say_nothing(acme: Retailer, globex: Retailer) -> None:
    chance = random.Random(11)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=%é\0 "
    readers = {purpose: Signer(acme, purpose) for purpose in identity.PURPOSES}
    abroad = Signer(globex)
    tried = 0
    while tried < 100_000:
        number = chance.randrange(1, 1 << 40)
        ours, theirs = readers["message"].tokens(number), abroad.tokens(number)
        for place, purpose in enumerate(identity.PURPOSES):
            good, at = ours[place], chance.randrange(32)
            other = chance.choice(letters.replace(good[at], ""))
            bad = [
                theirs[place], ours[(place + 1) % 4], good[:at], good + other, good[:at] + other + good[at + 1 :],
                "".join(chance.choices(letters, k=chance.randrange(40))),
            ]  # fmt: skip
            assert [token for token in bad if is_read(readers[purpose], token)] == []
            tried += len(bad)
            assert readers[purpose].read(good) == number


@given(said=st.text(max_size=80))
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_stands_in_an_address_leads_nowhere(acme: Retailer, said: str) -> None:
    for read in (tracking.read_click, tracking.read_open):
        with pytest.raises(BadToken):
            read(acme, said)


def test_a_link_leads_nowhere_else_than_it_was_sent_to(at_acme: Retailer, globex: Retailer, send: Send) -> None:
    first, second = send(people=2)
    fixed, made = clicks(first)[:2]
    other = clicks(second)[1]
    token, ref, carried = made.split(".")
    changed = carried[:-1] + ("y" if carried.endswith("x") else "x")
    bad = [
        fixed + ".aHR0cHM6Ly9ldmlsLmV4YW1wbGU", f"{token}.{ref}", f"{other.split('.')[0]}.{ref}.{carried}",
        f"{token}.{fixed.split('.')[1]}.{carried}", f"{token}.{ref}.{changed}", f"{token}.{ref}.x{carried}",
        f"{token}.AAAAAAAA{ref[8:]}", token, f"{opened(first)}.{ref}.{carried}",
    ]  # fmt: skip
    for said in bad:
        with pytest.raises(BadToken):
            tracking.read_click(at_acme, said)
    with pytest.raises(BadToken):
        tracking.read_click(globex, fixed)
