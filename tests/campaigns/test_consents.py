"""Consent is a fold over what was said: whatever the order in which it arrives, with every word kept as proof."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import audience, configuration, consents, devices, facts
from campaigns.config import gate
from campaigns.consents import Statement
from campaigns.models import Consent, Customer, Facts
from delivery import messages, pipeline, reports
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from tenants import context
from tenants.models import Retailer
from tests import factories

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLACES = [(channel, topic) for channel in consents.CHANNELS for topic in ("", "news", "offers")]
UNHEARD = "recipes"  # a topic of which nobody says anything


@pytest.fixture
def ana(at_acme: Retailer) -> Customer:
    """A customer of whom nothing is known but where she is written to."""
    [made] = factories.customers(1, consent_email=False, phone="+447400123456")
    devices.register(made, "ana's", now=timezone.now())
    return made


def yes(day: int, channel: str = "email", topic: str = "", **proof: str) -> Statement:
    return Statement(channel, topic, True, DAY + timedelta(days=day), **proof)


def no(day: int, channel: str = "email", topic: str = "", **proof: str) -> Statement:
    return Statement(channel, topic, False, DAY + timedelta(days=day), **proof)


def holds(customer: Customer, channel: str = "email", topic: str = "news") -> bool:
    """Whether a campaign of that topic would write to the customer."""
    step = {"key": "first", "channel": channel, "template": "hello"}
    include = {"attribute": "external_id", "eq": customer.external_id}
    campaign = factories.config(topic=topic, steps=[step], audience={"include": include})
    return audience.count(gate.parse_campaign(campaign), as_of=timezone.now()).included == 1


def withdrawn(channel: str, topic: str) -> list[str]:
    condition = consents.withdrawn_topic(channel, topic)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT c.external_id {audience.FROM} WHERE {condition.text} ORDER BY 1", condition.params)
        return [row[0] for row in cursor.fetchall()]


def test_latest_statement_holds_and_every_one_is_kept_as_proof(ana: Customer) -> None:
    consents.say(ana, [yes(1, source="checkout", text="News by e-mail?")], by="API key shop")
    assert holds(ana)
    consents.say(ana, [no(2, source="preference page")], by="API key shop")
    assert not holds(ana)
    proof = list(consents.history(ana).values_list("is_granted", "said_at", "source", "text", "by", "is_current"))
    assert proof == [
        (False, DAY + timedelta(days=2), "preference page", "", "API key shop", True),
        (True, DAY + timedelta(days=1), "checkout", "News by e-mail?", "API key shop", False),
    ]


def test_older_statement_that_arrives_late_is_proof_and_changes_nothing(ana: Customer) -> None:
    consents.say(ana, [no(5)], by="test")
    [late] = consents.say(ana, [yes(1)], by="test")
    assert (late.is_current, holds(ana), Consent.objects.count()) == (False, False, 2)


def test_of_two_of_the_same_moment_the_no_holds(ana: Customer) -> None:
    for said in ([yes(1), no(1)], [no(2), yes(2)]):
        for each in said:
            consents.say(ana, [each], by="test")
        assert not holds(ana)


def test_statement_that_comes_again_is_not_repeated(ana: Customer) -> None:
    first = consents.say(ana, [yes(1), no(1, "sms"), yes(1)], by="test")
    again = consents.say(ana, [yes(1)], by="somebody else")
    assert Consent.objects.count() == 2
    assert [each.pk for each in again] == [first[0].pk] == [first[2].pk]


def test_topic_narrows_the_channel_and_never_widens_it(ana: Customer) -> None:
    consents.say(ana, [yes(1, topic="news")], by="test")
    assert not holds(ana)
    consents.say(ana, [yes(1), no(2, topic="news")], by="test")
    assert (holds(ana, topic="news"), holds(ana, topic="offers")) == (False, True)
    consents.say(ana, [no(3), yes(4)], by="test")
    assert (holds(ana, topic="news"), holds(ana, topic="offers")) == (False, True)
    consents.say(ana, [yes(5, topic="news")], by="test")
    assert holds(ana, topic="news")


def test_customer_and_facts_follow_the_whole_channel_only(ana: Customer) -> None:
    consents.say(ana, [yes(1), yes(1, "push"), yes(1, "sms", "news")], by="test")
    fields = ("consent_email", "consent_sms", "consent_push")
    assert (
        Customer.objects.values_list(*fields).get() == Facts.objects.values_list(*fields).get() == (True, False, True)
    )
    assert (ana.consent_email, ana.consent_sms) == (True, False)
    assert facts.recompute() == 0


def test_consent_without_proof_holds_until_something_is_said(at_acme: Retailer) -> None:
    [ben] = factories.customers(1)
    assert holds(ben)
    consents.say(ben, [no(0)], by="test")
    assert not holds(ben)


def test_those_who_withdrew_a_topic_are_found_in_sql(at_acme: Retailer) -> None:
    one, two, three = factories.customers(3)
    consents.say(one, [no(1, topic="news")], by="test")
    consents.say(two, [no(1, topic="news"), yes(2, topic="news"), no(1, topic="offers")], by="test")
    consents.say(three, [no(1), no(1, "sms", "news")], by="test")
    assert withdrawn("email", "news") == ["c1"]
    assert withdrawn("email", "offers") == ["c2"]
    assert withdrawn("email", "") == []
    assert withdrawn("email", "' OR TRUE --") == []


def test_topic_withdrawn_before_the_hand_over_cancels_the_message(at_acme: Retailer, outbox: MemoryChannel) -> None:
    one, two, three = factories.customers(3)
    run = configuration.launch(factories.campaign(topic="news"), by="test", now=timezone.now())
    audience.evaluate(run)
    messages.generate(run, now=timezone.now())
    consents.say(one, [no(1, topic="news")], by="test")
    consents.say(two, [no(1, topic="offers"), no(1, "sms", "news")], by="test")
    consents.say(three, [no(1)], by="test")
    pipeline.work(seconds=30)
    run.refresh_from_db()
    assert [each.recipient for each in outbox.sent] == ["c2@example.test"]
    cancelled = Message.objects.filter(state="cancelled")
    assert sorted(cancelled.values_list("customer_id", "reason")) == [(one.pk, "no_consent"), (three.pk, "no_consent")]
    assert reports.report(run).balances


def test_one_retailers_proof_is_not_anothers(ana: Customer, globex: Retailer) -> None:
    consents.say(ana, [yes(1)], by="test")
    with context.in_retailer(globex):
        assert not Consent.objects.exists()


statements = st.builds(
    Statement,
    channel=st.sampled_from([place[0] for place in PLACES]),
    topic=st.sampled_from(["", "news", "offers"]),
    granted=st.booleans(),
    said_at=st.integers(0, 6).map(lambda hours: DAY + timedelta(hours=hours)),
    source=st.sampled_from(["", "till"]),
)


def fold(said: list[Statement], channel: str, topic: str) -> bool:
    """What holds, in plain words."""

    def latest(place: tuple[str, str]) -> bool | None:
        here = [each for each in said if (each.channel, each.topic) == place]
        moment = max((each.said_at for each in here), default=None)
        answers = [each.granted for each in here if each.said_at == moment]
        return all(answers) if answers else None

    return latest((channel, "")) is True and (topic == "" or latest((channel, topic)) is not False)


@given(said=st.lists(statements, max_size=12), shares=st.lists(st.integers(1, 4), min_size=12, max_size=12))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_consent_is_the_fold_of_what_was_said_in_any_order_and_in_any_portions(
    ana: Customer, said: list[Statement], shares: list[int]
) -> None:
    with transaction.atomic():
        rest = list(said)
        for share in shares:
            consents.say(ana, rest[:share], by="test")
            rest = rest[share:]
        for channel, topic in PLACES:
            assert holds(ana, channel, topic or UNHEARD) == fold(said, channel, topic), (channel, topic)
            if topic:
                is_out = withdrawn(channel, topic) == ["c1"]
                assert (getattr(ana, f"consent_{channel}") and not is_out) == fold(said, channel, topic)
        assert Consent.objects.count() == len(set(said))
        assert facts.recompute() == 0
        transaction.set_rollback(True)
    ana.refresh_from_db()
