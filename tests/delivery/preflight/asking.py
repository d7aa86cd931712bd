"""A pre-flight made, and the run after it carried to its end."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from campaigns import configuration, suppressions
from campaigns.models import Campaign, Consent, Customer, Run
from delivery import pipeline, preflight, reports
from tests import factories

LONDON = ZoneInfo("Europe/London")
EMAIL = {"key": "first", "channel": "email", "template": "hello"}
SMS = {"key": "text", "channel": "sms", "template": "hello"}


def make(campaign: Campaign, now: datetime | None = None) -> dict[str, Any]:
    return preflight.make(campaign, now=now or timezone.now(), by="Ana").result


def launch(campaign: Campaign, now: datetime | None = None) -> Run:
    return configuration.launch(campaign, by="test", now=now or timezone.now())


def work_off(run: Run) -> reports.Report:
    pipeline.work(seconds=30)
    run.refresh_from_db()
    return reports.report(run)


def mixed_people() -> None:
    """Somebody for every reason."""
    factories.customers(120, consent_sms=True)
    factories.customers(9, first=121, consent_email=False)
    factories.customers(4, first=130, email="")
    factories.customers(5, first=134, email="c1@example.test")
    factories.customers(6, first=139, city="York", phone="+447700900001", consent_sms=True)
    for n in range(1, 90):
        Customer.objects.filter(external_id=f"c{n}").update(phone=f"+4477009{n:05}")
    factories.stored([])
    for n in (3, 4, 5):
        suppressions.put(channel="email", address=f"c{n}@example.test", reason="complaint", source="")
    suppressions.put(channel="sms", address="+447700900007", reason="unsubscribed", source="")
    for customer in Customer.objects.filter(external_id__in=["c8", "c9"]):
        for channel in ("email", "sms"):
            Consent.objects.create(
                customer=customer, channel=channel, topic="news", is_granted=False, said_at=timezone.now()
            )


def scheduled(key: str, at: datetime, **parts: Any) -> Campaign:
    local = at.astimezone(LONDON).replace(tzinfo=None, microsecond=0).isoformat()
    campaign = factories.campaign(key, trigger={"kind": "schedule", "at": local}, **parts)
    configuration.publish(campaign, now=timezone.now())
    return campaign
