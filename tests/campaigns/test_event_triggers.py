"""Campaigns set off by what a customer did: who is reached, when, how often, and who is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Condition
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from campaigns import arrivals, audience, configuration, erasure, ingest, policies
from campaigns.models import Arrival, Campaign, Customer, Event, Member, Run
from delivery import pipeline, tallies, vitals
from delivery.channels.memory import MemoryChannel
from tenants import agenda, context
from tenants.accounts.models import Scope
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.api.caller import Api

CART = {"kind": "event", "name": "cart"}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def at_acme(acme: Retailer) -> Iterator[Retailer]:
    with context.in_retailer(acme):
        factories.customers(5)
        yield acme


def published(trigger: dict[str, Any] | None = None, **parts: Any) -> Campaign:
    campaign = factories.campaign(trigger=CART | (trigger or {}), **parts)
    configuration.publish(campaign, now=timezone.now())
    return campaign


def republish(campaign: Campaign, **parts: Any) -> None:
    configuration.save_draft(factories.config(**parts), campaign=campaign)
    configuration.publish(campaign, now=timezone.now())


def happened(*people: int, name: str = "cart", ago: timedelta = timedelta()) -> datetime:
    """These customers' events, stored now; returns when they happened."""
    at = timezone.now() - ago
    first = Event.objects.count()
    rows = [
        {"event_id": f"{name}{first + n}", "external_id": f"c{who}", "name": name, "occurred_at": at.isoformat()}
        for n, who in enumerate(people)
    ]
    results = ingest.add_events(rows, now=timezone.now(), zone=context.current().tzinfo)
    assert {each.status for each in results} == {"created"}
    return at


def look(at: datetime | None = None) -> datetime | None:
    return configuration.launch_due(Campaign.objects.select_related("live").get(), now=at or timezone.now())


def later() -> datetime:
    """When a campaign that just began a run may begin another."""
    return timezone.now() + arrivals.GATHER + timedelta(seconds=1)


def evaluated() -> dict[str, str]:
    """The latest run's members: "" or the reason, by customer."""
    run = Run.objects.latest("pk")
    audience.evaluate(run)
    names = dict(Customer.objects.values_list("pk", "external_id"))
    return {names[pk]: reason for pk, reason in run.members.values_list("customer", "reason")}


def test_an_event_sent_to_the_api_mails_that_customer_once(
    at_acme: Retailer, outbox: MemoryChannel, api_key: Callable[..., str], django_capture_on_commit_callbacks: Any
) -> None:
    campaign = published()
    api = Api(at_acme, api_key(at_acme, Scope.INGEST))
    cart = {"event_id": "e1", "external_id": "c2", "name": "cart", "occurred_at": timezone.now().isoformat()}
    with django_capture_on_commit_callbacks() as rung:
        for status in (201, 200):  # the second time it is a duplicate
            assert api.post("events/", cart).status_code == status
        assert api.post("events/", cart | {"event_id": "e2", "name": "view"}).status_code == 201
    assert len(rung) == 1
    with context.in_retailer(at_acme):
        for _ in range(3):
            pipeline.work(seconds=10)
        campaign.refresh_from_db()
        assert [mail.recipient for mail in outbox.sent] == ["c2@example.test"]
        assert (Run.objects.get().state, campaign.state) == (Run.State.COMPLETED, Campaign.State.SCHEDULED)
        left = AgendaItem.objects.values_list("kind", flat=True)
        assert set(left) == {tallies.AGENDA_KIND, vitals.AGENDA_KIND}  # what comes back of it, and how all fare


def test_an_imported_file_of_years_sets_off_only_what_can_still_be_sent(at_acme: Retailer, tmp_path: Path) -> None:
    published({"grace": "2h"})
    times = [timezone.now() - ago for ago in (3 * 365 * DAY, 3 * HOUR, HOUR)]
    rows = [f"e{n},c{n + 1},cart,{at.isoformat()}" for n, at in enumerate(times)]
    file = tmp_path / "events.csv"
    file.write_text("\n".join(["event_id,external_id,name,occurred_at", *rows]))
    for _ in range(2):  # the same file again sets off nothing
        call_command("import_events", at_acme.slug, str(file))
    with context.in_retailer(at_acme):
        assert list(Arrival.objects.values_list("event__event_id", "due_at")) == [("e2", times[2])]
        assert AgendaItem.objects.get().due_at == times[2]


def test_a_delay_is_waited_for(at_acme: Retailer) -> None:
    published({"delay": "4h"})
    due = happened(1, ago=HOUR) + 4 * HOUR
    assert AgendaItem.objects.get(kind="campaign").due_at == due
    assert look() == due
    assert not Run.objects.exists()
    assert look(due) is None
    assert evaluated() == {"c1": ""}


