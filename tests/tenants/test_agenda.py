"""The agenda deals work fairly, to one worker at a time, and takes it back from the dead."""

from __future__ import annotations

from datetime import timedelta

import psycopg
from django.db import connection
from django.utils import timezone

from tenants import agenda, stops
from tenants.models import AgendaItem, Retailer


def beside() -> psycopg.Connection:
    """Another connection to the same database."""
    params = connection.get_connection_params()
    known = ("host", "port", "dbname", "user", "password")
    return psycopg.connect(**{name: params[name] for name in known if params.get(name)}, autocommit=True)


def claims(number: int, *, seconds: float = 60) -> list[agenda.Claim]:
    return [found for _ in range(number) if (found := agenda.claim(seconds=seconds))]


def test_an_item_is_dealt_once(acme: Retailer) -> None:
    agenda.put(acme, "run", 1)
    assert len(claims(3)) == 1


def test_an_item_put_twice_is_one_item(acme: Retailer) -> None:
    agenda.put(acme, "run", 1)
    agenda.put(acme, "run", 1)
    assert AgendaItem.objects.count() == 1


def test_a_lapsed_claim_is_dealt_again_and_its_former_holder_settles_nothing(acme: Retailer) -> None:
    agenda.put(acme, "run", 1)
    dead, heir = claims(2, seconds=0)
    agenda.finish(dead, cost=0)
    assert AgendaItem.objects.count() == 1
    agenda.finish(heir, cost=0)
    assert AgendaItem.objects.count() == 0


def test_what_somebody_else_has_in_hand_keeps_its_place(acme: Retailer) -> None:
    long_ago = timezone.now() - timedelta(minutes=5)
    agenda.put(acme, "batch", 1, due_at=long_ago)
    agenda.put_many(acme, "batch", [2, 3], due_at=long_ago + timedelta(minutes=1))
    (early,) = claims(1)
    until = timezone.now() + timedelta(seconds=30)
    agenda.hold(early, until=until, cost=0)
    assert [claim.object_id for claim in claims(1)] == [2]
    item = AgendaItem.objects.get(object_id=1)
    assert (item.due_at, item.claimed_until) == (long_ago, until)
    AgendaItem.objects.filter(object_id=1).update(claimed_until=timezone.now())
    assert [claim.object_id for claim in claims(1)] == [1]


def test_work_announced_while_its_item_is_held_is_not_forgotten(acme: Retailer) -> None:
    agenda.put(acme, "run", 1)
    (held,) = claims(1)
    agenda.put(acme, "run", 1)
    agenda.finish(held, cost=0)
    assert len(claims(1)) == 1


def test_what_is_due_later_waits(acme: Retailer) -> None:
    agenda.put(acme, "run", 1, due_at=timezone.now() + timedelta(hours=1))
    assert claims(1) == []


def test_a_retailer_with_much_to_do_takes_turns_with_one_that_has_little(acme: Retailer, globex: Retailer) -> None:
    agenda.put_many(acme, "batch", range(100))
    served = []
    for number in range(10):
        agenda.put(globex, "batch", number)
        for claim in claims(2):
            agenda.finish(claim, cost=1.0)
            served.append(claim.retailer_id)
    assert served.count(globex.pk) == 10
    assert served.count(acme.pk) == 10


def test_an_item_that_keeps_failing_is_parked_for_a_person(acme: Retailer) -> None:
    agenda.put(acme, "run", 1)
    for _ in range(agenda.PARK_AFTER):
        AgendaItem.objects.update(due_at=timezone.now() - timedelta(minutes=5))
        (claim,) = claims(1)
        agenda.fail(claim, error="boom", cost=0)
    item = AgendaItem.objects.get()
    assert item.parked_at is not None
    assert item.error == "boom"
    AgendaItem.objects.update(due_at=timezone.now() - timedelta(minutes=5))
    assert claims(1) == []


def test_announcing_what_is_missing_leaves_its_holder_alone(acme: Retailer) -> None:
    agenda.put(acme, "batch", 1)
    (held,) = claims(1)
    agenda.put_missing(acme, "batch", [1, 2])
    assert AgendaItem.objects.count() == 2
    agenda.finish(held, cost=0)
    assert [item.object_id for item in AgendaItem.objects.all()] == [2]


def test_a_stopped_retailer_gets_no_turn_and_the_others_do(acme: Retailer, globex: Retailer) -> None:
    agenda.put(acme, "run", 1)
    agenda.put(globex, "run", 1)
    stops.stop(acme, reason="test")
    assert agenda.due_count(at_most=8) == 1
    assert [claim.retailer_id for claim in claims(3, seconds=0)] == [globex.pk] * 3
    stops.lift(acme)
    assert agenda.due_count(at_most=8) == 2
    assert {claim.retailer_id for claim in claims(3)} == {acme.pk, globex.pk}


def test_while_the_platform_is_stopped_nobody_gets_a_turn(acme: Retailer, globex: Retailer) -> None:
    agenda.put(acme, "run", 1)
    agenda.put(globex, "run", 1)
    stops.stop(None, reason="test")
    assert agenda.due_count(at_most=8) == 0
    assert claims(3) == []
    assert agenda.claim(seconds=1, retailer=acme) is None
    stops.lift(None)
    assert len(claims(3)) == 2


def test_what_was_announced_for_later_while_it_was_held_is_due_when_its_holder_has_more_to_do(acme: Retailer) -> None:
    agenda.announce(acme, "judgement", 0, due_at=timezone.now() - timedelta(seconds=1))
    (held,) = claims(1)
    agenda.announce(acme, "judgement", 0, due_at=timezone.now() + timedelta(minutes=1))
    assert claims(1) == []
    agenda.postpone(held, due_at=timezone.now(), cost=0)
    (again,) = claims(1)
    agenda.announce(acme, "judgement", 0, due_at=timezone.now())
    agenda.postpone(again, due_at=timezone.now() + timedelta(hours=1), cost=0)
    assert len(claims(1)) == 1


def test_what_waits_for_later_is_due_sooner_only_where_that_is_asked_for(acme: Retailer) -> None:
    agenda.put(acme, "notice", 1, due_at=timezone.now() + timedelta(hours=6))
    agenda.announce(acme, "notice", 1, due_at=timezone.now())
    assert claims(1) == []
    agenda.announce(acme, "notice", 1, due_at=timezone.now(), is_sooner=True)
    assert len(claims(1)) == 1


def test_what_was_parked_is_tried_again_when_more_comes(acme: Retailer) -> None:
    agenda.put(acme, "signal", 0)
    AgendaItem.objects.update(parked_at=timezone.now() - timedelta(minutes=2), failures=2_000)
    agenda.announce(acme, "signal", 0, due_at=timezone.now())
    (claim,) = claims(1)
    agenda.fail(claim, error="still", cost=0)
    assert AgendaItem.objects.get().parked_at is not None
    agenda.announce(acme, "signal", 0, due_at=timezone.now())
    assert claims(1) == []
    assert AgendaItem.objects.get().parked_at is None


def test_one_is_alone_until_the_end(acme: Retailer, globex: Retailer) -> None:
    with agenda.alone(acme, "notice", 1) as is_alone:
        assert is_alone
        with beside() as other:
            taken = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
            assert other.execute(taken, [f"{acme.pk}/notice/1"]).fetchone() == (False,)
            assert other.execute(taken, [f"{globex.pk}/notice/1"]).fetchone() == (True,)
