"""What a launch would come to, on data that stand still: what it then comes to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from campaigns import audience, devices, policies, suppressions
from campaigns.compiler import Sql
from campaigns.config.gate import content_hash
from campaigns.models import CampaignVersion, Consent, Customer, Run
from delivery import patience, preflight, reconciliation
from delivery.channels.memory import MemoryChannel
from delivery.models import Preflight, Reconciliation
from delivery.preflight import collisions, making
from tenants.models import Retailer
from tests import factories
from tests.delivery.preflight.asking import EMAIL, SMS, launch, make, mixed_people, scheduled, work_off

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
