"""Who is in a run and who is not: one reason each, in a fixed order, by draws that are fair and keep still."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import audience, configuration, exclusions, facts, policies, suppressions
from campaigns.compiler import NOBODY, Sql
from campaigns.config.gate import parse_campaign
from campaigns.models import Consent, Customer, Member, Run
from delivery import messages
from delivery.models import Message
from tenants.models import Retailer
from tests import factories

REASON = Member.Reason
CHANCE = 1e-9  # how unlikely a count may be before it is told as unfair


def launch(key: str = "welcome", **parts: Any) -> Run:
    return configuration.launch(factories.campaign(key, **parts), by="test", now=timezone.now())


def reasons(run: Run) -> dict[str, str]:
    """Of each candidate by external id: the reason, or an empty text."""
    names = dict(Customer.objects.values_list("pk", "external_id"))
    return {names[pk]: reason for pk, reason in run.members.values_list("customer", "reason")}


def draws(run: Run) -> dict[str, float]:
    names = dict(Customer.objects.values_list("pk", "external_id"))
    return {names[pk]: draw for pk, draw in run.members.values_list("customer", "draw")}


# -- one reason, in a fixed order --------------------------------------------------------------------------------------
PEOPLE = [f"c{n}" for n in range(11, 23)]  # whom the reasons are put upon; c1 to c10 are as they should be
RETAILER = 0.5  # of everybody: the most that a policy may hold out of all campaigns


def rename(**fields: Any) -> None:
    for person in Customer.objects.filter(external_id__in=PEOPLE):
        Customer.objects.filter(pk=person.pk).update(**fields)


def put_on_the_list() -> None:
    for email in Customer.objects.filter(external_id__in=PEOPLE).exclude(email="").values_list("email", flat=True):
        suppressions.put(channel="email", address=email, reason="complaint", source="")


def share_addresses() -> None:
    rename(email="c1@example.test")


def reached_before() -> None:
    audience.evaluate(Run.objects.get(occurrence="before"))


PUT: dict[str, Callable[[], object]] = {
    REASON.EXCLUDED_BY_RULE: lambda: rename(city="York"),
    REASON.TOO_SOON: lambda: None,
    REASON.SUPPRESSED: put_on_the_list,
    REASON.NO_CONSENT: lambda: rename(consent_email=False),
    REASON.NO_ADDRESS: lambda: rename(email=""),
    REASON.DUPLICATE_ADDRESS: share_addresses,
    REASON.UNIVERSAL_HOLDOUT: lambda: policies.save(None, policy={"universal_holdout": RETAILER}),
    REASON.HOLDOUT: lambda: None,
    REASON.CAPPED: lambda: None,
}
NEVER_BOTH = {
    (REASON.SUPPRESSED, REASON.NO_ADDRESS),  # no address is on no list,
    (REASON.SUPPRESSED, REASON.DUPLICATE_ADDRESS),  # and the first of a suppressed address is left out as well
    (REASON.NO_ADDRESS, REASON.DUPLICATE_ADDRESS),
}


def told(*put: str) -> dict[str, str]:
    """The reasons of PEOPLE when these are put upon them."""
    trigger = {"kind": "event", "name": "cart", "once_per": "7d"}
    rules = {"include": {"all": []}, "exclude": {"attribute": "city", "eq": "York"}}
    campaign = factories.campaign(trigger=trigger, audience=rules | {"holdout": 1.0 * (REASON.HOLDOUT in put)})
    now = timezone.now()
    if REASON.TOO_SOON in put:
        before = factories.config(trigger=trigger, audience={"include": {"attribute": "external_id", "in": PEOPLE}})
        campaign = configuration.save_draft(before, campaign=campaign)
        audience.evaluate(configuration.launch(campaign, by="test", now=now))
        rest = rules | {"holdout": 1.0 * (REASON.HOLDOUT in put)}
        campaign = configuration.save_draft(factories.config(trigger=trigger, audience=rest), campaign=campaign)
    for reason in put:
        PUT[reason]()
    facts.recompute()
    run = configuration.launch(campaign, by="test", now=now + timedelta(seconds=1))
    audience.evaluate(run, capped=Sql("TRUE") if REASON.CAPPED in put else NOBODY)
    return {name: reason for name, reason in reasons(run).items() if name in PEOPLE}


@pytest.mark.parametrize(
    ("first", "second"),
    [pair for pair in itertools.combinations(exclusions.PRECEDENCE, 2) if pair not in NEVER_BOTH],
)
def test_of_two_reasons_the_first_in_the_order_is_told(at_acme: Retailer, first: str, second: str) -> None:
    factories.customers(22)
    found = told(first, second)
    assert set(found) == set(PEOPLE)
    if first == REASON.UNIVERSAL_HOLDOUT:
        drawn = Customer.objects.filter(external_id__in=PEOPLE).order_by("pk").values_list("external_id", flat=True)
        held = {name for name in drawn if found[name] == first}
        assert 0 < len(held) < len(PEOPLE)
        assert {found[name] for name in set(PEOPLE) - held} == {second}
    else:
        assert set(found.values()) == {first}


@pytest.mark.parametrize("reason", sorted(set(exclusions.PRECEDENCE) - {REASON.UNIVERSAL_HOLDOUT}))
def test_each_reason_alone_is_told(at_acme: Retailer, reason: str) -> None:
    factories.customers(22)
    assert set(told(reason).values()) == {reason}


def test_everybody_is_a_candidate_or_not_and_the_sums_agree(at_acme: Retailer) -> None:
    factories.customers(40)
    factories.customers(5, first=41, consent_email=False)
    factories.customers(3, first=46, email="c2@example.test")
    factories.customers(6, first=49, city="York")
    campaign = factories.campaign(audience={"include": {"attribute": "city", "eq": "Leeds"}, "holdout": 0.3})
    counted = audience.count(parse_campaign(campaign.draft), as_of=timezone.now())
    run = configuration.launch(campaign, by="test", now=timezone.now())
    audience.evaluate(run)
    assert audience.waterfall(run) == counted
    assert counted.candidates == counted.included + sum(counted.excluded.values()) == 48 == run.members.count()
    assert list(counted.excluded) == ["no_consent", "duplicate_address", "holdout"]
    assert all(member.is_included == (member.reason == "") for member in run.members.all())


def test_a_rule_that_is_neither_true_nor_false_of_somebody_leaves_them_out_of_it(at_acme: Retailer) -> None:
    factories.customers(2)
    factories.customers(2, first=3, city="")
    rules = {"include": {"all": []}, "exclude": {"attribute": "city", "eq": "Leeds"}}
    run = launch(audience=rules)
    audience.evaluate(run)
    assert reasons(run) == {"c1": "excluded_by_rule", "c2": "excluded_by_rule", "c3": "", "c4": ""}


# -- consent to a topic ------------------------------------------------------------------------------------------------
def test_who_said_no_to_the_topic_has_no_consent_for_it_and_keeps_it_for_others(at_acme: Retailer) -> None:
    first, second, third, _ = factories.customers(4)
    said = timezone.now()
    Consent.objects.create(customer=first, channel="email", topic="news", is_granted=False, said_at=said)
    Consent.objects.create(customer=second, channel="sms", topic="news", is_granted=False, said_at=said)
    Consent.objects.create(customer=third, channel="email", topic="news", is_granted=False, said_at=said)
    Consent.objects.update(is_current=False)
    Consent.objects.create(customer=third, channel="email", topic="news", is_granted=True, said_at=said)
    Consent.objects.filter(customer__in=[first, second]).update(is_current=True)
    news, offers = launch("news", topic="news"), launch("offers", topic="offers")
    for run in (news, offers):
        audience.evaluate(run)
    assert reasons(news) == {"c1": "no_consent", "c2": "", "c3": "", "c4": ""}
    assert set(reasons(offers).values()) == {""}


# -- shared addresses --------------------------------------------------------------------------------------------------
def test_of_a_shared_address_the_first_is_kept_whom_nothing_else_leaves_out(at_acme: Retailer) -> None:
    factories.customers(1, consent_email=False, email="ours@example.test")
    factories.customers(1, first=2, city="York", email="ours@example.test")
    factories.customers(2, first=3, email="ours@example.test")
    factories.customers(1, first=5)
    run = launch(audience={"include": {"all": []}, "exclude": {"attribute": "city", "eq": "York"}})
    audience.evaluate(run)
    assert reasons(run) == {
        "c1": "no_consent", "c2": "excluded_by_rule", "c3": "", "c4": "duplicate_address", "c5": "",
    }  # fmt: skip


def test_a_double_that_is_no_candidate_takes_nobodys_place(at_acme: Retailer) -> None:
    factories.customers(1, city="York", email="ours@example.test")
    factories.customers(1, first=2, email="ours@example.test")
    run = launch(audience={"include": {"attribute": "city", "eq": "Leeds"}})
    audience.evaluate(run)
    assert reasons(run) == {"c2": ""}


def test_a_held_out_address_is_not_written_to_by_its_double(at_acme: Retailer) -> None:
    factories.customers(60)
    factories.customers(60, first=61)
    for n in range(1, 61):
        Customer.objects.filter(external_id=f"c{n + 60}").update(email=f"c{n}@example.test")
    facts.recompute()
    run = launch(audience={"include": {"all": []}, "holdout": 0.5})
    audience.evaluate(run)
    found = reasons(run)
    assert {found[f"c{n}"] for n in range(61, 121)} == {"duplicate_address"}
    assert Counter(found[f"c{n}"] for n in range(1, 61)).keys() == {"", "holdout"}


def test_text_messages_are_judged_by_phone(at_acme: Retailer) -> None:
    factories.customers(2, consent_sms=True, phone="+447700900001")
    factories.customers(1, first=3, consent_sms=True)
    factories.customers(1, first=4, phone="+447700900002")
    factories.customers(1, first=5, phone="+447700900003", consent_sms=True)
    suppressions.put(channel="sms", address="+447700900003", reason="unsubscribed", source="")
    config = parse_campaign(factories.config(steps=[{"key": "first", "channel": "sms", "template": "hello"}]))
    assert audience.count(config, as_of=timezone.now()) == audience.Waterfall(
        candidates=5,
        included=1,
        excluded={"suppressed": 1, "no_consent": 1, "no_address": 1, "duplicate_address": 1},
    )


# -- the same again ----------------------------------------------------------------------------------------------------
def test_a_rerun_adds_nobody_and_a_persons_draw_outlives_new_customers(at_acme: Retailer) -> None:
    policies.save(at_acme, policy={"universal_holdout": 0.2})
    factories.customers(200)
    campaign = factories.campaign(audience={"include": {"all": []}, "holdout": 0.2})
    first = configuration.launch(campaign, by="test", now=timezone.now())
    audience.evaluate(first)
    audience.evaluate(first)
    Run.objects.filter(pk=first.pk).update(evaluated_at=None)
    first.refresh_from_db()
    factories.customers(100, first=201)
    before = (reasons(first), draws(first))
    audience.evaluate(first)  # even one that forgot that it was: whoever is a member stays as they are
    assert {name: reasons(first)[name] for name in before[0]} == before[0]
    assert {name: draws(first)[name] for name in before[1]} == before[1]
    second = configuration.launch(campaign, by="test", now=timezone.now())
    audience.evaluate(second)
    assert {name: reasons(second)[name] for name in before[0]} == before[0]
    assert {name: draws(second)[name] for name in before[1]} == before[1]
    assert second.members.count() == 300


def test_the_number_of_queries_does_not_grow_with_the_people(at_acme: Retailer) -> None:
    asked = []
    for key, first, number in (("few", 1, 3), ("many", 4, 297)):
        factories.customers(number, first=first)
        run = launch(key, audience={"include": {"event": "order", "count": {"gte": 0}}, "holdout": 0.1})
        with CaptureQueriesContext(
            connection,
        ) as queries:
            audience.evaluate(run)
        asked.append(len(queries))
    assert asked[0] == asked[1]


# -- fair draws --------------------------------------------------------------------------------------------------------
def at_most(k: int, n: int, p: float) -> float:
    """The exact probability of at most k in n."""
    return math.fsum(
        math.exp(
            math.lgamma(n + 1)
            - math.lgamma(i + 1)
            - math.lgamma(n - i + 1)
            + i * math.log(p)
            + (n - i) * math.log1p(-p)
        )
        for i in range(k + 1)
    )


def is_fair(k: int, n: int, p: float) -> bool:
    return at_most(k, n, p) > CHANCE / 2 and at_most(n - k, n, 1 - p) > CHANCE / 2


def correlation(one: list[float], other: list[float]) -> float:
    n, a, b = len(one), sum(one) / len(one), sum(other) / len(other)
    spread = math.sqrt(sum((x - a) ** 2 for x in one) * sum((y - b) ** 2 for y in other))
    return sum((x - a) * (y - b) for x, y in zip(one, other, strict=True)) / spread if n else 0.0


def test_holdouts_and_variants_take_their_shares_over_a_hundred_campaigns(at_acme: Retailer) -> None:
    people, holdout, everywhere = 1000, 0.1, 0.05
    policies.save(None, policy={"universal_holdout": everywhere})
    factories.customers(people)
    step = {"key": "first", "channel": "email", "template": "hello"}
    step |= {"variants": [{"key": key} for key in "abc"]}  # type: ignore[dict-item]
    held, variants, always = Counter[str](), Counter[str](), set()
    for number in range(100):
        rules = {"include": {"all": []}, "holdout": holdout}
        run = launch(f"campaign-{number}", audience=rules, steps=[step])
        audience.evaluate(run)
        messages.generate(run, now=timezone.now())
        found = Counter(run.members.values_list("reason", flat=True))
        always.add(frozenset(run.members.filter(reason="universal_holdout").values_list("customer", flat=True)))
        left = people - found["universal_holdout"]
        assert is_fair(found["holdout"], left, holdout)
        shares = Counter(Message.objects.filter(run=run).values_list("variant", flat=True))
        assert sum(shares.values()) == found[""] == left - found["holdout"]
        assert all(is_fair(shares[key], found[""], 1 / 3) for key in "abc")
        held.update({"held": found["holdout"], "of": left})
        variants.update(shares)
    assert len(always) == 1  # the same people are held out of every campaign
    assert is_fair(len(next(iter(always))), people, everywhere)
    assert is_fair(held["held"], held["of"], holdout)
    assert all(is_fair(variants[key], sum(variants.values()), 1 / 3) for key in "abc")


def test_draws_of_campaigns_of_their_holdouts_and_of_the_universal_one_know_nothing_of_each_other(
    at_acme: Retailer,
) -> None:
    people = 2000
    factories.customers(people)
    configs = [parse_campaign(factories.config(f"campaign-{number}")) for number in range(12)]
    asked = [exclusions.universal_draw()]
    asked += [draw(config) for config in configs for draw in (exclusions.draw_of, exclusions.holdout_draw)]
    with connection.cursor() as cursor:
        columns, params = ", ".join(draw.text for draw in asked), [p for draw in asked for p in draw.params]
        cursor.execute(f"SELECT {columns} {audience.FROM} ORDER BY f.customer_id", params)
        numbers = [list(column) for column in zip(*cursor.fetchall(), strict=True)]
    bound = 5 / math.sqrt(people)  # five standard deviations, for 300 pairs
    for one, other in itertools.combinations(numbers, 2):
        assert abs(correlation(one, other)) < bound
        low = [[sum((x < 0.5) == left and (y < 0.5) == right for x, y in zip(one, other, strict=True))
                for right in (True, False)] for left in (True, False)]  # fmt: skip
        expected = people / 4
        assert sum((cell - expected) ** 2 / expected for row in low for cell in row) < 40  # chi-square, 3 degrees
    assert all(0 <= number < 1 for column in numbers for number in column)
