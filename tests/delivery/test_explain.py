"""Why one person gets it or does not: the same answer as the members and messages of the run."""

from __future__ import annotations

import io
import json
import os
import random
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from campaigns import configuration, consents, devices, ingest, policies, suppressions
from campaigns.models import Campaign, Consent, Customer, Member, Run
from delivery import explanation, pipeline
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from tenants.models import Retailer
from tests import factories

PEOPLE = int(os.environ.get("BANNERLINE_EXPLAINED", "12"))  # of each campaign; the whole promise is 1000
EMAIL = {"key": "first", "channel": "email", "template": "hello"}
HOURS, UTC_ZONE = timedelta(hours=1), ZoneInfo("UTC")


def explain(key: str, who: str, **options: Any) -> dict[str, Any]:
    found = Campaign.objects.get(key=key)
    return explanation.explain(found, Customer.objects.get(external_id=who), now=timezone.now(), **options)


def ordered(who: str, value: float, days: int) -> None:
    at = timezone.now() - timedelta(days=days)
    row = {"event_id": f"{who}-{days}", "external_id": who, "name": "order", "value": value}
    ingest.add_events([row | {"occurred_at": at.isoformat()}], now=timezone.now(), zone=UTC_ZONE)


# -- agreement ---------------------------------------------------------------------------------------------------------
CAMPAIGNS: list[dict[str, Any]] = [
    {"audience": {"include": {"all": []}, "holdout": 0.2}},
    {"audience": {"include": {"any": [{"attribute": "city", "eq": "Leeds"}, {"segment": "buyers"}]}},
     "steps": [{**EMAIL, "variants": [{"key": "a"}, {"key": "b"}, {"key": "c"}]}]},
    {"audience": {"include": {"not": {"segment": "buyers"}}, "exclude": {"attribute": "tier", "eq": "gold"}}},
    {"topic": "news", "audience": {"include": {"sample": 0.7}}},
    {"limits": {"per_customer": {"messages": 2, "per": "7d"}}},
]  # fmt: skip


