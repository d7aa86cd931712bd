"""Facts hold after every change, whichever way it came: each equals what the rows themselves say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import erasure, facts, ingest, suppressions
from campaigns.models import AttributeDefinition, Customer, Event, Facts, Suppression
from tenants import context
from tenants.models import Retailer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Step = Callable[[], Any]


def upsert(*rows: Any) -> list[ingest.RowResult]:
    return ingest.upsert_customers(rows, now=NOW)


def add(*rows: Any) -> list[ingest.RowResult]:
    return ingest.add_events(rows, now=NOW, zone=UTC)


def event(number: int, name: str = "order", *, of: str = "c1", day: int = 0, **fields: Any) -> dict[str, Any]:
    at = NOW - timedelta(days=day)
    return {"event_id": f"e{number}", "external_id": of, "name": name, "occurred_at": at.isoformat(), **fields}


def facts_of(external_id: str) -> Facts:
    return Facts.objects.get(customer__external_id=external_id)


# -- after whatever happens ------------------------------------------------------------------------------------------

PEOPLE = st.sampled_from(["c1", "c2", "c3", "c4"])
EMAILS = st.sampled_from(["", "a@example.test", "b@example.test", "ç@example.test"])
PHONES = st.sampled_from(["", "+442071838750", "+442071838751"])
TIERS = st.sampled_from(["gold", "", None, 5, True, [1, 2], "1e3", "2026-01-01"])
CUSTOMER = st.fixed_dictionaries(
    {"external_id": PEOPLE},
    optional={
        "email": EMAILS,
        "phone": PHONES,
        "city": st.sampled_from(["", "Leeds", None]),
        "country": st.sampled_from(["GB", None]),
        "consent_email": st.booleans(),
        "consent_sms": st.booleans(),
        "consents": st.lists(
            st.fixed_dictionaries(
                {"channel": st.sampled_from(["email", "push"]), "granted": st.booleans()},
                optional={
                    "topic": st.sampled_from(["", "news"]),
                    "said_at": st.sampled_from(["2020-01-01", "2025-01-01T00:00Z"]),
                },
            ),
            max_size=2,
        ),
        "attributes": st.dictionaries(st.sampled_from(["tier", "points"]), TIERS, max_size=2),
    },
)
EVENT = st.builds(
    lambda number, of, name, day, value: event(number, name, of=of, day=day, value=value),
    st.integers(1, 12),
    PEOPLE,
    st.sampled_from(["order", "order", "view", "email_opened", "email_clicked", "sms_clicked", "push_opened"]),
    st.integers(0, 6),
    st.sampled_from([None, "10", "-2.50", "0.0001"]),
)


def change_suppression(put: bool, channel: str, address: str) -> None:
    if put:
        suppressions.put(channel=channel, address=address, reason=Suppression.Reason.MANUAL, source="test")
    else:
        suppressions.take_off(channel=channel, address=address)


def declare(name: str, type_: str, slot: str) -> None:
    """By its row alone: a slot that is not filled in yet is nobody's promise, so it is filled for all at once."""
    AttributeDefinition.objects.update_or_create(name=name, defaults={"type": type_, "slot": slot})
    facts.recompute()


def erase(external_id: str) -> None:
    found = Customer.objects.filter(external_id=external_id).first()
    if found:
        erasure.erase(found)


STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(lambda rows: partial(upsert, *rows), st.lists(CUSTOMER, min_size=1, max_size=4)),
    st.builds(lambda rows: partial(upsert, *rows), st.lists(CUSTOMER, min_size=1, max_size=4)),
    st.builds(lambda rows: partial(add, *rows), st.lists(EVENT, min_size=1, max_size=8)),
    st.builds(
        lambda put, where: partial(change_suppression, put, *where),
        st.booleans(),
        st.sampled_from([("email", "a@example.test"), ("email", "b@example.test"), ("sms", "+442071838750")]),
    ),
    st.sampled_from([partial(declare, "tier", "text", "text_3"), partial(declare, "points", "number", "number_1")]),
    st.builds(lambda who: partial(erase, who), PEOPLE),
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(STEPS, min_size=1, max_size=12))
def test_after_every_change_each_fact_is_what_the_rows_say(at_acme: Retailer, steps: list[Step]) -> None:
    with transaction.atomic():
        upsert({"external_id": "c1", "email": "a@example.test"})
        for step in steps:
            step()
            assert facts.recompute() == 0, step
            assert Facts.objects.count() == Customer.objects.count()
            for customer in Customer.objects.all():
                assert customer.consents.filter(is_current=True, topic="").count() <= 3
        transaction.set_rollback(True)


# -- each by name ----------------------------------------------------------------------------------------------------


def test_orders_are_counted_once_and_the_five_newest_kept_in_order(at_acme: Retailer) -> None:
    upsert({"external_id": "c1"})

    add(*[event(n, day=n, value="1.5") for n in (3, 1, 7, 5)])
    add(*[event(n, day=n, value="1.5") for n in (1, 2, 9, 2)], event(20, day=2), event(30, "view", day=0, value=9))
    add(event(2, day=0, value=100))

    found = facts_of("c1")
    assert (found.order_count, found.order_value) == (7, 90_000)
    newest = [getattr(found, f"order_{n}_at") for n in range(1, 6)]
    assert newest == [NOW - timedelta(days=day) for day in (1, 2, 2, 3, 5)]
    assert found.first_order_at == NOW - timedelta(days=9)


