"""What holds for every channel: limits, refusals, versions, pre-flight and ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from campaigns import configuration, content, devices, editing, facts, policies, sms
from campaigns.config.gate import Invalid
from campaigns.models import Customer, Run
from delivery import explanation, preflight
from delivery.channels.base import SmsContent
from delivery.channels.memory import MemoryChannel
from delivery.preflight import rendering as preflight_sample
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.delivery.by_channel.spoken import SAID, launch, people, said, step, template, work_off


@pytest.mark.parametrize(
    ("channel", "fields", "attributes", "reason"),
    [
        ("sms", {"text": "{{ customer.attributes.a }}"}, {"a": "a" * 1600}, "render: longer than 10 parts"),
        ("sms", {"text": "{{ customer.attributes.a }}"}, {}, "render: no value for customer.attributes.a"),
        ("push", {"subject": "a", "text": "b", "payload": {"link": "{{ customer.attributes.a }}"}},
         {"a": "javascript:alert(1)"}, "render: the link is neither https:// nor one of an app"),
        ("push", {"subject": "a", "text": "{{ customer.attributes.a }}"}, {"a": "é" * 2001}, "render: 40"),
        ("webhook", {"payload": {"a": "{{ customer.attributes.a }}"}}, {"a": "é" * 33_000}, "render: larger than 64"),
    ],
)  # fmt: skip
def test_one_persons_values_fail_their_message_alone(
    at_acme: Retailer,
    everything: dict[str, MemoryChannel],
    channel: str,
    fields: dict[str, Any],
    attributes: dict[str, str],
    reason: str,
) -> None:
    odd, fine = people(1, attributes=attributes)[0], people(1, first=2, attributes={"a": "https://x.test"})[0]
    for who in (odd, fine):
        devices.register(who, f"device {who.pk}", now=timezone.now())
    template(channel, **fields)
    report = work_off(launch(steps=[step(channel)]))
    assert report.states == {"accepted": 1, "failed": 1}
    [(_, told, _)] = report.reasons
    assert told.startswith(reason)


@pytest.mark.parametrize("channel", ["sms", "push", "webhook"])
def test_template_of_another_channel_is_refused(at_acme: Retailer, channel: str) -> None:
    with pytest.raises(Invalid, match=f"template 'hello' is for email: choose one for {channel}"):
        launch(steps=[step(channel, template="hello")])


def test_variant_cannot_give_an_sms_a_subject(at_acme: Retailer) -> None:
    template("sms", text="Hi {{ content.offer }}")
    with pytest.raises(Invalid) as refused:
        launch(steps=[step("sms", variants=[{"key": "a", "subject": "Hello", "content": {"offer": "x"}}])])
    assert refused.value.problems[0].field == "steps.0.variants.0.subject"
    with pytest.raises(Invalid, match=r"content\.offer is given by no variant"):
        launch(key="other", steps=[step("sms")])


def test_published_template_keeps_its_channel(at_acme: Retailer) -> None:
    made = template("sms", text="Hi")
    made.channel, made.subject, made.text = "push", "Hi", "there"
    with pytest.raises(Invalid, match="published for sms"):
        editing.save_template(made)


def test_policy_and_limits_hold_for_every_channel(at_acme: Retailer, texts: MemoryChannel) -> None:
    people(1)
    template("sms", text="{% if customer.city %}Hi{% endif %}")
    policies.save(at_acme, policy={"channels": ["email"]})
    with pytest.raises(Invalid, match="sms is not allowed here: use email"):
        launch(key="one", steps=[step("sms")])
    policies.save(at_acme, policy={"template_features": ["loops"]})
    with pytest.raises(Invalid, match="may not use conditions"):
        launch(key="two", steps=[step("sms")])
    policies.save(at_acme, policy={"footer": ["unsubscribe_url"], "sender_domains": ["else.test"]})  # of e-mails
    cap = {"per_customer": {"messages": 1, "per": "7d"}}
    assert work_off(launch(steps=[step("sms")], limits=cap)).states == {"accepted": 1}
    again = work_off(launch(key="again", steps=[step("sms")], limits=cap))
    assert again.waterfall.excluded == {"capped": 1}


def test_same_text_again_is_the_same_version(at_acme: Retailer) -> None:
    made = template("push", subject="a", text="b", payload={"link": "https://x.test"})
    assert content.publish(made).number == 1
    made.payload = {"link": "https://y.test"}
    made.save()
    assert content.publish(made).number == 2
    made.payload = {"link": "https://x.test"}
    made.save()
    assert content.publish(made).number == 1


@pytest.mark.parametrize("channel", ["sms", "push", "webhook"])
def test_preflight_and_explanation_know_every_channel(at_acme: Retailer, channel: str) -> None:
    ana, ben = people(2)
    devices.register(ana, "ana's", now=timezone.now())
    Customer.objects.filter(pk=ben.pk).update(consent_sms=False, consent_push=False)
    facts.recompute()
    template(channel, **SAID[channel])
    campaign = factories.campaign(steps=[step(channel)])
    told = preflight.make(campaign, now=timezone.now()).result
    expected = 2 if channel == "webhook" else 1
    assert (told["included"], told["sample"]["people"], told["sample"]["errors"]) == (expected, expected, [])
    assert explanation.explain(campaign, ana, now=timezone.now())["verdict"]["included"]
    hers = explanation.explain(campaign, ben, now=timezone.now())
    assert hers["verdict"]["included"] == (channel == "webhook")
    assert hers["address"] == {"sms": "+447400123402", "push": "", "webhook": "c2"}[channel]


@pytest.mark.parametrize("channel", ["sms", "push", "webhook"])
def test_nothing_starts_without_a_provider_for_every_step(
    at_acme: Retailer, outbox: MemoryChannel, api_key: Callable[..., str], marketer: Callable[..., Client], channel: str
) -> None:
    people(1)
    template(channel, **SAID[channel])
    mail = {"key": "first", "channel": "email", "template": "hello"}
    later = {"key": "later", "channel": channel, "template": "said", "after": {"step": "first", "delay": "1d"}}
    campaign = factories.campaign(steps=[mail, later])
    cure = f"No provider is configured for {channel}: add one under Settings, Providers."
    with pytest.raises(CommandError, match=cure):
        call_command("launch", "acme", "welcome")
    said_by_page = marketer(at_acme).get(f"/admin/campaigns/campaign/{campaign.pk}/launch/").content.decode()
    assert cure in said_by_page
    with context.on_platform():
        client = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {api_key(at_acme)}"})
        answer = client.post(
            "/api/v1/campaigns/welcome/launch/", content_type="application/json", headers={"idempotency-key": "1"}
        )
    assert (answer.status_code, cure in answer.json()["detail"]) == (503, True)
    assert not Run.objects.exists()


def test_launch_command_tells_the_ledger_of_every_channel(
    at_acme: Retailer, everything: dict[str, MemoryChannel], capsys: pytest.CaptureFixture[str]
) -> None:
    ana, _ = people(2)
    devices.register(ana, "ana's", now=timezone.now())
    for channel in ("sms", "push", "webhook"):
        template(channel, key=channel, **SAID[channel])
        factories.campaign(channel, steps=[step(channel, template=channel)])
        told = StringIO()
        call_command("launch", "acme", channel, "--wait", "--json", stdout=told)
        report = json.loads(told.getvalue())
        assert report["states"] == {"accepted": 1 if channel == "push" else 2}
        assert report["balances"]
        assert report["preflight"] is None


def test_preflight_tells_what_texts_come_to(at_acme: Retailer, texts: MemoryChannel) -> None:
    brand = content.brand()
    brand.texting = {"currency": "GBP", "per_segment": {"GB": "0.035"}, "otherwise": "0.08"}
    brand.save()
    people(5)
    people(1, first=6, phone="+33612345678", first_name="Zo\u0451")  # Cyrillic: UCS-2, in two segments
    people(1, first=7, consent_sms=False)
    template("sms", text="{{ customer.first_name }}" + "!" * 70)
    campaign = factories.campaign(steps=[step("sms")])
    told = preflight.make(campaign, now=timezone.now())
    assert told.result["sample"]["texts"] == [
        {"step": "first", "people": 6, "per_message": 1.167, "parts": 7, "margin": 0, "wide": 0.1667,
         "price": "0.34", "currency": "GBP", "unpriced": []}
    ]  # fmt: skip
    assert "Step first: 7 parts, 0.34 GBP; 1.167 a message, 17 % of them in UCS-2" in list(preflight.lines(told))
    sent = work_off(configuration.launch(campaign, by="test", now=timezone.now()))
    assert sent.states == {"accepted": 6}
    parts = [sms.parts(each.text) for each in said(texts).values() if isinstance(each, SmsContent)]
    assert sum(map(len, parts)) == 7


def test_a_sum_with_a_price_missing_is_not_told(at_acme: Retailer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight_sample, "SAMPLE", 20)
    brand = content.brand()
    brand.texting = {"currency": "GBP", "per_segment": {"FR": "0.05"}}
    brand.save()
    people(60)
    people(30, first=61, first_name="ж" * 60)
    template("sms", text="{{ customer.first_name }}")
    [told] = preflight.make(factories.campaign(steps=[step("sms")]), now=timezone.now()).result["sample"]["texts"]
    assert (told["people"], told["price"], told["unpriced"]) == (20, None, ["GB"])
    assert told["margin"] > 0
    assert abs(told["parts"] - (60 + 2 * 30)) <= 2 * told["margin"]
