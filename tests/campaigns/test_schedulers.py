"""Schedulers of which there may be any number: each occurrence starts once, and what has passed is said.

celery-beat itself decides nothing. It ticks; whoever then holds a campaign's agenda item calls `launch_due`. So the
beats here are what a tick leads to, at its worst: every one of them looks at every campaign, all at the same time.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

from django.db import connection
from django.utils import timezone

from campaigns import configuration
from campaigns.config.gate import content_hash
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, CampaignVersion, Run
from delivery import pipeline
from tenants import agenda, context
from tenants.models import AgendaItem, Retailer
from tests import factories

OCCURRENCES, BEATS, BLOCK = 1000, 3, 20
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def look(at: datetime) -> datetime | None:
    return configuration.launch_due(Campaign.objects.select_related("live").get(), now=at)


def states() -> list[str]:
    """The state of each run, by the time it was due."""
    return list(Run.objects.order_by("occurrence").values_list("state", flat=True))


def recurring(rule: str, **trigger: Any) -> Campaign:
    campaign = factories.campaign(trigger={"kind": "recurring", "rrule": rule} | trigger)
    configuration.publish(campaign, now=timezone.now())
    return campaign


def due_campaigns(number: int, at: datetime) -> None:
    """Published campaigns, each due once at `at`: copies of one that was published by the book."""
    first = factories.campaign("due-0", trigger={"kind": "schedule", "at": at.isoformat()})
    version = configuration.publish(first, now=timezone.now())
    keys = [f"due-{n}" for n in range(1, number)]
    copies = Campaign.objects.bulk_create(
        Campaign(key=key, name=key, state=first.state, draft={**first.draft, "key": key, "name": key}) for key in keys
    )
    configs = [{**version.config, "key": each.key, "name": each.key} for each in copies]
    versions = CampaignVersion.objects.bulk_create(
        CampaignVersion(campaign=each, number=1, config=config, draft=each.draft, content_hash=content_hash(config))
        for each, config in zip(copies, configs, strict=True)
    )
    for each, its in zip(copies, versions, strict=True):
        each.live = its
    Campaign.objects.bulk_update(copies, ["live"])
    agenda.put_many(context.current(), "campaign", [each.pk for each in copies], due_at=at)


def beat(block: list[int]) -> None:
    for pk in block:
        configuration.launch_due(Campaign.objects.select_related("live").get(pk=pk), now=timezone.now())


def launch_by_hand(block: list[int]) -> None:
    """From the other end, up to where the schedulers were before."""
    for pk in reversed(block):
        try:
            configuration.launch(Campaign.objects.get(pk=pk), by="Ana", now=timezone.now())
        except NotAllowed:  # it was already started
            return


def test_three_schedulers_and_a_person_at_once_start_each_of_1000_occurrences_once(
    live_retailer: Retailer, django_db_blocker: Any
) -> None:
    together = Barrier(BEATS + 1)

    def apart(turn: int) -> None:
        try:
            with context.in_retailer(live_retailer):
                for first in range(0, OCCURRENCES, BLOCK):
                    together.wait(60)
                    (launch_by_hand if turn == 0 else beat)(keys[first : first + BLOCK])
        except BaseException:
            together.abort()  # and leave nobody waiting
            raise
        finally:
            connection.close()

    with django_db_blocker.unblock():
        with context.in_retailer(live_retailer):
            due_campaigns(OCCURRENCES, timezone.now() - MINUTE)
            keys = list(Campaign.objects.order_by("pk").values_list("pk", flat=True))
        with ThreadPoolExecutor(BEATS + 1) as pool:
            list(pool.map(apart, range(BEATS + 1)))
        with context.in_retailer(live_retailer):
            runs = list(Run.objects.values_list("campaign_id", "launched_by"))
            assert sorted(pk for pk, _ in runs) == keys
            assert {who for _, who in runs} == {"Ana", "schedule"}
            assert AgendaItem.objects.filter(retailer=live_retailer, kind="run").count() == OCCURRENCES
            assert set(Campaign.objects.values_list("state", flat=True)) == {Campaign.State.RUNNING}


def test_a_recurrence_that_has_run_out_completes_its_campaign(at_acme: Retailer) -> None:
    starts = timezone.now().astimezone(at_acme.tzinfo).replace(tzinfo=None, second=0, microsecond=0) + 5 * MINUTE
    campaign = recurring("FREQ=DAILY;COUNT=2", starts=starts.isoformat())
    due = AgendaItem.objects.get(kind="campaign").due_at
    again = look(due)
    assert again is not None
    pipeline.work(seconds=5)
    assert look(again) is None
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.RUNNING
    pipeline.work(seconds=5)  # its last run has nobody to reach
    assert states() == [Run.State.COMPLETED] * 2
    assert look(again + DAY) is None
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.COMPLETED


def test_a_campaign_whose_only_time_was_missed_expires(at_acme: Retailer) -> None:
    at = timezone.now() + HOUR
    campaign = factories.campaign(trigger={"kind": "schedule", "at": at.isoformat(), "grace": "30m"})
    configuration.publish(campaign, now=timezone.now())
    assert look(at + HOUR) is None
    campaign.refresh_from_db()
    assert (states(), campaign.state) == ([Run.State.MISSED], Campaign.State.EXPIRED)


def test_of_what_was_due_while_paused_the_latest_within_grace_runs_and_the_rest_is_missed(at_acme: Retailer) -> None:
    campaign = recurring("FREQ=DAILY;BYHOUR=9;BYMINUTE=0", grace="3d")
    first = AgendaItem.objects.get(kind="campaign").due_at
    configuration.stop(campaign, reason="wrong price")
    assert look(first + 5 * DAY) is None
    assert not Run.objects.exists()
    configuration.go_on(campaign)
    assert AgendaItem.objects.filter(kind="campaign", object_id=campaign.pk).exists()
    look(first + 5 * DAY + 2 * HOUR)
    assert states() == [Run.State.MISSED] * 5 + [Run.State.PLANNED]
    reasons = list(Run.objects.order_by("occurrence").values_list("reason", flat=True))
    assert [("grace" in reason, "a later time" in reason) for reason in reasons] == (
        [(True, False)] * 3 + [(False, True)] * 2 + [(False, False)]
    )


def test_what_was_due_while_paused_beyond_its_grace_is_missed(at_acme: Retailer) -> None:
    campaign = recurring("FREQ=DAILY;BYHOUR=9;BYMINUTE=0", grace="1h")
    first = AgendaItem.objects.get(kind="campaign").due_at
    configuration.stop(campaign, reason="wrong price")
    configuration.go_on(campaign)
    again = look(first + DAY + 2 * HOUR)
    campaign.refresh_from_db()
    assert states() == [Run.State.MISSED] * 2
    assert again is not None
    assert campaign.state == Campaign.State.SCHEDULED
