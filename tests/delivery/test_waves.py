"""A run in waves: who is in which, when each opens, what of pausing and ending, and what is told of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import configuration, policies
from campaigns.config.gate import Invalid, parse_campaign
from campaigns.models import Member, Run, Tally
from delivery import balance, batches, messages, pipeline, reports, tallies, waves, weights
from delivery.channels.memory import MemoryChannel
from delivery.models import Batch, Message, Wave
from tenants import context
from tenants.models import AgendaItem, Retailer
from tests import factories

STEP = {"key": "first", "channel": "email", "template": "hello"}


def in_waves(number: int = 4, over: str = "4h", **step: Any) -> dict[str, Any]:
    return {"steps": [{**STEP, "release": {"waves": number, "over": over}, **step}]}


def launched(people: int, parts: dict[str, Any], **more: Any) -> Run:
    factories.customers(people)
    return configuration.launch(factories.campaign(**parts, **more), by="test", now=timezone.now())


def advance(run: Run, *, after: timedelta = timedelta()) -> datetime | None:
    run.refresh_from_db()
    return pipeline.advance(run, now=run.started_at + after)


def open_all(run: Run, *, hours: int = 4) -> None:
    for each in range(hours):
        advance(run, after=timedelta(hours=each))


def test_waves_open_one_after_the_other_until_everybody_has_a_message(at_acme: Retailer) -> None:
    run = launched(60, in_waves())
    made = []
    for hours in range(4):
        next_at = advance(run, after=timedelta(hours=hours))
        made.append(Message.objects.count())
        assert next_at == (run.started_at + timedelta(hours=hours + 1) if hours < 3 else None)
        assert reports.report(run).balances
        assert balance.prove().wrong == []
    assert made == sorted(set(made))
    assert made[-1] == 60
    assert list(Wave.objects.order_by("number").values_list("state", flat=True)) == ["released"] * 4
    assert sum(Wave.objects.values_list("size", flat=True)) == 60


def test_advancing_again_adds_nothing(at_acme: Retailer) -> None:
    run = launched(30, in_waves())
    for _ in range(3):
        advance(run)
    first = Wave.objects.get(number=1)
    assert Message.objects.count() == first.size
    assert Batch.objects.count() == 1


def test_a_run_is_not_completed_while_a_wave_is_to_come(at_acme: Retailer, outbox: MemoryChannel) -> None:
    run = launched(30, in_waves())
    pipeline.work(seconds=20, retailer=at_acme)
    run.refresh_from_db()
    assert run.state == "running"
    assert 0 < len(outbox.sent) < 30
    open_all(run)
    AgendaItem.objects.filter(kind="batch").update(due_at=timezone.now())
    pipeline.work(seconds=20, retailer=at_acme)
    advance(run, after=timedelta(hours=3))
    run.refresh_from_db()
    assert (run.state, len(outbox.sent)) == ("completed", 30)
    assert reports.report(run).balances


def test_a_person_is_in_the_same_wave_of_another_run(at_acme: Retailer) -> None:
    run = launched(40, in_waves())
    again = configuration.launch(run.campaign, by="test", now=timezone.now())
    for each in (run, again):
        open_all(each)
    found = Message.objects.order_by("customer_id").values_list("run_id", "customer_id", "batch__number")
    assert found.count() == 80
    in_first = [(customer, number) for run_id, customer, number in found if run_id == run.pk]
    assert in_first == [(customer, number) for run_id, customer, number in found if run_id == again.pk]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(2, 100), first=st.floats(0.05, 0.95))
def test_the_split_is_a_partition_and_independent_of_the_variants(db: None, number: int, first: float) -> None:
    """Of 20,000 draws, every one is in one wave, waves are of like size, and so are the variants in each."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT {waves.NUMBER.format(draw="draw", waves="%s")}, width_bucket(draw, %s::float8[]), count(*)
            FROM (SELECT ('x' || left(md5('draw:' || n), 13))::bit(52)::bigint / 4503599627370496.0::float8 AS draw
                  FROM generate_series(1, 20000) n) people
            GROUP BY 1, 2
            """,
            [number, [first]],
        )
        rows = cursor.fetchall()
    by_wave, of_first = Counter[int](), Counter[int]()
    for wave, variant, count in rows:
        by_wave[wave] += count
        of_first[wave] += count if variant == 0 else 0
    assert sum(by_wave.values()) == 20_000
    assert set(by_wave) == set(range(1, number + 1))
    usual = 20_000 / number
    for wave, size in by_wave.items():
        assert abs(size - usual) < 5 * usual**0.5
        assert abs(of_first[wave] - size * first) < 5 * (size * first * (1 - first)) ** 0.5 + 1


@pytest.mark.parametrize("draw", [0.0, 0.25, 0.4999999, 0.5, 0.75, 0.9999999999])
def test_what_is_explained_is_what_is_made(at_acme: Retailer, draw: float) -> None:
    parts = {"steps": [{**STEP, "variants": [{"key": "a"}, {"key": "b"}, {"key": "c"}]}]}
    run = launched(1, parts)
    step = run.version.parsed().step("first")
    Member.objects.all().delete()
    advance(run)
    Message.objects.all().delete()
    Member.objects.update(draw=draw)
    Run.objects.update(generated={})
    advance(run)
    between = weights.cuts(step, weights.equal(step))
    assert Message.objects.get().variant == weights.variant(step, between, draw)


def test_shares_are_written_as_the_wave_opens_and_kept(at_acme: Retailer) -> None:
    run = launched(40, in_waves(variants=[{"key": "a"}, {"key": "b"}]))
    advance(run)
    shares = dict(Wave.objects.values_list("number", "weights"))
    assert shares == {1: {"a": 0.5, "b": 0.5}, 2: None, 3: None, 4: None}


def test_a_wave_is_made_by_the_shares_it_has(at_acme: Retailer) -> None:
    run = launched(40, in_waves(variants=[{"key": "a"}, {"key": "b"}]))
    advance(run)
    Message.objects.all().delete()
    Batch.objects.all().delete()
    Wave.objects.filter(number=1).update(weights={"a": 0.0, "b": 1.0}, state="open", generated=0, size=0)
    advance(run)
    assert set(Message.objects.values_list("variant", flat=True)) == {"b"}


def test_a_paused_run_opens_no_wave_and_keeps_their_distance_afterwards(at_acme: Retailer) -> None:
    run = launched(40, in_waves())
    advance(run)
    configuration.pause(run, reason="lunch")
    assert advance(run, after=timedelta(hours=3)) is None
    assert Wave.objects.filter(state="planned").count() == 3
    configuration.resume(run)
    assert advance(run, after=timedelta(hours=3)) == run.started_at + timedelta(hours=4)
    assert Wave.objects.filter(state="planned").count() == 2
    for hours in (4, 5):
        advance(run, after=timedelta(hours=hours))
    assert reports.report(run).messages == 40


def test_a_cancelled_run_balances_with_the_waves_that_came(at_acme: Retailer) -> None:
    run = launched(40, in_waves())
    advance(run)
    configuration.cancel(run)
    advance(run, after=timedelta(hours=3))
    report = reports.report(run)
    assert report.states == {"cancelled": Wave.objects.get(number=1).size}
    assert report.balances


def test_messages_expire_counted_from_their_wave(at_acme: Retailer) -> None:
    run = launched(40, in_waves(), timing={"expire_after": "30m"})
    advance(run)
    advance(run, after=timedelta(hours=1))
    for message in Message.objects.all():
        assert message.expires_at == message.send_at + timedelta(minutes=30)
    assert Message.objects.values("send_at").distinct().count() == 2


def test_a_run_stopped_while_a_wave_is_made_goes_on_where_it_was(
    at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "SLICE", 3)
    run = launched(40, in_waves(2))
    make, made = messages._generate_slice, []

    def stopping(*args: Any) -> int:
        made.append(args)
        if len(made) == 3:
            Run.objects.update(state="paused")
        return make(*args)

    monkeypatch.setattr(messages, "_generate_slice", stopping)
    advance(run)
    assert Wave.objects.get(number=1).state == "open"
    assert Message.objects.count() == 6
    Run.objects.update(state="running")
    advance(run)
    assert Wave.objects.get(number=1).state == "released"
    assert Message.objects.count() == Wave.objects.get(number=1).size
    assert reports.report(run).balances


def test_a_run_without_waves_asks_nothing_about_them(at_acme: Retailer, django_assert_num_queries: Any) -> None:
    run = launched(3, {"steps": [STEP]})
    with django_assert_num_queries(0):
        assert list(waves.of(run)) == []
    advance(run)
    assert not Wave.objects.exists()


def test_optimising_in_waves_without_a_time_takes_an_hour_for_each(at_acme: Retailer) -> None:
    run = launched(20, {"steps": [{**STEP, "optimise": {"waves": 3}}]})
    advance(run)
    opens = list(Wave.objects.order_by("number").values_list("opens_at", flat=True))
    assert [each - opens[0] for each in opens] == [timedelta(hours=hours) for hours in range(3)]


def test_waves_are_said_once() -> None:
    step = {**STEP, "release": {"waves": 2, "over": "1h"}, "optimise": {"waves": 3}}
    with pytest.raises(Invalid, match="leave release out"):
        parse_campaign(factories.config(steps=[step]))


def test_only_what_answers_somebody_is_transactional() -> None:
    scheduled = {"kind": "schedule", "at": "2030-01-01T09:00:00"}
    with pytest.raises(Invalid, match="lane"):
        parse_campaign(factories.config(lane="transactional", trigger=scheduled))
    assert parse_campaign(factories.config(lane="transactional", trigger={"kind": "api"})).is_transactional


def test_a_transactional_campaign_s_work_is_in_that_lane(at_acme: Retailer) -> None:
    policies.save(None, policy={"transactional": True})
    run = launched(3, {"steps": [STEP]}, lane="transactional")
    assert list(AgendaItem.objects.filter(kind="run").values_list("is_transactional", flat=True)) == [True]
    advance(run)
    assert list(AgendaItem.objects.filter(kind="batch").values_list("is_transactional", flat=True)) == [True]
    assert batches.unfinished(run)


def test_the_run_s_page_shows_its_waves(marketer: Callable[[Retailer], Client], acme: Retailer) -> None:
    with context.in_retailer(acme):
        run = launched(20, in_waves(2, variants=[{"key": "a"}, {"key": "b"}]))
        advance(run)
    page = marketer(acme).get(f"/admin/campaigns/run/{run.pk}/change/").content.decode()
    assert "Waves" in page
    assert "a 50 %, b 50 %" in page
    assert "decided when it opens" in page


def test_batches_and_tallies_say_their_wave(at_acme: Retailer, outbox: MemoryChannel) -> None:
    run = launched(40, in_waves(2))
    open_all(run)
    assert set(Batch.objects.values_list("wave", flat=True)) == {1, 2}
    AgendaItem.objects.filter(kind="batch").update(due_at=timezone.now())
    pipeline.work(seconds=20, retailer=at_acme)
    tallies.count(run, now=timezone.now())
    found = dict(Tally.objects.values_list("wave").annotate(number=Sum("messages")))
    assert found == dict(Wave.objects.values_list("number", "size"))
