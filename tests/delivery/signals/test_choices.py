"""The page of preferences, the message in a browser, and STOP: what a person decides is kept, with its proof."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import configuration, consents, ingest, suppressions
from campaigns.models import Customer, Facts, Suppression
from delivery import pipeline, public_words, replies
from delivery.channels.memory import MemoryChannel
from delivery.identity import Signer
from delivery.models import Message, Signal
from tenants import context
from tenants.models import Retailer
from tests import factories

PERSON = {
    "external_id": "cleo", "email": "cleo@example.test", "phone": "+447700900123", "first_name": "Cléo",
    "consent_email": True, "consent_sms": True,
}  # fmt: skip
Ask = Callable[..., Any]


@pytest.fixture
def cleo(at_acme: Retailer, outbox: MemoryChannel) -> Customer:
    """Somebody with consent on two channels, who got a message about promotions."""
    ingest.upsert_customers([PERSON], now=timezone.now(), source="till")
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    return Customer.objects.get()


@pytest.fixture
def ask(cleo: Customer, at_acme: Retailer) -> Ask:
    """Opens a page of Cleo's message, or presses Save on it."""
    tokens = Signer(at_acme).tokens(Message.objects.get().pk)
    browser = Client(headers={"host": "acme.localhost"}, enforce_csrf_checks=True)

    def answer(path: str, *wanted: str, press: bool = False, language: str = "", **form: str) -> str:
        where = f"/{path}/{tokens.view if path == 'v' else tokens.message}"
        headers = {"accept-language": language}
        response = (
            browser.post(where, {"wanted": wanted, **form}, headers=headers)
            if press
            else browser.get(where, headers=headers)
        )
        assert response.status_code == 200
        assert not response.cookies
        context.enter(at_acme)
        return str(response.content.decode())

    return answer


def said(customer: Customer) -> list[tuple[str, str, bool, str]]:
    new = consents.history(customer).exclude(source="till").order_by("pk")
    return list(new.values_list("channel", "topic", "is_granted", "source"))


