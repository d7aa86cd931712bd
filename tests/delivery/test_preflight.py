"""What a launch would come to, held against what it then came to."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from campaigns import audience, configuration, devices, erasure, ingest, policies, suppressions
from campaigns.compiler import Sql
from campaigns.config.campaign import Timing
from campaigns.config.gate import content_hash, parse_campaign
from campaigns.models import Campaign, CampaignVersion, Consent, Customer, Run, Segment, TemplateVersion
from delivery import patience, pipeline, preflight, reconciliation, reports
from delivery.channels.memory import MemoryChannel
from delivery.models import Message, Preflight, Reconciliation
from delivery.preflight import collisions, making, timing
from tenants.models import Retailer
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


# -- on data that stand still ------------------------------------------------------------------------------------------
CONFIGS: dict[str, dict[str, Any]] = {
    "everybody": {},
    "holdout": {"audience": {"include": {"all": []}, "holdout": 0.25}},
    "excluding": {"audience": {"include": {"all": []}, "exclude": {"attribute": "city", "eq": "York"}, "holdout": 0.1}},
    "topic": {"topic": "news"},
    "capped": {"limits": {"per_customer": {"messages": 1, "per": "7d"}}},
    "several": {"steps": [EMAIL, {**EMAIL, "key": "second", "after": {"step": "first", "delay": "1d"}}]},
    "variants": {"steps": [{**EMAIL, "variants": [{"key": "a"}, {"key": "b"}]}]},
}


@pytest.mark.parametrize("key", CONFIGS)
def test_preflight_equals_the_run(at_acme: Retailer, outbox: MemoryChannel, key: str) -> None:
    policies.save(None, policy={"universal_holdout": 0.1, "per_customer": [{"messages": 9, "per": "30d"}]})
    mixed_people()
    work_off(launch(factories.campaign("before", audience={"include": {"attribute": "external_id", "lt": "c5"}})))
    campaign, now, sent = factories.campaign(key, **CONFIGS[key]), timezone.now(), len(outbox.sent)
    said = make(campaign, now)
    run = launch(campaign, now)
    report = work_off(run)
    assert audience.Waterfall(said["candidates"], said["included"], said["excluded"]) == report.waterfall
    assert list(said["excluded"]) == list(report.waterfall.excluded)
    assert said["candidates"] == said["included"] + sum(said["excluded"].values()) == 144
    assert said["steps"][0]["reached"] == sum(report.steps["first"].values()) == len(outbox.sent) - sent
    assert report.steps["first"] == {"accepted": said["steps"][0]["reached"]}
    assert sum(counts["messages"] for counts in said["times"]["hours"]) == sum(s["reached"] for s in said["steps"])
    assert reconciliation.lines(Reconciliation.objects.get(run=run)) == ["Exactly as the pre-flight said."]
    assert Reconciliation.objects.get(run=run).result["adds_up"]


def test_preflight_of_text_messages_equals_the_members(at_acme: Retailer) -> None:
    mixed_people()
    policies.save(None, policy={"universal_holdout": 0.05})
    campaign = factories.campaign(
        "texts", steps=[SMS, {**EMAIL, "after": {"step": "text", "delay": "1h"}}], topic="news"
    )
    now = timezone.now()
    said = make(campaign, now)
    version = CampaignVersion.objects.create(
        campaign=campaign, number=1, config=campaign.draft, content_hash=content_hash(campaign.draft)
    )  # text messages can be counted, and not published yet
    run = Run.objects.create(campaign=campaign, version=version, occurrence="test", as_of=now)
    audience.evaluate(run)
    counted = audience.waterfall(run)
    assert audience.Waterfall(said["candidates"], said["included"], said["excluded"]) == counted
    assert {"suppressed", "no_consent", "no_address", "duplicate_address", "universal_holdout"} <= set(counted.excluded)
    text, mail = said["steps"]
    assert (text["reached"], text["missed"]) == (counted.included, {})
    reachable = Customer.objects.filter(pk__in=run.members.filter(is_included=True).values("customer"))
    expected = {"suppressed": 0, "no_consent": 0, "no_address": 0}
    withdrawn = set(Consent.objects.filter(channel="email").values_list("customer", flat=True))
    for person in reachable:
        if suppressions.of("email", person.email).exists() and person.email:
            expected["suppressed"] += 1
        elif not person.consent_email or person.pk in withdrawn:
            expected["no_consent"] += 1
        elif not person.email:
            expected["no_address"] += 1
    assert mail["missed"] == {reason: number for reason, number in expected.items() if number}
    assert mail["reached"] == counted.included - sum(expected.values())


def test_channels_without_a_column_of_their_own_are_counted_too(at_acme: Retailer) -> None:
    ana, *_ = factories.customers(3, consent_push=True)
    factories.customers(1, first=4)
    devices.register(ana, "ana's", now=timezone.now())
    told = make(factories.campaign("push", steps=[{**EMAIL, "channel": "push"}]))
    assert (told["candidates"], told["included"]) == (4, 1)
    assert told["excluded"] == {"no_consent": 1, "no_address": 2}
    assert told["sentence"] == "Everyone."
    steps = [EMAIL, {**EMAIL, "key": "push", "channel": "push"}, {**EMAIL, "key": "hook", "channel": "webhook"}]
    later = make(factories.campaign("both", steps=steps))
    missed = {"no_consent": 1, "no_address": 2}
    assert later["steps"][1] == {"step": "push", "channel": "push", "reached": 1, "missed": missed}
    assert later["steps"][2] == {"step": "hook", "channel": "webhook", "reached": 4, "missed": {}}


def test_the_newest_are_kept(at_acme: Retailer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "KEPT", 3)
    factories.customers(1)
    campaign = factories.campaign()
    made = [preflight.make(campaign, now=timezone.now()).pk for _ in range(5)]
    assert sorted(Preflight.objects.values_list("pk", flat=True)) == made[2:]


def test_the_number_of_queries_does_not_grow_with_the_people(
    at_acme: Retailer, django_assert_max_num_queries: Any
) -> None:
    campaign = factories.campaign(audience={"include": {"all": []}, "holdout": 0.1})
    for first, number in ((1, 3), (4, 600)):
        factories.customers(number, first=first)
        with django_assert_max_num_queries(75):  # about half of them select the schema
            make(campaign)


def test_a_part_that_takes_too_long_says_so_and_the_rest_stands(
    at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.customers(3)

    scheduled("soon", timezone.now() + timedelta(days=2))
    monkeypatch.setattr(collisions, "_theirs", lambda *_: Sql("SELECT customer_id FROM campaigns_facts, pg_sleep(5)"))
    monkeypatch.setattr(collisions, "SECONDS", 0.05)
    told = make(factories.campaign())
    assert told["late"] == {"collisions": "This took too long and was left out."}
    assert (told["included"], told["collisions"], told["sample"]["people"]) == (3, [], 3)


def test_patience_ends_with_its_block(at_acme: Retailer) -> None:
    def timeout() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            return str(cursor.fetchone()[0])

    before = timeout()
    with patience.seconds(3):
        assert timeout() == "3s"
    assert timeout() == before
    with pytest.raises(patience.TookTooLong), patience.seconds(0.02), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(1)")
    assert timeout() == before


# -- when --------------------------------------------------------------------------------------------------------------
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


# -- other campaigns ---------------------------------------------------------------------------------------------------
def scheduled(key: str, at: datetime, **parts: Any) -> Campaign:
    local = at.astimezone(LONDON).replace(tzinfo=None, microsecond=0).isoformat()
    campaign = factories.campaign(key, trigger={"kind": "schedule", "at": local}, **parts)
    configuration.publish(campaign, now=timezone.now())
    return campaign


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


# -- what would not render ---------------------------------------------------------------------------------------------
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


# -- held against the run ----------------------------------------------------------------------------------------------
@pytest.fixture
def prepared(at_acme: Retailer, outbox: MemoryChannel) -> Campaign:
    """A campaign with 20 people, of whom 2 have not agreed, and its pre-flight."""
    factories.customers(18)
    factories.customers(2, first=19, consent_email=False)
    factories.segment("leeds", {"attribute": "city", "eq": "Leeds"})
    campaign, long_ago = (
        factories.campaign(audience={"include": {"segment": "leeds"}}),
        timezone.now() - timedelta(hours=1),
    )
    Customer.objects.update(updated_at=long_ago)
    Segment.objects.update(updated_at=long_ago)
    make(campaign, long_ago + timedelta(minutes=5))
    return campaign


def held(campaign: Campaign) -> dict[str, Any]:
    run = launch(campaign)
    work_off(run)
    return dict(Reconciliation.objects.get(run=run).result)


def changed(result: dict[str, Any]) -> dict[str, Any]:
    return {cause["cause"]: (cause["people"], cause["now"]) for cause in result["causes"]}


def adds_up(result: dict[str, Any]) -> bool:
    """What the docstring promises, reason by reason."""
    return all(
        result["after"][reason]
        == result["before"][reason]
        - result["were"].get(reason, 0)
        + sum(cause["now"].get(reason, 0) for cause in result["causes"])
        for reason in result["before"]
    )


def test_every_change_in_between_is_named_and_they_add_up(prepared: Campaign) -> None:
    now = timezone.now()
    ingest.upsert_customers(
        [{"external_id": f"new{n}", "email": f"new{n}@example.test", "city": "Leeds", "consent_email": n < 3}
         for n in range(4)], now=now,
    )  # fmt: skip
    for name, granted in (("c1", False), ("c2", False), ("c19", True)):
        customer = Customer.objects.get(external_id=name)
        Consent.objects.create(customer=customer, channel="email", is_granted=granted, said_at=now)
        Customer.objects.filter(pk=customer.pk).update(consent_email=granted)
    factories.stored([])
    suppressions.put(channel="email", address="c3@example.test", reason="complaint", source="")
    erasure.erase(Customer.objects.get(external_id="c4"))
    ingest.upsert_customers([{"external_id": "c5", "city": "York"}, {"external_id": "c6", "last_name": "Ray"}], now=now)
    result = held(prepared)
    assert result["before"] == {"included": 18, "no_consent": 2, "suppressed": 0}
    assert result["after"] == {"included": 17, "no_consent": 4, "suppressed": 1}
    assert changed(result) == {
        "customers_added": (4, {"included": 3, "no_consent": 1}),
        "consent_changed": (3, {"no_consent": 2, "included": 1}),
        "suppressions_added": (1, {"suppressed": 1}),
        "customers_changed": (2, {"included": 1}),  # one is in York now, and no candidate any more
        "customers_erased": (1, {}),
    }
    assert result["were"] == {"included": 6, "no_consent": 1}
    assert result["adds_up"]
    assert adds_up(result)


def test_what_leaves_no_trace_on_a_person_is_named_without_a_number(prepared: Campaign, at_acme: Retailer) -> None:
    Segment.objects.get().delete()
    factories.segment("leeds", {"attribute": "external_id", "lt": "c15"})
    policies.save(at_acme, policy={"universal_holdout": 0.2})
    result = held(prepared)
    assert {cause["cause"] for cause in result["causes"]} == {"segment_edited", "policy_changed"}
    assert adds_up(result)
    lines = reconciliation.lines(Reconciliation.objects.get())
    assert "Edited since: segment leeds." in lines


def test_events_and_messages_in_between_count_where_the_rule_or_a_limit_asks(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    factories.customers(10)
    campaign = factories.campaign(
        "buyers",
        audience={"include": {"event": "order", "within": "7d"}},
        limits={"per_customer": {"messages": 1, "per": "1d"}},
    )
    order = {"name": "order", "occurred_at": timezone.now().isoformat()}
    events = [order | {"event_id": f"e{n}", "external_id": f"c{n}"} for n in range(1, 7)]
    ingest.add_events(events[:4], now=timezone.now(), zone=LONDON)
    make(campaign, timezone.now())
    ingest.add_events(events[4:], now=timezone.now(), zone=LONDON)
    work_off(launch(factories.campaign("one", audience={"include": {"attribute": "external_id", "in": ["c1", "c2"]}})))
    result = held(campaign)
    assert changed(result) == {
        "messages_sent": (2, {"capped": 2}),
        "events_arrived": (2, {"included": 2}),
        "time_passed": (None, {}),
    }
    assert (result["before"]["included"], result["after"]["included"], result["were"]) == (4, 4, {"included": 2})
    assert result["adds_up"]
    assert adds_up(result)


def test_a_run_is_held_against_the_latest_of_its_very_configuration(prepared: Campaign) -> None:
    wanted = Preflight.objects.get()
    edited = configuration.save_draft(
        factories.config(audience={"include": {"segment": "leeds"}, "holdout": 0.5}), campaign=prepared
    )
    make(edited)
    back = configuration.save_draft(factories.config(audience={"include": {"segment": "leeds"}}), campaign=edited)
    run = launch(back)
    work_off(run)
    assert Reconciliation.objects.get(run=run).preflight == wanted
    again = configuration.save_draft(factories.config(audience={"include": {"all": []}}), campaign=back)
    result = held(again)
    assert "configuration_edited" in changed(result)


def test_a_run_without_a_preflight_is_held_against_nothing(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(2)
    run = launch(factories.campaign())
    work_off(run)
    assert reconciliation.of(run) is None
    assert reconciliation.as_data(run) == {"preflight": None}


def test_it_is_told_line_by_line(at_acme: Retailer, settings: Settings) -> None:
    factories.customers(3)
    factories.customers(1, first=4, consent_email=False)
    lines = "\n".join(preflight.lines(preflight.make(factories.campaign(), now=timezone.now())))
    assert "Everyone." in lines
    assert "4 candidates, 3 included" in lines
    assert re.search(r"^ +1 no_consent$", lines, re.MULTILINE)
    assert "3 people's messages were rendered without an error" in lines


def test_parsed_drafts_are_what_the_preflight_hashes(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(1)
    campaign = factories.campaign()
    made = preflight.make(campaign, now=timezone.now())
    assert made.config_hash == launch(campaign).version.content_hash
    assert parse_campaign(campaign.draft).key == "welcome"
    assert Message.objects.count() == 0
