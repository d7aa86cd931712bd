"""Who comes while a long batch is handed over, and was served less, goes first between two of its hand-overs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Customer, Run
from delivery import dispatch, pipeline, reports, turns
from delivery.channels.base import Envelope, Outbound, Outcome
from delivery.channels.memory import MemoryChannel
from delivery.models import Batch
from delivery.turns import Turn
from tenants import agenda, context
from tenants.models import AgendaItem, Lane, Retailer
from tests import factories

LOUD, QUIET = 130, 4  # messages


class Died(BaseException):
    """As a process ends: nobody handles it."""


@pytest.fixture(autouse=True)
def _known_lanes(acme: Retailer, globex: Retailer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both were served alike so far, in short turns; and a worker looks each time."""
    monkeypatch.setattr(turns, "LOOK_EVERY", 0.0)
    Lane.objects.update(virtual_time=0.0, started=0.0, turn_seconds=0.1, ordinary=[], transactional=[])


@pytest.fixture
def quiet(globex: Retailer, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Run]:
    """Launches Globex's campaign, to people called q1 and so on. Each turn is said to have taken as long as any other,
    and nobody has been at it for too long: however busy this machine is.
    """
    monkeypatch.setattr(Turn, "cost", 0.01)
    monkeypatch.setattr(turns, "MOST", 600.0)
    monkeypatch.setattr(dispatch, "AT_A_STRETCH", 600.0)
    with context.in_retailer(globex):
        factories.customers(QUIET)
        for number, customer in enumerate(globex_people(), 1):
            customer.email = f"q{number}@quiet.example"
            customer.save()
        campaign = factories.campaign()

    def launch() -> Run:
        with context.in_retailer(globex):
            return configuration.launch(campaign, by="test", now=timezone.now())

    return launch


def globex_people() -> list[Customer]:
    return list(Customer.objects.order_by("pk"))


def loud() -> Run:
    factories.customers(LOUD)
    return configuration.launch(factories.campaign(), by="test", now=timezone.now())


def meanwhile(outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """`act` happens while the first hand-over of all is under way."""
    send = outbox.send

    def and_act(envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        is_first = not outbox.sent
        outcomes = send(envelope, batch, seconds=seconds)
        if is_first:
            act()
        return outcomes

    monkeypatch.setattr(outbox, "send", and_act)


def places(outbox: MemoryChannel) -> list[int]:
    """Where the quiet one's messages stand among all."""
    return [n for n, message in enumerate(outbox.sent) if message.recipient.endswith("@quiet.example")]


def is_complete(retailer: Retailer, run: Run, messages: int) -> bool:
    with context.in_retailer(retailer):
        run.refresh_from_db()
        report = reports.report(run)
    return (run.state, report.states, report.balances) == (Run.State.COMPLETED, {"accepted": messages}, True)


def test_who_comes_meanwhile_goes_first_and_the_batch_goes_on_where_it_was(
    at_acme: Retailer, globex: Retailer, quiet: Callable[[], Run], outbox: MemoryChannel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    run, theirs = loud(), list[Run]()
    meanwhile(outbox, monkeypatch, lambda: theirs.append(quiet()))
    pipeline.work(seconds=30)
    assert len(places(outbox)) == QUIET
    assert places(outbox)[-1] < LOUD - 20
    assert len({message.key for message in outbox.sent}) == len(outbox.sent) == LOUD + QUIET
    assert is_complete(at_acme, run, LOUD)
    assert is_complete(globex, theirs[0], QUIET)
    assert Batch.objects.get(run=run).epoch == 1


@pytest.mark.parametrize("lane", [{"virtual_time": 1000.0}, {"turn_seconds": 30.0}, {"turn_seconds": None}])
def test_who_was_served_more_or_may_take_long_waits_for_the_batch(
    at_acme: Retailer, globex: Retailer, quiet: Callable[[], Run], outbox: MemoryChannel,
    monkeypatch: pytest.MonkeyPatch, lane: dict[str, float | None],
) -> None:  # fmt: skip
    Lane.objects.filter(retailer=globex).update(**lane)
    loud()
    meanwhile(outbox, monkeypatch, quiet)
    pipeline.work(seconds=30)
    assert places(outbox) == list(range(LOUD, LOUD + QUIET))


def test_who_works_for_one_retailer_gives_way_to_nobody(
    at_acme: Retailer, quiet: Callable[[], Run], outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    loud()
    meanwhile(outbox, monkeypatch, quiet)
    pipeline.work(seconds=30, retailer=at_acme)
    assert (places(outbox), len(outbox.sent)) == ([], LOUD)


def test_a_worker_that_dies_over_somebody_elses_leaves_nothing_unknown_of_the_batch(
    at_acme: Retailer, quiet: Callable[[], Run], outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = loud()
    meanwhile(outbox, monkeypatch, quiet)

    def die(_: Turn) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(Turn, "let_go_first", die)
        with pytest.raises(Died):
            pipeline.work(seconds=30)
    assert 0 < reports.report(run).states["accepted"] < LOUD
    past = timezone.now() - timedelta(seconds=1)
    Batch.objects.filter(run=run).update(lease_until=past)
    AgendaItem.objects.exclude(claimed_until=None).update(claimed_until=past)
    pipeline.work(seconds=30)
    assert is_complete(at_acme, run, LOUD)
    assert len({message.key for message in outbox.sent}) == len(outbox.sent)


def test_what_others_had_of_a_turn_is_not_charged_to_it(
    acme: Retailer, globex: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(turns, "time", SimpleNamespace(monotonic=lambda: now[0]))
    agenda.put(acme, "batch", 1)
    mine = agenda.claim(seconds=settings.LEASE_SECONDS)
    assert mine is not None
    served = list[int]()

    def serve(claim: agenda.Claim) -> None:
        now[0] += 0.4
        served.append(claim.retailer_id)
        agenda.finish(claim, cost=0.4)

    turn = Turn(mine, serve)
    assert not turn.has_company()
    agenda.put(globex, "run", 1)
    assert turn.has_company()
    turn.let_go_first()
    assert not turn.has_company()
    now[0] += 0.25
    assert served == [globex.pk]
    assert turn.cost == pytest.approx(0.25)
