"""SMS: who gets one, in which words, and what they come to."""

from __future__ import annotations

from campaigns import suppressions
from campaigns.models import Run
from delivery import pipeline
from delivery.channels.base import SmsContent
from delivery.channels.memory import MemoryChannel
from tenants.models import Retailer
from tests.delivery.by_channel.spoken import launch, people, said, step, template, work_off


def test_sms_reaches_everyone_in_words_of_their_own(at_acme: Retailer, texts: MemoryChannel) -> None:
    people(2)
    people(1, first=3, phone="+33612345678", first_name="Zoé", locale="fr-FR")
    template(
        "sms",
        text="Hi {{ customer.first_name }}… “{{ content.offer }}”",
        payload={"smart_encoding": True},
        translations={"fr": {"text": "Salut {{ customer.first_name }} : {{ content.offer }}"}},
    )
    run = launch(steps=[step("sms", variants=[{"key": "a", "content": {"offer": "2 for 1"}}])])
    report = work_off(run)
    assert (report.run.state, report.states, report.balances) == (Run.State.COMPLETED, {"accepted": 3}, True)
    assert said(texts) == {
        "+447400123401": SmsContent('Hi Ana... "2 for 1"\nOpt out: reply STOP'),
        "+447400123402": SmsContent('Hi Ana... "2 for 1"\nOpt out: reply STOP'),
        "+33612345678": SmsContent("Salut Zoé : 2 for 1\nRépondez STOP pour vous désinscrire"),
    }
    assert {message.html + message.subject + message.text for message in texts.sent} == {""}
    assert not any(message.headers for message in texts.sent)


def test_who_cannot_be_reached_by_sms_is_left_out_with_the_reason(at_acme: Retailer, texts: MemoryChannel) -> None:
    people(3)
    people(1, first=4, consent_sms=False)
    people(1, first=5, phone="")
    people(1, first=6, phone="+447400123401")
    suppressions.add(channel="sms", address="+447400123402", reason="unsubscribed", source="STOP")
    template("sms", text="Hi")
    report = work_off(launch(steps=[step("sms")]))
    assert report.waterfall.excluded == {"suppressed": 1, "no_consent": 1, "no_address": 1, "duplicate_address": 1}
    assert sorted(said(texts)) == ["+447400123401", "+447400123403"]


def test_whoever_says_stop_between_launch_and_hand_over_gets_nothing(at_acme: Retailer, texts: MemoryChannel) -> None:
    people(2)
    template("sms", text="Hi")
    run = launch(steps=[step("sms")])
    pipeline.work(seconds=0)
    suppressions.add(channel="sms", address="+447400123402", reason="unsubscribed", source="STOP")
    report = work_off(run)
    assert sorted(said(texts)) == ["+447400123401"]
    assert sum(report.states.values()) + sum(report.waterfall.excluded.values()) == 2
