"""What a policy would do, before it is saved."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import blast, checks, configuration, policies, reviews
from campaigns.config.gate import Invalid
from campaigns.models import Brand, Campaign, Run
from tenants import acting, context
from tenants.models import Group, Retailer
from tests import factories

NINE = {"kind": "recurring", "rrule": "FREQ=DAILY;BYHOUR=9;BYMINUTE=0", "starts": "2026-01-01T09:00:00"}


def live(retailer: Retailer, key: str, **parts: Any) -> Campaign:
    """A campaign that waits for its next time."""
    with context.in_retailer(retailer):
        made = factories.campaign(key, **({"trigger": NINE} | parts))
        configuration.publish(made, now=timezone.now())
        assert made.state == Campaign.State.SCHEDULED
        return made


def told(hits: list[blast.Hit]) -> list[tuple[str, str, str]]:
    return [(hit.retailer.slug, hit.campaign_key, hit.effect) for hit in hits]


def statements(queries: CaptureQueriesContext) -> int:
    return sum(not query["sql"].startswith("SET ") for query in queries.captured_queries)


def test_platforms_policy_stops_what_it_forbids_and_holds_back_the_rest(acme: Retailer, globex: Retailer) -> None:
    live(acme, "early")
    live(acme, "late", trigger={**NINE, "rrule": "FREQ=DAILY;BYHOUR=15;BYMINUTE=0"})
    live(globex, "measured", audience={"include": {"all": []}, "holdout": 0.2}, trigger={"kind": "event", "name": "x"})
    with context.in_retailer(globex):
        factories.campaign("only-a-draft")
    hits = blast.radius(None, {"quiet_hours": [["20:00", "10:00"]]})
    assert told(hits) == [
        ("acme", "early", "stops"),
        ("acme", "late", "changes"),
        ("globex", "measured", "changes"),
    ]
    assert hits[0].problems == ["trigger.rrule: 09:00 is in the quiet hours (20:00 to 10:00): choose another time"]
    assert hits[1].problems == ["quiet hours: 20:00 to 10:00 (now no bound)"]
    assert (hits[0].campaign_name, hits[0].state) == ("Early", "scheduled")


def test_group_and_retailer_reach_no_further_than_themselves(acme: Retailer, globex: Retailer) -> None:
    group = Group.objects.create(key="outdoor", name="Outdoor")
    Retailer.objects.filter(pk=globex.pk).update(group=group)
    live(acme, "one")
    live(globex, "two")
    bound = {"min_holdout": 0.1}
    assert told(blast.radius(group, bound)) == [("globex", "two", "stops")]
    assert told(blast.radius(acme, bound)) == [("acme", "one", "stops")]
    assert told(blast.radius(None, bound)) == [("acme", "one", "stops"), ("globex", "two", "stops")]


def test_what_another_layer_bounds_already_is_not_told_again(acme: Retailer) -> None:
    live(acme, "one", audience={"include": {"all": []}, "holdout": 0.2})
    policies.save(acme, policy={"min_holdout": 0.2, "per_customer": [{"messages": 1, "per": "7d"}]})
    assert blast.radius(None, {"min_holdout": 0.1, "per_customer": [{"messages": 2, "per": "7d"}]}) == []
    assert told(blast.radius(None, {"min_holdout": 0.3})) == [("acme", "one", "stops")]


def test_sender_content_and_missing_approval_stop_as_well(acme: Retailer) -> None:
    campaign = live(acme, "one")
    with context.in_retailer(acme):
        Brand.objects.update(from_email="shop@acme.example")
        for policy, words in (
            ({"sender_domains": ["globex.example"]}, "brand.from_email: mail may not be sent from acme.example"),
            ({"footer": ["brand.postal_address"]}, "steps.0.template: the policy asks for {{ brand.postal_address }}"),
            ({"approval": True}, "it was published without the approval"),
            ({"channels": ["sms"]}, "steps.0.channel: email is not allowed here"),
        ):
            (hit,) = blast.radius(None, policy)
            assert hit.effect == "stops"
            assert hit.problems[0].startswith(words)
            policies.save(None, policy=policy)
            assert campaign.live
            assert [checks.reason([each]) for each in checks.stopped_by(campaign.live)] == hit.problems
            policies.save(None, policy={})
    assert blast.radius(None, {"sender_domains": ["acme.example"], "footer": ["unsubscribe_url"]}) == []


def test_approved_draft_and_open_run_of_an_older_version_are_live(acme: Retailer) -> None:
    with context.in_retailer(acme):
        with acting.acting("Ana", "user:1", "console"):
            waiting = factories.campaign("waiting")
            reviews.submit(waiting, now=timezone.now())
        with acting.acting("Ben", "user:2", "console"):
            reviews.approve(waiting, now=timezone.now())
        running = factories.campaign("running")
        run = configuration.launch(running, by="test", now=timezone.now())
        held = factories.config("running", audience={"include": {"all": []}, "holdout": 0.5})
        configuration.save_draft(held, campaign=running)
        configuration.publish(running, now=timezone.now())
        assert Run.objects.get(pk=run.pk).version_id != running.live_id
    assert told(blast.radius(None, {"min_holdout": 0.1})) == [
        ("acme", "running", "stops"),
        ("acme", "waiting", "stops"),
    ]
    assert told(blast.radius(None, {"approval": True})) == [("acme", "running", "stops")]


def test_policy_that_is_none_or_loosens_is_refused(acme: Retailer) -> None:
    policies.save(None, policy={"max_per_day": 100})
    with pytest.raises(Invalid, match="looser"):
        blast.radius(acme, {"max_per_day": 200})
    with pytest.raises(Invalid, match="unknown"):
        blast.radius(None, {"maximum": 200})


def test_many_retailers_are_read_by_a_handful_of_statements(acme: Retailer, globex: Retailer) -> None:
    for retailer in (acme, globex):
        for number in range(10):
            live(retailer, f"c{number}")
    began = time.process_time()
    with CaptureQueriesContext(connection) as queries:
        assert len(blast.radius(None, {"min_holdout": 0.1, "footer": ["brand.name"]})) == 20
    assert statements(queries) == 4
    assert time.process_time() - began < 2
    with CaptureQueriesContext(connection) as queries:
        assert blast.radius(None, {}) == []
    assert statements(queries) == 2