def test_who_ordered_meanwhile_is_left_out_and_nobody_else_is_a_candidate(at_acme: Retailer) -> None:
    include = {"not": {"attribute": "city", "eq": "York"}}
    factories.customers(1, first=6, city="York")
    factories.customers(1, first=7, consent_email=False)
    published(audience={"include": include, "exclude": {"event": "order", "within": "4h"}})
    happened(1, 1, 2, 6, 7, ago=HOUR)
    happened(2, 3, name="order", ago=HOUR / 2)
    look()
    assert evaluated() == {"c1": "", "c2": "excluded_by_rule", "c7": "no_consent"}


def test_nobody_is_reached_again_within_once_per(at_acme: Retailer) -> None:
    published({"once_per": "7d"})
    happened(1)
    look()
    assert evaluated() == {"c1": ""}
    happened(1, 2)
    look(later())
    assert evaluated() == {"c1": "too_soon", "c2": ""}
    Run.objects.update(started_at=timezone.now() - 8 * DAY)
    happened(1, 2)
    look(later() + MINUTE)
    assert evaluated() == {"c1": "", "c2": ""}


def test_a_run_by_hand_reaches_everybody_it_may_and_counts_for_once_per(at_acme: Retailer) -> None:
    campaign = published({"once_per": "7d"})
    happened(1)
    look()
    assert evaluated() == {"c1": ""}
    counted = audience.count(campaign.live.parsed(), as_of=timezone.now())
    assert (counted.included, counted.excluded) == (4, {"too_soon": 1})
    run = configuration.launch(campaign, by="Ana", now=timezone.now())
    audience.evaluate(run)
    assert audience.waterfall(run) == counted
    happened(2)
    look(later())
    assert evaluated() == {"c2": "too_soon"}


def test_a_burst_is_one_run_and_the_rest_of_it_the_next(at_acme: Retailer) -> None:
    published()
    happened(1)
    began = timezone.now()
    look(began)
    AgendaItem.objects.filter(kind="campaign").delete()  # as the worker does whom nothing was left to wait for
    happened(2)
    happened(3)
    assert AgendaItem.objects.get(kind="campaign").due_at >= began + arrivals.GATHER
    assert look(began + timedelta(seconds=1)) == began + arrivals.GATHER
    assert Run.objects.count() == 1
    assert look(began + arrivals.GATHER) is None
    assert [run.arrivals.count() for run in Run.objects.order_by("pk")] == [1, 2]


def test_what_waited_beyond_its_grace_is_shown_as_missed_and_never_sent(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    campaign = published({"grace": "1h"})
    happened(1, 1, 2, ago=50 * MINUTE)
    happened(3)
    assert look(timezone.now() + 30 * MINUTE) is None
    missed, sent = Run.objects.order_by("pk")
    assert (missed.state, sent.state) == (Run.State.MISSED, Run.State.PLANNED)
    assert missed.reason.startswith("2 people: it was due while nothing ran")
    assert not missed.members.exists()
    pipeline.work(seconds=5)
    campaign.refresh_from_db()
    assert [mail.recipient for mail in outbox.sent] == ["c3@example.test"]
    assert campaign.state == Campaign.State.SCHEDULED


def test_a_campaign_that_missed_everything_still_waits_for_events(at_acme: Retailer) -> None:
    campaign = published({"grace": "1h"})
    happened(1)
    assert look(timezone.now() + DAY) is None
    campaign.refresh_from_db()
    assert (Run.objects.get().state, campaign.state) == (Run.State.MISSED, Campaign.State.SCHEDULED)


def test_a_run_that_the_policy_does_not_allow_any_more_is_held(at_acme: Retailer) -> None:
    campaign = published()
    happened(1)
    policies.save(at_acme, policy={"channels": ["sms"]})
    look()
    campaign.refresh_from_db()
    run = Run.objects.get()
    assert (run.state, campaign.state) == (Run.State.PAUSED, Campaign.State.PAUSED)
    assert run.reason.startswith("policy: ")
    assert run.arrivals.count() == 1


def test_a_withdrawn_campaign_sets_nothing_off_and_published_again_takes_up_what_is_within_grace(
    at_acme: Retailer,
) -> None:
    campaign = published({"delay": "2h", "grace": "1h"})
    happened(1, ago=HOUR)
    configuration.withdraw(campaign)
    happened(2)
    assert look(timezone.now() + HOUR) is None
    assert (Run.objects.count(), Arrival.objects.count(), AgendaItem.objects.count()) == (0, 1, 0)
    configuration.publish(campaign, now=timezone.now())
    assert AgendaItem.objects.get().due_at == Arrival.objects.get().due_at
    look(timezone.now() + 90 * MINUTE)
    assert evaluated() == {"c1": ""}


def test_a_stopped_campaign_starts_nothing_until_it_goes_on(at_acme: Retailer) -> None:
    campaign = published()
    happened(1)
    configuration.stop(campaign, reason="wrong price")
    assert look() is None
    assert not Run.objects.exists()
    configuration.go_on(campaign)
    look()
    assert evaluated() == {"c1": ""}


def test_another_event_forgets_who_waits_and_another_delay_moves_them(at_acme: Retailer) -> None:
    campaign = published({"delay": "4h"})
    at = happened(1)
    republish(campaign, trigger=CART | {"delay": "1h"})
    assert Arrival.objects.get().due_at == at + HOUR
    republish(campaign, trigger=CART | {"name": "order"})
    assert not Arrival.objects.exists()
    happened(2)
    happened(3, name="order")
    look()
    assert evaluated() == {"c3": ""}


def test_who_was_erased_meanwhile_is_not_replaced_by_everybody(at_acme: Retailer) -> None:
    published()
    happened(1)
    look()
    erasure.erase(Customer.objects.get(external_id="c1"))
    assert evaluated() == {}


def in_threads(retailer: Retailer, number: int, do: Callable[[int], None]) -> None:
    def apart(turn: int) -> None:
        try:
            with context.in_retailer(retailer):
                do(turn)
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(apart, range(number)))


