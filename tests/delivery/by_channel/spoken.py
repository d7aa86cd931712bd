"""Campaigns by SMS, push and webhook, from the template to the provider."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from campaigns import configuration, content
from campaigns.models import Customer, Run, Template
from delivery import pipeline, reports
from delivery.channels.base import Content
from delivery.channels.memory import MemoryChannel
from tests import factories

SAID: dict[str, dict[str, Any]] = {
    "sms": {"text": "Hi"},
    "push": {"subject": "a", "text": "b"},
    "webhook": {"payload": {"a": "b"}},
}


def template(channel: str, key: str = "said", **fields: Any) -> Template:
    made = Template.objects.create(key=key, name=key.title(), channel=channel, **fields)
    content.publish(made)
    return made


def step(channel: str, **parts: Any) -> dict[str, Any]:
    return {"key": "first", "channel": channel, "template": "said", **parts}


def people(number: int, *, first: int = 1, **fields: Any) -> list[Customer]:
    agreed = {"consent_sms": True, "consent_push": True}
    return [
        factories.customers(1, first=n, **{"phone": f"+4474001234{n:02}", **agreed, **fields})[0]
        for n in range(first, first + number)
    ]


def launch(**parts: Any) -> Run:
    return configuration.launch(factories.campaign(**parts), by="test", now=timezone.now())


def work_off(run: Run) -> reports.Report:
    pipeline.work(seconds=30)
    run.refresh_from_db()
    return reports.report(run)


def said(outbox: MemoryChannel) -> dict[str, Content]:
    return {message.recipient: message.content for message in outbox.sent if message.content}
