"""When it would arrive, whom other campaigns write to, and what would not render."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from campaigns import policies
from campaigns.config.campaign import Timing
from campaigns.models import Campaign, TemplateVersion
from delivery import pipeline
from delivery.channels.memory import MemoryChannel
from delivery.preflight import timing
from tenants.models import Retailer
from tests import factories
from tests.delivery.preflight.asking import EMAIL, LONDON, launch, make, scheduled, work_off


def test_recipients_are_told_by_their_own_clocks(at_acme: Retailer) -> None:
    now = datetime(2027, 6, 1, 10, 30, tzinfo=UTC)  # 11:30 in London, 6:30 in New York, 19:30 in Tokyo
    factories.customers(4, timezone="Europe/London")
    factories.customers(3, first=5, timezone="America/New_York")
    factories.customers(2, first=8, timezone="Asia/Tokyo")
    factories.customers(1, first=10, timezone="")
    campaign = factories.campaign(timing={"mode": "recipient", "window": ["09:00", "18:00"]})
    told = make(campaign, now)["times"]
    assert told["zone"] == "Europe/London"
    assert told["hours"] == [
        {"at": "2027-06-01T11:00:00+01:00", "messages": 5},
        {"at": "2027-06-01T14:00:00+01:00", "messages": 3},
        {"at": "2027-06-02T01:00:00+01:00", "messages": 2},
    ]


def test_a_window_over_midnight_and_the_change_of_clocks() -> None:
    night = Timing(mode="recipient", window=("22:00", "02:00"))
    for hour, opens in ((1, 1), (3, 22), (12, 22), (23, 23)):
        due = datetime(2027, 6, 1, hour, 15, tzinfo=LONDON)
        assert timing.opens(night, due, LONDON).astimezone(LONDON).hour == opens
    morning = Timing(mode="recipient", window=("09:00", "18:00"))
    before_change = datetime(2027, 3, 27, 20, 0, tzinfo=LONDON)
    assert timing.opens(morning, before_change, LONDON) == datetime(2027, 3, 28, 8, 0, tzinfo=UTC)


def test_quiet_hours_and_later_steps_move_the_hour(at_acme: Retailer) -> None:
    policies.save(at_acme, policy={"quiet_hours": [["20:00", "08:00"]]})
    factories.customers(5)
    second = {**EMAIL, "key": "second", "after": {"step": "first", "delay": "12h"}}
    told = make(factories.campaign(steps=[EMAIL, second]), datetime(2027, 6, 1, 9, 30, tzinfo=UTC))["times"]["hours"]
    assert told == [
        {"at": "2027-06-01T10:00:00+01:00", "messages": 5},
        {"at": "2027-06-02T08:00:00+01:00", "messages": 5},
    ]


def test_days_under_the_ceiling_count_what_today_had(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(10)
    work_off(launch(factories.campaign("before")))
    policies.save(at_acme, policy={"max_per_day": 14})
    factories.customers(15, first=11)
    today = timezone.now().astimezone(LONDON).date()
    assert make(factories.campaign())["days"] == {
        "max_per_day": 14,
        "used_today": 10,
        "days": 3,
        "last_day": (today + timedelta(days=2)).isoformat(),
        "warm_up": None,
    }
    policies.save(at_acme, policy={})
    assert make(Campaign.objects.get(key="welcome"))["days"] is None


def test_collisions_are_people_in_common_and_what_the_limits_would_do(at_acme: Retailer, outbox: MemoryChannel) -> None:
    now = timezone.now()
    factories.customers(6)
    factories.customers(4, first=7, city="York")
    work_off(launch(factories.campaign("past", audience={"include": {"attribute": "external_id", "in": ["c1", "c2"]}})))
    policies.save(at_acme, policy={"per_customer": [{"messages": 2, "per": "14d"}]})
    scheduled("soon", now + timedelta(days=2), audience={"include": {"attribute": "city", "eq": "Leeds"}})
    scheduled("apart", now + timedelta(days=3), audience={"include": {"attribute": "city", "eq": "Hull"}})
    scheduled("far", now + timedelta(days=20))
    factories.campaign("draft")
    told = make(factories.campaign("mine"), now)
    (collision,) = told["collisions"]
    assert (collision["campaign"], collision["in_common"]) == ("soon", 6)
    assert (collision["over_cap"], collision["later"]) == (2, "soon")  # c1 and c2 had one: the third is too many
    assert told["more"] == 0


def test_a_run_under_way_collides_with_its_members(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(8)
    run = launch(factories.campaign("running", audience={"include": {"attribute": "external_id", "lt": "c5"}}))
    pipeline.advance(run, now=timezone.now())
    policies.save(at_acme, policy={"per_customer": [{"messages": 1, "per": "1d"}]})
    (collision,) = make(factories.campaign("mine"))["collisions"]
    assert (collision["campaign"], collision["is_under_way"], collision["in_common"]) == ("running", True, 4)
    assert (collision["over_cap"], collision["later"]) == (4, "mine")  # their messages wait in the queue


def test_no_more_than_ten_others_are_counted(at_acme: Retailer) -> None:
    now = timezone.now()
    factories.customers(2)
    for n in range(12):
        scheduled(f"other-{n}", now + timedelta(hours=n + 1))
    told = make(factories.campaign("mine"), now)
    assert [each["campaign"] for each in told["collisions"]] == [f"other-{n}" for n in range(10)]
    assert told["more"] == 2


def test_render_errors_name_step_variant_people_and_cure(at_acme: Retailer) -> None:
    factories.customers(6)
    factories.customers(4, first=7, first_name="")
    factories.customers(3, first=11, first_name="", consent_email=False)  # not included: not looked at
    factories.template("greet", subject="Hello")
    variants = [{"key": "a"}, {"key": "b", "subject": "Dear {{ customer.first_name }}"}]
    second = {**EMAIL, "key": "second", "template": "greet", "variants": variants,
              "after": {"step": "first", "delay": "1d"}}  # fmt: skip
    sample = make(factories.campaign(steps=[EMAIL, second]))["sample"]
    (error,) = sample["errors"]
    assert sample["people"] == 10
    assert (error["step"], error["variant"], error["people"]) == ("second", "b", 4)
    assert error["problem"] == "no value for customer.first_name"
    assert "default" in error["cure"]
    assert len(error["external_ids"]) == 3
    assert set(error["external_ids"]) <= {"c7", "c8", "c9", "c10"}


def test_a_template_that_cannot_be_read_any_more_is_everybodys_error(at_acme: Retailer) -> None:
    factories.customers(4)
    campaign = factories.campaign()
    TemplateVersion.objects.update(html="<p>{% include 'footer' %}</p>")
    (error,) = make(campaign)["sample"]["errors"]
    assert (error["step"], error["people"]) == ("first", 4)
    assert error["problem"].startswith("the html cannot be read any more: line 1, column ")
    assert error["cure"].startswith("Correct the template")
