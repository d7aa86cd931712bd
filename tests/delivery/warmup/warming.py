"""A warm-up under way: begun, worked off, a day later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Campaign, Customer, Facts, Run
from delivery import pipeline, reports
from delivery.models import SenderDomain, WarmUpShare
from delivery.warmup import acts
from tenants.models import AgendaItem
from tests import factories

START = 50


def begin(domain: str, **parts: Any) -> SenderDomain:
    return acts.begin(domain, now=timezone.now(), **{"start": START, "peak": 5_000, **parts})


def launch(key: str = "welcome", **parts: Any) -> Run:
    campaign = Campaign.objects.filter(key=key).first() or factories.campaign(key, **parts)
    return configuration.launch(campaign, by="test", now=timezone.now())


def work_off(*runs: Run) -> list[dict[str, int]]:
    """As far as it goes now; what the ledger then says of each run."""
    AgendaItem.objects.filter(due_at__lte=timezone.now()).update(due_at=datetime(2020, 1, 1, tzinfo=UTC))
    while pipeline.work(seconds=60):  # until nothing is due, however slow the machine is
        pass
    for run in runs:
        run.refresh_from_db()
    return [reports.report(run).states for run in runs]


def next_day() -> None:
    """As if a day had passed: what stands in the agenda for tomorrow is due, and its picks are of yesterday."""
    yesterday = timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery_warmuppick SET day = day - 1")
    for share in WarmUpShare.objects.all():
        WarmUpShare.objects.filter(pk=share.pk).update(
            day=share.day - yesterday, judged_from=share.judged_from - yesterday
        )
    SenderDomain.objects.update(picked_at=timezone.now() - yesterday)
    AgendaItem.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def engaged(external_ids: dict[str, int]) -> None:
    """So many days ago each of them clicked."""
    ids = dict(Customer.objects.filter(external_id__in=external_ids).values_list("pk", "external_id"))
    at = {pk: timezone.now() - timedelta(days=external_ids[external_id]) for pk, external_id in ids.items()}
    Facts.objects.bulk_update([Facts(pk=pk, engaged_email_at=each) for pk, each in at.items()], ["engaged_email_at"])


def share_of(name: str, whole: int) -> int:
    share = SenderDomain.objects.latest("pk").shares.get(receivers=name)
    return max(1, int(whole * share.share + 1e-6))
