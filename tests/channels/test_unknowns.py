"""What becomes of a message when no answer came: found out where that can be, and never sent twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from campaigns import configuration, policies, suppressions
from campaigns.models import Customer, Run
from delivery import batches, identity, pipeline, reports, resolution, resolving, subscriptions, unknowns, waiting
from delivery.models import Batch, Message, Notice, OutcomeRecord, Provider
from delivery.providers import accounts
from delivery.resolution import Means, Step
from delivery.unknowns import Doubt, Finding
from tenants import agenda, context
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.channels.contract import Fake, setups

LOST = "take and drop, then take and drop"  # what a channel that asks once more still does not know
Planned = Callable[..., Run]


@pytest.fixture
def planned(at_acme: Retailer, fake: Fake, settings: Settings) -> Planned:
    """A run of a kind at the fake provider, whose messages are made and not handed over yet."""
    settings.ALLOW_PRIVATE_ADDRESSES = True

    def plan(kind: str, people: int = 3, **parts: Any) -> Run:
        setup = setups(fake)[kind]
        accounts.save({
            "key": "out", "channel": "email", "kind": kind, "settings": setup.settings,
            "credentials": setup.credentials, "timeout": 1,
        })  # fmt: skip
        factories.customers(people)
        run = configuration.launch(factories.campaign(**parts), by="test", now=timezone.now())
        pipeline.advance(run, now=timezone.now())
        return run

    return plan


def keys(retailer: Retailer, run: Run) -> list[str]:
    ids = Message.objects.filter(run=run).order_by("position").values_list("pk", flat=True)
    return [identity.public_id(retailer, pk) for pk in ids]


def deliver(run: Run) -> dict[str, int]:
    """Hand the run's messages over, once, and find nothing out."""
    for pk in Batch.objects.filter(run=run).values_list("pk", flat=True):
        agenda.drop(_retailer(), batches.UNKNOWN, [pk])
        pipeline._deliver(pk, _retailer(), timezone.now())
    return states(run)


def look(run: Run, **changes: Any) -> dict[str, int]:
    """Look into what is unknown, as if its time had come."""
    Message.objects.filter(run=run, state="unknown").exclude(retry_at=None).update(retry_at=timezone.now(), **changes)
    for pk in Batch.objects.filter(run=run).values_list("pk", flat=True):
        resolving.resolve(pk, retailer=_retailer(), now=timezone.now())
    return states(run)


def states(run: Run) -> dict[str, int]:
    run.refresh_from_db()
    return reports.report(run).states


def age(run: Run, hours: float) -> None:
    """All this happened so long ago."""
    by = timedelta(hours=hours)
    for record in OutcomeRecord.objects.filter(message__run=run):
        OutcomeRecord.objects.filter(pk=record.pk).update(at=record.at - by)
    for message in Message.objects.filter(run=run).exclude(settled_at=None):
        assert message.settled_at
        Message.objects.filter(pk=message.pk).update(settled_at=message.settled_at - by)
    Provider.objects.update(updated_at=timezone.now() - 2 * by)


def _retailer() -> Retailer:
    return context.current()


def test_the_same_key_finds_it_out_and_sends_nothing_twice(planned: Planned, fake: Fake, at_acme: Retailer) -> None:
    run = planned("resend")
    first, second, third = keys(at_acme, run)
    fake.behave(**{first: LOST, second: "fail, then fail"})
    assert deliver(run) == {"accepted": 1, "unknown": 2}
    assert AgendaItem.objects.filter(kind=batches.UNKNOWN).count() == 1
    assert look(run) == {"accepted": 3}
    assert sorted(fake.taken("resend")) == sorted([first, second, third])
    words = OutcomeRecord.objects.filter(message__run=run).order_by("message_id", "id").values_list("result", flat=True)
    assert list(words) == ["unknown", "unknown", "accepted"] * 2 + ["accepted"]
    assert reports.report(run).balances


def test_the_agenda_brings_it_about_by_itself(planned: Planned, fake: Fake, at_acme: Retailer) -> None:
    run = planned("resend")
    fake.behave(**{keys(at_acme, run)[0]: LOST})
    pipeline.work(seconds=20)
    assert states(run) == {"accepted": 3}
    assert len(fake.taken("resend")) == 3
    assert not AgendaItem.objects.filter(kind=batches.UNKNOWN).exists()


def test_who_waits_for_a_run_waits_for_what_is_found_out_in_a_moment(
    planned: Planned, fake: Fake, at_acme: Retailer
) -> None:
    run = planned("resend")
    fake.behave(**{keys(at_acme, run)[0]: f"{LOST}, then {LOST}"})  # when it is looked into the first time, too
    assert waiting.until_ended(run, at_acme, seconds=60, say=print)
    assert states(run) == {"accepted": 3}
    assert run.state == Run.State.COMPLETED


