"""Wall-clock times into instants, over every time zone and both days on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.utils import timezone

from campaigns import configuration, schedule
from campaigns.config.campaign import RecurringTrigger
from campaigns.models import Campaign, Run
from delivery import pipeline
from tenants import agenda
from tenants.models import AgendaItem, Retailer
from tests import factories

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def local_times(zone: ZoneInfo, day: datetime) -> dict[datetime, list[datetime]]:
    """The oracle: every quarter of an hour around `day` in UTC, grouped by what the clock on the wall shows."""
    shown: dict[datetime, list[datetime]] = {}
    for quarter in range(-96, 192):
        at = day + quarter * 15 * MINUTE
        shown.setdefault(at.astimezone(zone).replace(tzinfo=None), []).append(at)
    return shown


def change_days(zone: ZoneInfo, year: int) -> list[datetime]:
    days = [datetime(year, 1, 1, tzinfo=UTC) + n * DAY for n in range(365)]
    return [day for day in days if day.astimezone(zone).utcoffset() != (day + DAY).astimezone(zone).utcoffset()]


@pytest.mark.parametrize("name", sorted(available_timezones()))
def test_every_wall_clock_time_is_due_once_and_at_the_right_instant(name: str) -> None:
    zone = ZoneInfo(name)
    for day in change_days(zone, 2026):
        shown = local_times(zone, day)
        wall = min(shown)
        while wall <= max(shown):
            at = schedule.instant(wall, zone)
            if wall in shown:
                assert at == shown[wall][0]  # of a doubled time the first
            elif (wall - min(shown)) % (15 * MINUTE) == timedelta(0):
                gap = at.astimezone(zone).replace(tzinfo=None) - wall
                assert timedelta(0) < gap <= DAY  # one that does not exist moves on, by the gap
                assert at.astimezone(zone).replace(tzinfo=None) in shown
            wall += 15 * MINUTE


@pytest.mark.parametrize(
    ("rule", "after", "due"),
    [
        ("FREQ=DAILY;BYHOUR=9;BYMINUTE=0", "2026-03-28T12:00+00:00", "2026-03-29T08:00+00:00"),  # clocks went on
        ("FREQ=DAILY;BYHOUR=1;BYMINUTE=30", "2026-03-28T12:00+00:00", "2026-03-29T01:30+00:00"),  # does not exist
        ("FREQ=DAILY;BYHOUR=1;BYMINUTE=30", "2026-10-24T12:00+00:00", "2026-10-25T00:30+00:00"),  # happens twice
        ("FREQ=DAILY;BYHOUR=1;BYMINUTE=30", "2026-10-25T00:30+00:00", "2026-10-26T01:30+00:00"),  # but fires once
        ("FREQ=WEEKLY;BYDAY=MO;BYHOUR=9;BYMINUTE=0", "2026-11-23T09:00+00:00", "2026-11-30T09:00+00:00"),
        ("FREQ=MONTHLY;BYMONTHDAY=31;BYHOUR=9;BYMINUTE=0", "2026-01-31T10:00+00:00", "2026-03-31T08:00+00:00"),
        ("FREQ=DAILY;UNTIL=20260105T000000", "2026-02-01T00:00+00:00", None),
    ],
)
def test_recurrences_follow_the_wall_clock(rule: str, after: str, due: str | None) -> None:
    trigger = RecurringTrigger(kind="recurring", rrule=rule, starts=datetime.fromisoformat("2026-01-01"))
    found = schedule.next_occurrence(trigger, ZoneInfo("Europe/London"), after=datetime.fromisoformat(after))
    assert (found.at if found else None) == (datetime.fromisoformat(due) if due else None)


def published(trigger: dict[str, Any], *, days_ago: int = 0) -> Campaign:
    campaign = factories.campaign(trigger=trigger)
    configuration.publish(campaign, now=timezone.now())
    campaign.versions.update(published_at=timezone.now() - days_ago * DAY)
    return Campaign.objects.select_related("live").get()


def test_recurring_campaign_runs_each_time_once_and_stays_scheduled(at_acme: Retailer) -> None:
    campaign = published({"kind": "recurring", "rrule": "FREQ=DAILY;BYHOUR=9;BYMINUTE=0"})
    first = AgendaItem.objects.get(kind="campaign").due_at
    for _ in range(3):
        again = configuration.launch_due(Campaign.objects.select_related("live").get(), now=first)
    assert again == schedule.instant(first.astimezone(at_acme.tzinfo).replace(tzinfo=None) + DAY, at_acme.tzinfo)
    (run,) = Run.objects.all()
    assert run.occurrence == f"schedule:{first.isoformat()}"
    agenda.put(at_acme, "run", run.pk)
    pipeline.work(seconds=5)
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.SCHEDULED


def test_after_an_outage_what_is_within_grace_runs_and_the_rest_is_shown_as_missed(at_acme: Retailer) -> None:
    now = timezone.now()
    soon = (now - 10 * MINUTE).astimezone(at_acme.tzinfo)
    rule = f"FREQ=DAILY;BYHOUR={soon.hour};BYMINUTE={soon.minute}"
    campaign = published({"kind": "recurring", "rrule": rule, "grace": "30m"}, days_ago=4)
    configuration.launch_due(campaign, now=now)
    states = list(Run.objects.order_by("occurrence").values_list("state", flat=True))
    assert states == [Run.State.MISSED] * 3 + [Run.State.PLANNED] or states == [Run.State.MISSED] * 4 + [
        Run.State.PLANNED
    ]
    assert "grace" in Run.objects.filter(state=Run.State.MISSED)[0].reason


def test_schedule_missed_by_more_than_its_grace_is_never_a_late_surprise(at_acme: Retailer) -> None:
    at = timezone.now() + timedelta(hours=1)
    campaign = published({"kind": "schedule", "at": at.isoformat()})
    configuration.launch_due(campaign, now=at + timedelta(hours=2))
    configuration.launch_due(campaign, now=at + timedelta(hours=3))
    assert list(Run.objects.values_list("state", flat=True)) == [Run.State.MISSED]
