"""Who gets the next turn: by weight, within a cap, with workers kept for what is transactional and for the quick."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tenants import agenda, context, dealing, lanes
from tenants.accounts.models import AuditEntry
from tenants.models import Lane, Retailer, Worker
from tests.tenants.dealing import Lanes, Turn


def workers(number: int) -> None:
    """So many, and no others: tests with processes of their own leave some behind."""
    Worker.objects.all().delete()
    for name in range(number):
        agenda.sign_in(f"worker {name}")


def claims(number: int, *, seconds: float = 60) -> list[agenda.Claim]:
    return [found for _ in range(number) if (found := agenda.claim(seconds=seconds))]


def measured(retailer: Retailer, seconds: float) -> None:
    """The retailer's turns take so long, as far as anybody knows."""
    Lane.objects.filter(retailer=retailer).update(turn_seconds=seconds)


def test_one_retailer_holds_four_of_five_workers_and_no_more(acme: Retailer) -> None:
    workers(5)
    agenda.put_many(acme, "batch", range(20))
    assert len(claims(5)) == 4
    assert agenda.claim(seconds=60) is None


def test_what_a_full_retailer_leaves_is_there_for_another(acme: Retailer, globex: Retailer) -> None:
    workers(5)
    agenda.put_many(acme, "batch", range(20))
    held = claims(5)
    agenda.put(globex, "batch", 1)
    (theirs,) = claims(2)
    assert theirs.retailer_id == globex.pk
    agenda.finish(theirs, cost=0.1)
    agenda.finish(held[0], cost=0.1)
    assert [claim.retailer_id for claim in claims(1)] == [acme.pk]


@pytest.mark.parametrize(("number", "held"), [(1, 1), (2, 1), (3, 2), (4, 3), (5, 4), (8, 6), (10, 8)])
def test_the_cap_is_four_fifths_rounded_down_and_never_nothing(acme: Retailer, number: int, held: int) -> None:
    workers(number)
    agenda.put_many(acme, "batch", range(20))
    assert len(claims(20)) == held


def test_a_lapsed_claim_is_not_held_any_more(acme: Retailer) -> None:
    workers(2)
    agenda.put_many(acme, "batch", range(5))
    assert len(claims(3, seconds=0)) == 3


def test_a_retailer_whose_turns_are_short_is_lent_what_nobody_waits_for(acme: Retailer, globex: Retailer) -> None:
    workers(2)
    measured(acme, 0.3)
    agenda.put_many(acme, "batch", range(5))
    assert len(claims(2)) == 2
    agenda.put(globex, "batch", 1)
    assert [claim.retailer_id for claim in claims(1)] == [globex.pk]


def test_quick_planning_says_nothing_about_a_provider(acme: Retailer) -> None:
    workers(2)
    agenda.put(acme, "run", 1)
    (planned,) = claims(1)
    agenda.finish(planned, cost=0.05)
    agenda.put_many(acme, "batch", range(3))
    held = claims(2)
    assert len(held) == 1
    agenda.finish(held[0], cost=18.0)
    agenda.put_many(acme, "tally", range(10))
    for counted in claims(10):
        agenda.finish(counted, cost=0.01)
    assert len(claims(2)) == 1


def test_a_turn_that_calls_nobody_counts_where_it_was_long(acme: Retailer) -> None:
    measured(acme, 0.3)
    agenda.put(acme, "import", 1)
    (slice_,) = claims(1)
    agenda.finish(slice_, cost=30.0)
    assert Lane.objects.get(retailer=acme).turn_seconds == pytest.approx(0.3 * 0.7 + 30.0 * 0.3)


def test_slow_retailers_never_hold_all_workers_together(acme: Retailer, globex: Retailer) -> None:
    workers(5)
    for retailer in (acme, globex):
        measured(retailer, 30.0)
        agenda.put_many(retailer, "batch", range(10))
    assert len(claims(10)) == 4
    measured(globex, 0.2)
    assert [claim.retailer_id for claim in claims(1)] == [globex.pk]


def test_a_claim_for_one_retailer_is_beside_the_workers(acme: Retailer) -> None:
    workers(2)
    agenda.put_many(acme, "batch", range(5))
    assert [agenda.claim(seconds=60, retailer=acme) is not None for _ in range(3)] == [True, True, True]
    assert len(claims(3)) == 1


def test_what_is_transactional_goes_first_within_its_retailer(acme: Retailer) -> None:
    agenda.put_many(acme, "batch", range(5))
    agenda.put(acme, "batch", 99, is_transactional=True)
    first = agenda.claim(seconds=60)
    assert first is not None
    assert (first.object_id, first.is_transactional) == (99, True)


def test_workers_are_kept_for_what_is_transactional(acme: Retailer, globex: Retailer) -> None:
    workers(5)
    agenda.put_many(acme, "batch", range(10))
    agenda.put_many(globex, "batch", range(10))
    assert len(claims(10)) == 4
    agenda.put_many(globex, "batch", [98, 99], is_transactional=True)
    kept = agenda.claim(seconds=60)
    assert kept is not None
    assert kept.is_transactional


