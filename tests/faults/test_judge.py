"""Who judges a trial finds what is wrong: doubled, late, lost and leaked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Customer, Run
from delivery import identity, pipeline
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from tenants.models import Retailer
from tests import factories
from tests.faults import judge
from tests.faults.judge import Findings
from tests.faults.truth import Account, Taken

PEOPLE = 6
Taking = list[Taken]


@pytest.fixture
def run(at_acme: Retailer, outbox: MemoryChannel) -> Run:
    """Everybody's message is accepted."""
    factories.stored(
        Customer(external_id=f"c{n}", email=f"c{n}@acme.example", first_name="Ana", consent_email=True)
        for n in range(1, PEOPLE + 1)
    )
    made = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=30)
    made.refresh_from_db()
    return made


@pytest.fixture
def taken(run: Run, at_acme: Retailer) -> Taking:
    """What a provider that took them all says."""
    people = Message.objects.filter(run=run).values_list("pk", "customer__email")
    return [Taken(100.0, identity.public_id(at_acme, pk), email, "news@acme.example") for pk, email in people]


def findings(run: Run, retailer: Retailer, taken: Taking, **suppressed: float) -> Findings:
    since = {f"{name}@acme.example": at for name, at in suppressed.items()}
    return judge.judge(retailer, run, Account(taken, {}), since)


def test_two_ledgers_that_agree_leave_nothing_to_say(run: Run, at_acme: Retailer, taken: Taking) -> None:
    found = findings(run, at_acme, taken, c1=99.0)
    assert (found.states, found.complaints) == (Counter(accepted=PEOPLE), [])
    assert (found.unaccounted, found.duplicates, found.unknown, found.sent, found.eligible) == (0, 0, 0, PEOPLE, PEOPLE)


def once_more(taken: Taking) -> Taking:
    return [*taken, taken[0]]


def under_another_key(taken: Taking) -> Taking:
    return [*taken, taken[0]._replace(key="another")]


@pytest.mark.parametrize("double", [once_more, under_another_key])
def test_whoever_is_mailed_twice_is_counted(
    run: Run, at_acme: Retailer, taken: Taking, double: Callable[[Taking], Taking]
) -> None:
    assert findings(run, at_acme, double(taken)).duplicates == 1


def test_what_the_provider_never_took_is_unaccounted_for(run: Run, at_acme: Retailer, taken: Taking) -> None:
    assert findings(run, at_acme, taken[1:]).unaccounted == 1


def test_a_message_of_nobody_is_unaccounted_for(run: Run, at_acme: Retailer, taken: Taking) -> None:
    stranger = Taken(100.0, "made-up", "c9@acme.example", "news@acme.example")
    assert findings(run, at_acme, [*taken, stranger]).unaccounted == 1


@pytest.mark.parametrize("state", ["queued", "cancelled", "failed", "rejected"])
def test_a_sent_message_that_the_ledger_denies_is_unaccounted_for(
    run: Run, at_acme: Retailer, taken: Taking, state: str
) -> None:
    Message.objects.filter(pk=Message.objects.earliest("pk").pk).update(state=state)
    assert findings(run, at_acme, taken).unaccounted >= 1


def test_a_member_without_a_message_is_unaccounted_for(run: Run, at_acme: Retailer, taken: Taking) -> None:
    gone = Message.objects.earliest("pk")
    left = [each for each in taken if each.key != identity.public_id(at_acme, gone.pk)]
    gone.delete()
    assert findings(run, at_acme, left).unaccounted == 1


@pytest.mark.parametrize(
    ("part", "value", "complaint"),
    [
        ("recipient", "c1@globex.example", "of another retailer"),
        ("sender", "news@globex.example", "of another retailer"),
        ("recipient", "c9@acme.example", "went to another person"),
    ],
)
def test_a_message_that_strays_is_told(
    run: Run, at_acme: Retailer, taken: Taking, part: str, value: str, complaint: str
) -> None:
    strayed = [taken[0]._replace(**{part: value}), *taken[1:]]
    assert complaint in " ".join(findings(run, at_acme, strayed).complaints)


def test_a_suppressed_person_may_be_written_to_for_a_moment_only(run: Run, at_acme: Retailer, taken: Taking) -> None:
    soon, too_late = 100.0 - judge.OBEYS_WITHIN / 2, 100.0 - judge.OBEYS_WITHIN - 1
    assert findings(run, at_acme, taken, c2=soon).complaints == []
    assert "suppressed" in " ".join(findings(run, at_acme, taken, c2=too_late).complaints)


def test_an_outcome_is_unknown_for_a_reason(run: Run, at_acme: Retailer, taken: Taking) -> None:
    Message.objects.filter(customer__external_id="c1").update(state="unknown")
    assert findings(run, at_acme, taken).complaints == [
        "1 unknown although the provider's answer was plain, such as c1@acme.example (kept in memory)"
    ]
    left_open = Account(taken, {}, frozenset({"c1@acme.example"}))
    assert judge.judge(at_acme, run, left_open, {}).complaints == []


def test_who_is_unknown_and_suppressed_since_is_eligible_no_more(run: Run, at_acme: Retailer, taken: Taking) -> None:
    Message.objects.filter(customer__external_id__in=["c1", "c2"]).update(state="unknown")
    found = findings(run, at_acme, taken, c2=99.0)
    assert (found.unknown, found.sent, found.eligible) == (2, PEOPLE - 2, PEOPLE - 1)
