"""Notifications: to which device, and after a mail."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from campaigns import devices, suppressions
from campaigns.models import Run
from delivery.channels.base import PushContent, WebhookContent
from delivery.channels.memory import MemoryChannel
from tenants import agenda
from tenants.models import Retailer
from tests.delivery.by_channel.spoken import launch, people, said, step, template, work_off


def test_push_goes_to_the_device_seen_last(at_acme: Retailer, pushes: MemoryChannel) -> None:
    ana, ben, cyd, dee = people(3) + people(1, first=4, consent_push=False)
    for at, (who, token) in enumerate([(ana, "old"), (ana, "new"), (ben, "ben's"), (dee, "dee's")]):
        devices.register(who, token, now=timezone.now().replace(microsecond=at))
    template(
        "push",
        subject="For {{ customer.first_name }}",
        text="{{ content.offer }}",
        payload={
            "link": "shop://offers/{{ customer.external_id }}",
            "image": "https://img.example.test/a.png",
            "collapse_id": "offer",
            "data": {"who": "{{ customer.external_id }}"},
        },
    )
    variants = [
        {"key": "a", "content": {"offer": "<b>1 + 1</b>"}},
        {"key": "b", "subject": "B", "content": {"offer": "x"}},
    ]
    report = work_off(launch(steps=[step("push", variants=variants)]))
    assert (report.states, report.balances) == ({"accepted": 2}, True)
    assert report.waterfall.excluded == {"no_consent": 1, "no_address": 1}
    found = said(pushes)
    assert set(found) == {"new", "ben's"}
    for who, token in ((ana, "new"), (ben, "ben's")):
        one = found[token]
        assert isinstance(one, PushContent)
        assert (one.title, one.body) in {("For Ana", "<b>1 + 1</b>"), ("B", "x")}
        assert (one.link, one.collapse_id) == (f"shop://offers/{who.external_id}", "offer")
        assert one.data == {"who": who.external_id}
    assert cyd.external_id not in str(found)


def test_device_that_is_gone_gets_nothing_more(at_acme: Retailer, pushes: MemoryChannel) -> None:
    ana, ben = people(2)
    devices.register(ana, "ana's", now=timezone.now())
    devices.register(ana, "shared", now=timezone.now())
    devices.register(ben, "shared", now=timezone.now())  # handed on: it is Ben's now
    assert devices.forget("ana's", owner=ana)
    assert not devices.forget("ana's", owner=ana)
    template("push", subject="Hi", text="there")
    report = work_off(launch(steps=[step("push")]))
    assert report.waterfall.excluded == {"no_address": 1}
    assert set(said(pushes)) == {"shared"}


def test_suppressed_device_yields_to_another(at_acme: Retailer, pushes: MemoryChannel) -> None:
    ana, ben = people(2)
    for token in ("first", "second"):
        devices.register(ana, token, now=timezone.now())
    devices.register(ben, "third", now=timezone.now())
    for token in ("second", "third"):
        suppressions.add(channel="push", address=token, reason="manual", source="")
    template("push", subject="Hi", text="there")
    report = work_off(launch(steps=[step("push")]))
    assert report.waterfall.excluded == {"suppressed": 1}
    assert set(said(pushes)) == {"first"}


def test_webhook_sends_a_document_built_as_a_structure(at_acme: Retailer, hooks: MemoryChannel) -> None:
    nasty = 'Ana", "admin": true, "x": "\\ \u2028 {{ customer.email }}'
    people(1, first_name=nasty, consent_sms=False, consent_email=False)
    document = {
        "html": "<p>{{ customer.first_name }}</p>",
        "customer": {"id": "{{ customer.external_id }}", "tags": ["{{ content.tag }}", 7, None, True]},
    }
    template("webhook", payload=document)
    run = launch(steps=[step("webhook", variants=[{"key": "a", "content": {"tag": "vip"}}])])
    report = work_off(run)
    assert (report.states, report.balances) == ({"accepted": 1}, True)
    body = {"html": f"<p>{nasty}</p>", "customer": {"id": "c1", "tags": ["vip", 7, None, True]}}
    assert said(hooks) == {"c1": WebhookContent(body)}


def test_mail_then_push_two_days_later(at_acme: Retailer, outbox: MemoryChannel, pushes: MemoryChannel) -> None:
    ana, _ = people(2)
    devices.register(ana, "ana's", now=timezone.now())
    template("push", key="nudge", subject="Still here", text="Come and see")
    steps = [
        {"key": "first", "channel": "email", "template": "hello"},
        {"key": "nudge", "channel": "push", "template": "nudge", "after": {"step": "first", "delay": "2d"}},
    ]
    run = launch(steps=steps)
    work_off(run)
    assert (len(outbox.sent), len(pushes.sent)) == (2, 0)
    Run.objects.filter(pk=run.pk).update(started_at=timezone.now() - timedelta(days=2))
    agenda.put(at_acme, "run", run.pk)
    report = work_off(run)
    assert report.steps == {"first": {"accepted": 2}, "nudge": {"accepted": 1, "cancelled": 1}}
    assert report.reasons == [("cancelled", "no_address", 1)]
    assert report.balances
    assert set(said(pushes)) == {"ana's"}