def test_what_is_transactional_is_first_of_all_once_the_ordinary_have_their_share(
    acme: Retailer, globex: Retailer
) -> None:
    workers(5)
    measured(acme, 0.1)
    Lane.objects.filter(retailer=globex).update(virtual_time=1000.0)
    agenda.put_many(acme, "batch", range(10))
    agenda.put(globex, "batch", 99, is_transactional=True)
    served = [claim.retailer_id for claim in claims(5)]
    assert served == [acme.pk] * 4 + [globex.pk]


def test_what_only_counts_waits_while_anything_else_is_to_be_done(acme: Retailer, globex: Retailer) -> None:
    Lane.objects.filter(retailer=globex).update(virtual_time=1000.0)
    agenda.put(acme, "tally", 1)
    agenda.put(globex, "batch", 1)
    agenda.put(acme, "vitals", 0, due_at=timezone.now() - timedelta(seconds=dealing.PATIENCE + 1))
    assert [claim.kind for claim in claims(3)] == ["vitals", "batch", "tally"]


def test_idling_saves_nothing_up(acme: Retailer, globex: Retailer) -> None:
    agenda.put_many(acme, "batch", range(200))
    for _ in range(50):
        (claim,) = claims(1)
        agenda.finish(claim, cost=1.0)
    agenda.put_many(globex, "batch", range(200))
    served = Counter[int]()
    for _ in range(40):
        (claim,) = claims(1)
        agenda.finish(claim, cost=1.0)
        served[claim.retailer_id] += 1
    assert abs(served[acme.pk] - served[globex.pk]) <= 2


@pytest.fixture
def fleet(acme: Retailer) -> list[Retailer]:
    """Eight retailers with lanes, and no schemas: the agenda looks into none."""
    made = [
        Retailer.objects.create(slug=f"lane-{n}", name=f"Lane {n}", schema_name=f"t_lane{n:08d}", status="active")
        for n in range(8)
    ]
    for retailer in made:
        Lane.objects.create(retailer=retailer)
    return made


turns = st.lists(
    st.builds(
        Turn,
        weight=st.sampled_from([0.5, 1.0, 2.0, 4.0]),
        seconds=st.sampled_from([0.1, 0.5, 1.0, 3.0]),
        items=st.just(2000),
    ),
    min_size=2,
    max_size=6,
)


@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # every example deals a hundred turns: shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(turns=turns, number=st.integers(1, 6))
def test_nobody_starves_and_weights_are_kept(fleet: list[Retailer], turns: list[Turn], number: int) -> None:
    """A made-up clock: workers ask whenever they are free, and each turn takes what its retailer's turns take."""
    simulated = Lanes(fleet, turns, workers=number)
    simulated.run(turns=70)
    slow = [n for n, turn in enumerate(turns) if turn.seconds > agenda.SHORT]
    assert all(simulated.most_at_once[n] <= max(1, int(0.8 * number)) for n in slow)
    shares = [simulated.seconds[n] / turn.weight for n, turn in enumerate(turns)]
    longest = max(turn.seconds / turn.weight for turn in turns) * (number + 1)
    if number == 1:  # with more, a cap may bind before a weight does
        assert max(shares) - min(shares) <= 2 * longest
    assert set(simulated.served) == set(range(len(turns)))


def test_a_weight_is_checked_kept_and_told(acme: Retailer) -> None:
    lanes.weigh(acme, 2.0)
    assert Lane.objects.get(retailer=acme).weight == 2.0
    with pytest.raises(ValidationError, match=r"from 0\.1 to 10"):
        lanes.weigh(acme, 0.0)
    with context.in_retailer(acme):
        entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.after) == ("weigh", {"weight": 2.0})


def test_the_command_weighs(acme: Retailer) -> None:
    call_command("weigh_retailer", "acme", "4", verbosity=0)
    assert Lane.objects.get(retailer=acme).weight == 4.0
    with pytest.raises(CommandError, match="from"):
        call_command("weigh_retailer", "acme", "99")


def test_staff_weigh_a_retailer_on_its_page(staff: Client, acme: Retailer) -> None:
    page = f"/admin/tenants/retailer/{acme.pk}/change/"
    given = {"name": acme.name, "group": "", "timezone": acme.timezone}
    assert staff.post(page, {**given, "weight": "3"}).status_code == 302
    assert Lane.objects.get(retailer=acme).weight == 3.0
    assert staff.post(page, {**given, "weight": "0"}).status_code == 200
    assert Lane.objects.get(retailer=acme).weight == 3.0


def test_who_is_gone_is_forgotten(db: None) -> None:
    workers(1)
    Worker.objects.update(seen_at="2020-01-01T00:00Z")
    agenda.forget_gone()
    assert not Worker.objects.exists()


def test_workers_that_ask_at_once_never_hold_more_together(live_retailer: Retailer, django_db_blocker: object) -> None:
    """Of five that ask in the same instant, four get a turn: each sees what the others hold by then."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        workers(5)
        agenda.put_many(live_retailer, "batch", range(50))
        got: list[agenda.Claim | None] = []
        barrier = Barrier(5)

        def ask() -> None:
            with django_db_blocker.unblock():  # type: ignore[attr-defined]
                barrier.wait(60)
                got.append(agenda.claim(seconds=60))
                connection.close()

        threads = [Thread(target=ask) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        Worker.objects.all().delete()
    assert sum(claim is not None and claim.retailer_id == live_retailer.pk for claim in got) == 4