def test_the_latest_reaction_on_a_channel_is_kept(at_acme: Retailer) -> None:
    upsert({"external_id": "c1"})

    add(event(1, "email_clicked", day=3), event(2, "email_opened", day=4), event(3, "push_opened", day=1))
    add(event(4, "email_opened", day=5))

    found = facts_of("c1")
    assert found.engaged_email_at == NOW - timedelta(days=3)
    assert found.engaged_push_at == NOW - timedelta(days=1)
    assert found.engaged_sms_at is None


def test_an_address_is_shared_by_all_who_have_it_and_by_none_once_one_is_left(at_acme: Retailer) -> None:
    upsert(*[{"external_id": f"c{n}", "email": "a@example.test"} for n in (1, 2)])
    upsert({"external_id": "c3", "email": "a@example.test"})
    assert Facts.objects.filter(shares_email=True).count() == 3

    upsert({"external_id": "c2", "email": "b@example.test"})
    assert list(_sharing()) == ["c1", "c3"]

    erase("c3")
    assert list(_sharing()) == []


def test_who_stays_at_an_address_that_another_of_the_same_call_leaves_has_it_alone(at_acme: Retailer) -> None:
    upsert(*[{"external_id": f"c{n}", "email": "a@example.test", "city": "Leeds"} for n in (1, 2)])

    upsert({"external_id": "c1", "city": "York"}, {"external_id": "c2", "email": "b@example.test", "city": "York"})

    assert list(_sharing()) == []
    assert {facts_of(each).city for each in ("c1", "c2")} == {"York"}
    assert facts.recompute() == 0


def test_a_suppressed_address_is_known_of_whoever_takes_it_on(at_acme: Retailer) -> None:
    suppressions.put(channel="email", address="a@example.test", reason="complaint", source="test")

    upsert({"external_id": "c1", "email": "A@example.test"}, {"external_id": "c2", "email": "b@example.test"})
    assert facts_of("c1").suppressed_email
    upsert({"external_id": "c2", "email": "a@example.test"})
    assert facts_of("c2").suppressed_email

    suppressions.take_off(channel="email", address="a@example.test")
    assert not Facts.objects.filter(suppressed_email=True).exists()


def test_what_is_unchanged_leaves_its_facts_unwritten(at_acme: Retailer) -> None:
    row = {"external_id": "c1", "email": "a@example.test", "consent_email": True}
    upsert(row)
    add(event(1))
    before = _version()

    upsert(row)
    add(event(1), event(2, "view"))

    assert _version() == before


# -- at the same time ------------------------------------------------------------------------------------------------


@pytest.fixture
def at_once(live_retailer: Retailer, django_db_blocker: Any) -> Iterator[Callable[[list[Step]], None]]:
    """Runs steps in threads of their own, each on its own connection."""

    def act(step: Step) -> None:
        try:
            with context.in_retailer(live_retailer):
                step()
        finally:
            connection.close()

    def run(steps: list[Step]) -> None:
        with ThreadPoolExecutor(len(steps)) as pool:
            list(pool.map(act, steps))

    with django_db_blocker.unblock():
        yield run


def test_writers_of_the_same_people_in_any_order_leave_true_facts_and_never_lock_each_other_out(
    live_retailer: Retailer, at_once: Callable[[list[Step]], None]
) -> None:
    people = [{"external_id": f"c{n}", "email": f"p{n // 2}@example.test"} for n in range(300)]
    with context.in_retailer(live_retailer):
        upsert(*people[::2])

    def orders(turn: int) -> None:
        rows = [event(n, of=f"c{n % 300}", day=n % 7, value=n) for n in range(turn * 100, turn * 100 + 900)]
        for _ in range(2):
            add(*rows[:: 1 if turn % 2 else -1])

    def addresses(turn: int) -> None:
        moved = [row | {"email": f"p{(n * 7 + turn) % 150}@example.test"} for n, row in enumerate(people)]
        upsert(*moved[:: 1 if turn % 2 else -1])

    def block(turn: int) -> None:
        for n in range(turn, 40, 2):
            change_suppression(True, "email", f"p{n}@example.test")
            change_suppression(n % 3 > 0, "email", f"p{n}@example.test")

    at_once([partial(act, turn) for turn in range(2) for act in (orders, addresses, block)])

    with context.in_retailer(live_retailer):
        assert Customer.objects.count() == 300
        assert facts.recompute() == 0
        assert Facts.objects.filter(suppressed_email=True).exists()
        assert Facts.objects.filter(order_count__gt=0).exists()


def test_people_erased_while_their_events_come_in_leave_no_facts_behind(
    live_retailer: Retailer, at_once: Callable[[list[Step]], None]
) -> None:
    with context.in_retailer(live_retailer):
        upsert(*[{"external_id": f"c{n}", "email": "one@example.test"} for n in range(40)])

    def order(turn: int) -> None:
        for start in range(0, 400, 40):
            add(*[event(turn * 1000 + start + n, of=f"c{n}", day=n % 7) for n in range(40)])

    def forget() -> None:
        for n in range(0, 40, 2):
            erase(f"c{n}")

    at_once([partial(order, 0), partial(order, 1), forget])

    with context.in_retailer(live_retailer):
        assert Facts.objects.count() == Customer.objects.count() == 20
        assert set(Event.objects.values_list("customer_id", flat=True)) <= set(
            Customer.objects.values_list("pk", flat=True)
        )
        assert facts.recompute() == 0
        assert set(Facts.objects.values_list("order_count", flat=True)) == {20}


def _sharing() -> Any:
    sharing = Customer.objects.filter(facts__shares_email=True)
    return sharing.order_by("external_id").values_list("external_id", flat=True)


def _version() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin::text, ctid::text FROM campaigns_facts")
        return cursor.fetchall()