def test_a_topic_is_withdrawn_and_wanted_again(cleo: Customer, ask: Ask) -> None:
    assert 'value="email.promotions" checked' in ask("p")
    page = ask("p", "email", "sms", "counted", press=True)
    assert 'value="email.promotions">' in page
    assert said(cleo) == [("email", "promotions", False, "page of preferences")]
    run = configuration.launch(factories.campaign("other"), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    assert list(run.members.values_list("is_included", flat=True)) == [False]
    ask("p", "email", "email.promotions", "sms", "counted", press=True)
    assert said(cleo)[1:] == [("email", "promotions", True, "page of preferences")]
    assert consents.history(cleo).latest("pk").text == "E-mail: Promotions"
    ask("p", "email", "email.promotions", "sms", "counted", press=True)
    assert len(said(cleo)) == 2


def test_leaving_a_channel_lists_its_address_and_tells_it_once(cleo: Customer, ask: Ask) -> None:
    ask("p", "email", "email.promotions", "counted", press=True)
    ask("p", "email", "email.promotions", "counted", press=True)
    assert list(Suppression.objects.values_list("channel", "address", "reason")) == [
        ("sms", "+447700900123", "unsubscribed")
    ]
    assert list(Signal.objects.values_list("kind", "human", "detail")) == [("unsubscribe", 100, "sms")]
    assert (Facts.objects.get().consent_email, Facts.objects.get().consent_sms) == (True, False)
    ask("p", "email", "email.promotions", "sms", "counted", press=True)
    assert not Suppression.objects.exists()
    assert Facts.objects.get().consent_sms


def test_leaving_everything_is_one_press(cleo: Customer, ask: Ask) -> None:
    ask("p", "email", "sms", "counted", press=True, nothing="1")
    assert {(channel, topic): yes for channel, topic, yes, _ in said(cleo)} == {
        ("email", ""): False, ("sms", ""): False, ("email", "tracking"): False
    }  # fmt: skip
    assert "You will get no more marketing e-mail" in ask("u")


def test_what_was_refused_stays_refused(cleo: Customer, ask: Ask) -> None:
    suppressions.add(channel="email", address=cleo.email, reason="complaint", source="test")
    assert "could not be delivered here" in ask("p")
    ask("p", "email", "sms", "counted", press=True)
    assert Suppression.objects.get().reason == "complaint"


def test_what_keeps_mail_away_is_told_and_not_to_be_ticked_away(cleo: Customer, ask: Ask, at_acme: Retailer) -> None:
    ticked = 'value="email" checked'
    assert ticked in ask("p")
    listed = suppressions.one("email", cleo.email)
    suppressions.platform.add(listed, reason="legal", source="test")
    for page in (ask("p"), ask("p", "email", "sms", "counted", press=True)):
        assert ticked not in page
        assert 'value="email" disabled' in page
        assert "on a list of those that get nothing from us" in page
    for page in (ask("u"), ask("u", press=True, undo="1"), ask("u", press=True)):
        assert "on a list of those that get nothing from us" in page
        assert "Welcome back" not in page
        assert "subscribe me again" not in page
    assert "auf einer Sperrliste" in ask("u", language="de")
    suppressions.platform.remove(listed)
    ask("u", press=True, undo="1")
    suppressions.add(channel="email", address=cleo.email, reason="hard_bounce", source="test")
    assert 'value="email" disabled' in ask("p")
    for page in (ask("u"), ask("u", press=True, undo="1")):
        assert "could not be delivered here" in page
        assert "subscribe me again" not in page
        assert "Welcome back" not in page


@pytest.mark.parametrize(
    ("locale", "accepted", "language"),
    [
        ("de-AT", "fr", "de"),
        ("fr_CA", "", "fr"),
        ("en-US", "de", "en"),
        ("xx", "fr-BE,en;q=0.5", "fr"),
        ("", "pl", "en"),
    ],
)
def test_pages_speak_the_persons_language(cleo: Customer, ask: Ask, locale: str, accepted: str, language: str) -> None:
    Customer.objects.update(locale=locale)
    for path, word in (("p", "save"), ("u", "unsubscribe")):
        page = ask(path, language=accepted)
        assert f'<html lang="{language}">' in page
        assert f">{public_words.KNOWN[language][word]}</button>" in page


def test_every_language_says_everything_with_the_same_values() -> None:
    for words in public_words.KNOWN.values():
        assert words.keys() == public_words.KNOWN["en"].keys()
        for name, text in words.items():
            assert {value in text for value in ("{brand}",)} == {"{brand}" in public_words.KNOWN["en"][name]}
            assert ("{address}" in text) == ("{address}" in public_words.KNOWN["en"][name])


def test_looking_changes_nothing(cleo: Customer, at_acme: Retailer) -> None:
    token = Signer(at_acme).tokens(Message.objects.get().pk).message
    scanner = Client(headers={"host": "acme.localhost", "user-agent": "Scanner/1.0"})
    for number in range(1000):
        path = f"/{'up'[number % 2]}/{token}"
        query = ("", "?List-Unsubscribe=One-Click", "?nothing=1&undo=1", "?wanted=")[number // 2 % 4]
        ask = scanner.head if number % 5 == 4 else scanner.get
        assert ask(path + query).status_code == 200
    assert scanner.put(f"/u/{token}").status_code == scanner.delete(f"/p/{token}").status_code == 405
    context.enter(at_acme)
    assert not Suppression.objects.exists()
    assert (Facts.objects.get().consent_email, Facts.objects.get().consent_sms) == (True, True)
    assert not Signal.objects.exists()


def test_a_message_can_be_read_in_a_browser_that_runs_nothing_of_it(
    cleo: Customer, ask: Ask, at_acme: Retailer, outbox: MemoryChannel
) -> None:
    page = ask("v")
    assert "Dear Cléo" in page
    tokens = Signer(at_acme).tokens(Message.objects.get().pk)
    assert f"/u/{tokens.message}" in unescape(page)
    browser = Client(headers={"host": "acme.localhost"})
    answer = browser.get(f"/v/{tokens.view}")
    assert answer["Content-Security-Policy"].startswith("sandbox ")
    assert "script-src" not in answer["Content-Security-Policy"]
    assert browser.get(f"/v/{tokens.message}").status_code == browser.get("/v/x").status_code == 404
    context.enter(at_acme)
    Customer.objects.all().delete()
    assert browser.get(f"/v/{tokens.view}").status_code == 410


@pytest.mark.parametrize(
    ("text", "locale", "meant"),
    [
        ("STOP", "", "stop"), (" stop. ", "pl", "stop"), ("Stop please", "", "stop"), ("STOPALL", "", "stop"),
        ("Abmelden!", "de-DE", "stop"), ("ARRÊT", "fr", "stop"), ("Abmelden", "fr", None), ("Start", "", "start"),
        ("Don't stop", "", None), ("when do you start?", "", None), ("", "", None), ("\0", "", None),
    ],
)  # fmt: skip
def test_words_are_understood_in_their_language(text: str, locale: str, meant: str | None) -> None:
    assert replies.meaning(text, locale) == meant


def test_stop_and_start_by_text_message(cleo: Customer) -> None:
    def reply(text: str, event: str) -> str | None:
        return replies.answer(cleo.phone, text, source="twilio", event=event, now=timezone.now())

    assert reply("stop", "1") == reply("STOP", "2") == "stop"
    assert (Facts.objects.get().consent_sms, Facts.objects.get().suppressed_sms) == (False, True)
    assert said(cleo) == [("sms", "", False, "reply to a text message")]
    assert reply("thanks", "3") is None
    assert reply("START", "4") == "start"
    assert (Facts.objects.get().consent_sms, Facts.objects.get().suppressed_sms) == (True, False)
    assert consents.history(cleo).latest("pk").text == "START"
    assert replies.answer("+447700900999", "STOP", source="twilio", event="5", now=timezone.now()) == "stop"
    assert Suppression.objects.get().address == "+447700900999"