def test_what_the_agenda_lost_is_announced_again(planned: Planned, fake: Fake, at_acme: Retailer) -> None:
    run = planned("resend")
    fake.behave(**{keys(at_acme, run)[0]: LOST})
    deliver(run)
    AgendaItem.objects.all().delete()
    pipeline.sweep()
    pipeline.work(seconds=20)
    assert states(run) == {"accepted": 3}


def test_near_the_end_of_its_window_a_key_is_not_relied_on(planned: Planned, fake: Fake, at_acme: Retailer) -> None:
    run = planned("resend")
    fake.behave(**{keys(at_acme, run)[0]: LOST})
    deliver(run)
    age(run, 24 * 0.81)
    assert look(run) == {"accepted": 2, "unknown": 1}
    assert len(fake.taken("resend")) == 3
    assert fake.calls() == 4
    assert Message.objects.get(run=run, state="unknown").retry_at is None  # a person's


def test_an_account_that_was_changed_since_may_know_no_key(planned: Planned, fake: Fake, at_acme: Retailer) -> None:
    run = planned("resend")
    fake.behave(**{keys(at_acme, run)[0]: LOST})
    deliver(run)
    accounts.save({"credentials": {"api_key": "another"}}, Provider.objects.get())
    assert look(run)["unknown"] == 1
    assert fake.calls() == 4


def test_who_was_suppressed_meanwhile_gets_nothing_more(planned: Planned, fake: Fake, at_acme: Retailer) -> None:
    run = planned("resend")
    fake.behave(**{keys(at_acme, run)[0]: "fail, then fail"})
    deliver(run)
    for customer in Customer.objects.all():
        suppressions.put(channel="email", address=customer.email, reason="complaint", source="")
    assert look(run) == {"accepted": 2, "unknown": 1}
    assert len(fake.taken("resend")) == 2
    message = Message.objects.get(run=run, state="unknown")
    assert (message.reason, message.retry_at) == ("not sent again: suppressed", None)


@pytest.mark.parametrize("kind", ["mailgun", "postmark"])
def test_a_provider_that_can_be_asked_is_asked(planned: Planned, fake: Fake, at_acme: Retailer, kind: str) -> None:
    run = planned(kind, people=2)
    taken, never = keys(at_acme, run)
    fake.behave(**{taken: "take and drop", never: "between"} if kind == "mailgun" else {taken: "take and drop"})
    for number, key in enumerate((taken, never), 1):  # Mailgun's fake knows a recipient by the name of the message
        Customer.objects.filter(external_id=f"c{number}").update(email=f"{key}@example.test")
    assert deliver(run) == {"unknown": 2}
    found = look(run)
    assert found == ({"accepted": 1, "unknown": 1} if kind == "mailgun" else {"accepted": 2})
    calls = fake.calls()
    age(run, 0.3)  # longer than anybody waits
    look(run)
    assert fake.calls() == calls
    waiting = Message.objects.filter(run=run, state="unknown").exclude(retry_at=None)
    assert not waiting.exists()


def test_smtp_is_left_to_a_person_at_once(planned: Planned, fake: Fake, at_acme: Retailer) -> None:
    run = planned("smtp")
    fake.behave(c1="take and drop")
    assert deliver(run) == {"accepted": 2, "unknown": 1}
    assert look(run) == {"accepted": 2, "unknown": 1}
    assert len(fake.taken("smtp")) == 3
    assert not Message.objects.filter(state="unknown").exclude(retry_at=None).exists()


def test_a_transactional_e_mail_goes_once_more_when_nothing_was_heard_of_it_and_then_a_person_is_told(
    planned: Planned, fake: Fake, at_acme: Retailer
) -> None:
    policies.save(None, policy={"transactional": True})
    subscriptions.save({"key": "ops", "url": "https://ops.acme.example/", "events": ["message.unknown"]})
    run = planned("smtp", lane="transactional")
    fake.behave(c1="take and drop", c3="take and drop, then take and drop")
    assert deliver(run) == {"accepted": 1, "unknown": 2}
    assert look(run) == {"accepted": 1, "unknown": 2}
    assert Message.objects.filter(state="unknown").exclude(retry_at=None).count() == 2  # they are waited for
    assert len(fake.taken("smtp")) == 3
    age(run, 0.3)
    assert look(run) == {"accepted": 2, "unknown": 1}
    assert len(fake.taken("smtp")) == 5
    assert not Notice.objects.exists()
    assert look(run) == {"accepted": 2, "unknown": 1}
    assert len(fake.taken("smtp")) == 5
    assert not Message.objects.filter(state="unknown").exclude(retry_at=None).exists()
    assert [notice.event for notice in Notice.objects.all()] == ["message.unknown"]
    assert reports.report(run).balances


def test_a_worker_that_died_between_the_key_and_the_answer_leaves_it_unknown(
    planned: Planned, fake: Fake, at_acme: Retailer
) -> None:
    run = planned("resend", people=1)
    (key,) = keys(at_acme, run)
    fake.behave(**{key: LOST})
    deliver(run)
    (doubt,) = unknowns.claim(Batch.objects.get().pk)
    unknowns.mark([doubt], "out")  # and here it ends
    assert states(run) == {"unknown": 1}
    assert look(run) == {"accepted": 1}
    assert fake.taken("resend") == [key]