def test_events_that_stream_in_while_schedulers_race_are_each_in_exactly_one_run(
    live_retailer: Retailer, django_db_blocker: Any
) -> None:
    """Three bring events and three start runs, neither more than a few minutes ahead of the other."""
    calls, size, began = 40, 25, timezone.now()
    arrived, made = Condition(), Counter[str]()

    def has_made(what: str, number: int) -> bool:
        return made[what] >= number

    def made_another(what: str) -> None:
        with arrived:
            made[what] += 1
            arrived.notify_all()

    def act(turn: int) -> None:
        if turn % 2:
            for call in range(calls):
                with arrived:
                    assert arrived.wait_for(partial(has_made, "looks", 3 * (call - 3)), timeout=60)
                people = range(turn, turn + size)
                rows = [
                    {"event_id": f"{turn}-{call}-{n}", "external_id": f"c{n}", "name": "cart", "occurred_at": began}
                    for n in people
                ]
                ingest.add_events(rows, now=began, zone=live_retailer.tzinfo)
                made_another("calls")
            return
        for minute in range(calls):
            with arrived:
                assert arrived.wait_for(partial(has_made, "calls", 3 * minute), timeout=60)
            look(began + minute * MINUTE)
            made_another("looks")

    with django_db_blocker.unblock():
        with context.in_retailer(live_retailer):
            factories.customers(40)
            published()
        in_threads(live_retailer, 6, act)
        with context.in_retailer(live_retailer):
            left_over = look(began + 2 * HOUR)
            taken = list(Arrival.objects.exclude(run=None).values_list("event_id", "run__occurrence"))
            runs = Run.objects.order_by("pk")
            assert left_over is None
            assert AgendaItem.objects.filter(retailer=live_retailer, kind="campaign").count() == 1
            assert len(taken) == len({event for event, _ in taken}) == Event.objects.count() == 3 * calls * size
            assert {run.occurrence for run in runs} == {occurrence for _, occurrence in taken}
            assert len(runs) > 3


def test_runs_evaluated_at_once_reach_a_person_once_per_period(live_retailer: Retailer, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        with context.in_retailer(live_retailer):
            factories.customers(300)
            published({"once_per": "7d"})
            runs = []
            for turn in range(4):
                happened(*range(1, 301))
                look(timezone.now() + turn * MINUTE)
                runs.append(Run.objects.latest("pk"))
        in_threads(live_retailer, 4, lambda turn: audience.evaluate(Run.objects.get(pk=runs[turn].pk)))
        with context.in_retailer(live_retailer):
            reached = Member.objects.filter(is_included=True).values_list("customer", flat=True)
            assert len(reached) == len(set(reached)) == 300
            assert Member.objects.filter(reason=Member.Reason.TOO_SOON).count() == 900


def test_a_worker_that_looks_while_events_arrive_leaves_none_behind(at_acme: Retailer, outbox: MemoryChannel) -> None:
    """The claim was taken before the event came: settling it must not take the event's item off the agenda."""
    published()
    happened(1)
    claim = agenda.claim(seconds=60, retailer=at_acme)
    assert claim is not None
    look()
    happened(2)
    agenda.finish(claim, cost=0.0)
    assert AgendaItem.objects.filter(kind="campaign").exists()