def crowd(rng: random.Random, number: int) -> None:
    cities, tiers = ["Leeds", "York", "Hull", ""], ["gold", "silver", None]
    rows = [
        Customer(
            external_id=f"c{n}",
            email=rng.choice([f"c{n}@example.test"] * 12 + ["", f"c{max(1, n - 3)}@example.test"]),
            first_name="Ana",
            city=rng.choice(cities),
            consent_email=rng.random() < 0.85,
            attributes={"tier": tier} if (tier := rng.choice(tiers)) else {},
        )
        for n in range(1, number + 1)
    ]
    factories.stored(rows)
    at = timezone.now() - timedelta(days=3)
    events = [
        {"event_id": f"o{n}", "external_id": f"c{n}", "name": "order", "value": 20, "occurred_at": at.isoformat()}
        for n in range(1, number + 1) if rng.random() < 0.4
    ]  # fmt: skip
    for begin in range(0, len(events), 500):
        ingest.add_events(events[begin : begin + 500], now=timezone.now(), zone=UTC_ZONE)
    people = list(Customer.objects.order_by("pk"))
    for customer in rng.sample(people, number // 20):
        Consent.objects.create(
            customer=customer, channel="email", topic="news", is_granted=False, said_at=timezone.now()
        )
    for customer in rng.sample([each for each in people if each.email], number // 25):
        suppressions.put(channel="email", address=customer.email, reason="complaint", source="")
    factories.segment("buyers", {"event": "order", "within": "7d"})


@pytest.mark.timeout(0 if PEOPLE > 100 else 300)
def test_explanations_agree_with_members_and_messages(at_acme: Retailer, outbox: MemoryChannel) -> None:
    rng = random.Random(4)
    policies.save(None, policy={"universal_holdout": 0.1, "per_customer": [{"messages": 9, "per": "30d"}]})
    crowd(rng, max(200, PEOPLE))
    everybody = list(Customer.objects.order_by("pk"))
    for number, parts in enumerate(CAMPAIGNS):
        campaign = factories.campaign(f"campaign-{number}", **parts)
        chosen = rng.sample(everybody, PEOPLE)
        now = timezone.now()
        before = {each.pk: explanation.explain(campaign, each, now=now) for each in chosen}
        run = configuration.launch(campaign, by="test", now=now)
        pipeline.work(seconds=120)
        members = {member.customer_id: member for member in run.members.filter(customer__in=chosen)}
        sent = {message.customer_id: message for message in Message.objects.filter(run=run, customer__in=chosen)}
        for each in chosen:
            would, did = before[each.pk], explanation.explain(campaign, each, now=timezone.now())["runs"][0]
            _agrees(would, did, members.get(each.pk), sent.get(each.pk))


def _agrees(would: dict[str, Any], did: dict[str, Any], member: Member | None, message: Message | None) -> None:
    verdict = would["verdict"]
    assert verdict["is_candidate"] == did["is_member"] == (member is not None) == would["rules"][0]["matched"]
    if member is None:
        assert (message, did["messages"]) == (None, [])
        return
    assert (verdict["included"], verdict["reason"]) == (member.is_included, member.reason)
    assert (did["included"], did["reason"], did["draw"]) == (member.is_included, member.reason, member.draw)
    assert would["draws"]["variant"]["draw"] == member.draw
    first = next((check["reason"] for check in would["checks"] if check["holds"]), "")
    assert first == member.reason
    assert member.is_included == (message is not None)
    if message:
        assert would["steps"][0]["variant"] == message.variant
        (told,) = did["messages"]
        assert (told["state"], told["reason"], told["attempts"]) == (message.state, message.reason, message.attempts)
        assert [each["result"] for each in told["outcomes"]] == ["accepted"]


# -- what is told ------------------------------------------------------------------------------------------------------
def test_each_leaf_stands_beside_the_value_that_decided(at_acme: Retailer) -> None:
    factories.customers(1, attributes={"tier": "silver"})
    ordered("c1", 20, 3)
    ordered("c1", 35.5, 10)
    ordered("c1", 99, 400)
    factories.segment("gold", {"attribute": "tier", "eq": "gold"})
    factories.segment("best", {"any": [{"segment": "gold"}, {"attribute": "city", "eq": "Leeds"}]})
    include = {
        "all": [
            {"segment": "best"},
            {"event": "order", "count": {"gte": 2}, "within": "30d"},
            {"event": "order", "sum": {"property": "value", "gte": 100}, "within": "30d"},
            {"engaged": {"channel": "email", "within": "30d"}},
            {"consent": {"channel": "email"}},
        ]
    }
    factories.campaign(audience={"include": include})
    told = explain("welcome", "c1")
    (rule,) = told["rules"]
    assert not rule["matched"]
    assert not told["verdict"]["is_candidate"]
    assert told["verdict"]["words"] == "The audience's rule does not match."
    assert [(leaf["segments"], leaf["matched"], leaf["words"].split(", last")[0]) for leaf in rule["leaves"]] == [
        (["best", "gold"], False, "has silver"),
        (["best"], True, "has Leeds"),
        ([], True, "did it 2 times"),
        ([], False, "did it 2 times, value 55.5 in all"),
        ([], False, "never engaged"),
        ([], True, "has agreed"),
    ]
    assert (rule["leaves"][3]["actual"]["count"], rule["leaves"][3]["actual"]["sum"]) == (2, 55.5)


def test_each_check_says_what_speaks_for_it(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(3)
    factories.customers(1, first=4, email="c1@example.test")
    pipeline_run = configuration.launch(factories.campaign("before"), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    assert Run.objects.get(pk=pipeline_run.pk).state == "completed"
    second = Customer.objects.get(external_id="c2")
    consents.say(
        second,
        [consents.Statement("email", "news", granted=False, said_at=timezone.now(), source="preference page")],
        by="c2",
    )
    suppressions.put(channel="email", address="c3@example.test", reason="hard_bounce", source="smtp")
    policies.save(None, policy={"universal_holdout": 0.001})
    factories.campaign(topic="news", limits={"per_customer": {"messages": 1, "per": "7d"}})

    def detail(who: str) -> tuple[str, str]:
        told = explain("welcome", who)
        check = next(check for check in told["checks"] if check["holds"])
        assert check["reason"] == told["verdict"]["reason"]
        return check["words"], check["detail"]

    assert detail("c1") == ("Had as many messages lately as the limits allow", "had 1, limit 1")
    words, said = detail("c2")
    assert (words, "said no to news on" in said, "preference page" in said) == (
        "No consent for the channel",
        True,
        True,
    )
    assert detail("c3")[1] == "on this retailer's list: hard bounce"
    assert detail("c4") == (
        "Address shared with an included person", "shared with c1; c1 stands for the address",
    )  # fmt: skip
    draws = explain("welcome", "c1")["draws"]
    assert draws["universal_holdout"]["share"] == 0.001
    assert 0 <= draws["universal_holdout"]["draw"] < 1


def test_a_run_is_explained_by_what_it_asked(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(2)
    campaign = factories.campaign(audience={"include": {"attribute": "external_id", "eq": "c1"}})
    run = configuration.launch(campaign, by="test", now=timezone.now())
    pipeline.work(seconds=20)
    configuration.save_draft(
        factories.config(audience={"include": {"attribute": "external_id", "eq": "c2"}}), campaign=campaign
    )
    assert (explain("welcome", "c1")["verdict"]["included"], explain("welcome", "c2")["verdict"]["included"]) == (
        False,
        True,
    )
    told = explain("welcome", "c1", run=run)
    assert (told["run"], told["version"], told["verdict"]["included"]) == (run.pk, 1, True)
    assert told["runs"][0]["words"] == "Was included."
    assert "Was no candidate" in explain("welcome", "c2")["runs"][0]["words"]


def test_a_person_set_nothing_off_is_told_so(at_acme: Retailer) -> None:
    factories.customers(2)
    campaign = factories.campaign(trigger={"kind": "event", "name": "cart"})
    configuration.publish(campaign, now=timezone.now())
    row = {"event_id": "e1", "external_id": "c1", "name": "cart", "occurred_at": timezone.now().isoformat()}
    ingest.add_events([row], now=timezone.now(), zone=at_acme.tzinfo)
    configuration.launch_due(Campaign.objects.select_related("live").get(), now=timezone.now() + HOURS)
    run = Run.objects.get()
    assert explain("welcome", "c1", run=run)["verdict"]["included"]
    assert explain("welcome", "c2", run=run)["verdict"]["words"] == "Nothing that this person did set this run off."
    assert explain("welcome", "c2")["verdict"]["included"]  # were they to do it


def test_push_needs_a_device(at_acme: Retailer) -> None:
    [ana] = factories.customers(1, consent_push=True)
    factories.campaign(steps=[{**EMAIL, "channel": "push"}])
    told = explain("welcome", "c1")
    assert (told["verdict"]["reason"], told["address"]) == ("no_address", "")
    assert "Would not get it" in next(explanation.lines(told))
    devices.register(ana, "a token", now=timezone.now())
    told = explain("welcome", "c1")
    assert (told["verdict"]["included"], told["address"]) == (True, "1 device")


def test_the_number_of_queries_does_not_grow_with_the_people(
    at_acme: Retailer, django_assert_max_num_queries: Any
) -> None:
    factories.campaign()
    for first, number in ((1, 3), (4, 300)):
        factories.customers(number, first=first)
        with django_assert_max_num_queries(60):
            explain("welcome", "c1")


# -- from the terminal -------------------------------------------------------------------------------------------------
def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("explain", "acme", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_tells_it_in_words_and_as_json(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(1)
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    told = command("welcome", "c1")
    assert "c1 and Welcome, now: Would get it. Included." in told
    assert "Was included." in told
    assert "variant a: accepted" in told
    assert json.loads(command("welcome", "c1", "--json"))["verdict"]["included"] is True


def test_whoever_is_not_known_is_named(at_acme: Retailer) -> None:
    factories.customers(1)
    factories.campaign()
    with pytest.raises(CommandError, match=r"no campaign 'nope'\. Known: welcome"):
        command("nope", "c1")
    with pytest.raises(CommandError, match="no customer 'c9'"):
        command("welcome", "c9")
    with pytest.raises(CommandError, match="welcome has no run 99"):
        command("welcome", "c1", "--run", "99")