def test_a_window_that_a_worker_died_over_is_found_out_at_the_account_it_went_to(
    planned: Planned, fake: Fake, at_acme: Retailer
) -> None:
    run = planned("resend", people=5)
    batch = Batch.objects.get()
    lease = batches.claim(batch.pk)
    assert lease
    batches.turn(lease.__class__(**{**vars(lease), "provider": "out"}), [], hand_from=0, hand_to=3)
    Batch.objects.update(lease_until=timezone.now() - timedelta(minutes=3))
    assert deliver(run) == {"accepted": 2, "unknown": 3}
    handed_at = set(OutcomeRecord.objects.filter(result="unknown").values_list("at", flat=True))
    assert max(handed_at) < timezone.now() - timedelta(minutes=3)
    Provider.objects.update(updated_at=timezone.now() - timedelta(hours=1))
    assert look(run) == {"accepted": 5}
    assert sorted(fake.taken("resend")) == sorted(keys(at_acme, run))


@pytest.mark.parametrize("state", [Run.State.PAUSED, Run.State.CANCELLED])
def test_nothing_is_sent_again_while_the_run_must_not_send(
    planned: Planned, fake: Fake, at_acme: Retailer, state: str
) -> None:
    run = planned("resend")
    fake.behave(**{keys(at_acme, run)[0]: "fail, then fail"})
    deliver(run)
    Run.objects.update(state=state)
    assert look(run)["unknown"] == 1
    assert len(fake.taken("resend")) == 2
    is_looked_into = Message.objects.filter(state="unknown").exclude(retry_at=None).exists()
    assert is_looked_into is (state == Run.State.PAUSED)


def test_who_was_left_behind_writes_nothing(planned: Planned, fake: Fake, at_acme: Retailer) -> None:
    run = planned("resend", people=1)
    fake.behave(**{keys(at_acme, run)[0]: LOST})
    deliver(run)
    (frozen,) = unknowns.claim(Batch.objects.get().pk)
    assert look(run) == {"accepted": 1}
    unknowns.record([Finding(frozen.message_id, frozen.attempts, "rejected", "rejected", "late")])
    assert unknowns.mark([frozen], "out") == {}
    assert states(run) == {"accepted": 1}


NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MOMENTS = st.integers(0, 200_000).map(lambda seconds: NOW - timedelta(seconds=seconds))
MEANS = st.builds(
    Means,
    key_window=st.sampled_from([0.0, 900.0, 3600.0, 86_400.0]),
    can_be_asked=st.booleans(),
    calls_back=st.booleans(),
    as_is_since=st.none() | MOMENTS,
)


@st.composite
def doubts(draw: st.DrawFn) -> Doubt:
    first = draw(MOMENTS)
    since = draw(st.datetimes(first.replace(tzinfo=None), NOW.replace(tzinfo=None), timezones=st.just(UTC)))
    return Doubt(1, 1, "out", NOW, since, first, draw(st.integers(1, 12)), draw(st.booleans()))


@given(
    doubt=doubts(), means=MEANS, channel=st.sampled_from(["email", "sms", "push", "webhook"]), waited_for=st.booleans()
)
def test_nothing_goes_again_but_by_a_key_that_is_known_a_person_s_wish_or_where_it_shows_once(
    doubt: Doubt, means: Means, channel: str, waited_for: bool
) -> None:
    step = resolution.step(doubt, means, channel, is_transactional=waited_for)
    is_resent_once = waited_for and channel == "email" and doubt.tries == 1
    if step == Step.SAME_KEY:
        assert means.as_is_since is not None
        assert means.as_is_since < doubt.first_at
        assert (doubt.now - doubt.first_at).total_seconds() < 0.8 * means.key_window
    if step == Step.ANEW:
        is_late = doubt.now - doubt.since >= timedelta(minutes=15)
        assert doubt.is_wished or channel in ("push", "webhook") or (is_resent_once and is_late)
    if step in (Step.ASK, Step.WAIT):
        assert doubt.now - doubt.since < timedelta(minutes=15)
        assert means.can_be_asked if step == Step.ASK else means.calls_back or is_resent_once


@given(doubt=doubts(), means=MEANS, channel=st.sampled_from(["email", "sms"]), waited_for=st.booleans())
def test_in_the_end_a_person_decides(doubt: Doubt, means: Means, channel: str, waited_for: bool) -> None:
    late = timedelta(days=3)
    old = Doubt(1, 1, "out", NOW, doubt.since - late, doubt.first_at - late, doubt.tries)
    goes_once_more = waited_for and channel == "email" and doubt.tries == 1
    decided = Step.ANEW if goes_once_more else Step.PARK
    assert resolution.step(old, means, channel, is_transactional=waited_for) == decided
