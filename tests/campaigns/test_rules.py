"""Rules as SQL agree with what they say, person for person, whatever is asked, of whom, and as of when."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import audience, compiler
from campaigns.config import gate
from campaigns.models import AttributeDefinition, Customer, Event, Facts
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.campaigns.oracle import Oracle, drawn

EXAMPLES = int(os.environ.get("RULE_EXAMPLES", "300"))
NOW = datetime(2026, 11, 26, 0, 30, tzinfo=UTC)
EARLIER = [
    NOW,
    NOW,
    NOW - timedelta(days=1),
    NOW - timedelta(days=8),
    NOW - timedelta(days=40),
    NOW - timedelta(days=200),
]
CITIES = ["", "Leeds", "leeds", "Łódź", "São Paulo", "東京", "York'; DROP TABLE campaigns_customer; --"]
MIXED: list[Any] = [
    None,
    "gold",
    "silver",
    3,
    3.5,
    "3",
    "3.50",
    True,
    False,
    "",
    "GOLD",
    -2,
    "1e2",
    100,
    "x3",
    [1],
    {"a": 1},
]
DATES: list[Any] = [
    None, "2026-11-26", "2026-11-25", "1990-11-26", "--11-26", "11-26", "2027-01-15", "2026-11-01T23:30:00Z",
    "2026-10-01", "2026-13-45", "26.11.2026", 20261126, "2026-11-26 ", "",
]  # fmt: skip
CATEGORIES: list[Any] = ["wine", "bread", "", "W" * 99, "W" * 100, "W" * 101, "Käse", 5, True, None]
ATTRIBUTES = {
    "tier": MIXED, "level": MIXED, "points": MIXED, "colour": MIXED, "renewal": DATES,
    "is_member": [True, False, "true", None]
}  # fmt: skip
SLOTS = {"level": "text_1", "points": "number_1", "colour": "text_2", "renewal": "text_3", "is_member": "text_4"}
TYPES = {"level": "text", "points": "number", "colour": "text", "renewal": "date", "is_member": "boolean"}
NAMES = ["order", "order", "order", "view", "email_opened", "email_clicked", "sms_clicked", "push_opened"]
AGES = [
    timedelta(hours=-20), timedelta(hours=-1), timedelta(), timedelta(microseconds=1), timedelta(minutes=30),
    timedelta(minutes=30, microseconds=1), timedelta(hours=23), timedelta(days=1), timedelta(days=1, microseconds=-1),
    timedelta(days=7), timedelta(days=8), timedelta(days=25, minutes=30), timedelta(days=32), timedelta(days=33),
    timedelta(days=60), timedelta(days=200), timedelta(days=400),
]  # fmt: skip
SEGMENTS: dict[str, Any] = {
    "golden": {"any": [{"attribute": "tier", "eq": "gold"}, {"attribute": "level", "in": ["gold", 3]}]},
    "lapsed": {"all": [{"event": "order", "until": "30d ago"}, {"not": {"event": "order", "since": "30d ago"}}]},
    "both": {"all": [{"segment": "golden"}, {"not": {"segment": "lapsed"}}]},
    "nobody": {"any": []},
}


@pytest.fixture
def people(acme: Retailer) -> Iterator[list[Customer]]:
    """Ninety people over combinations of odd values; two thirds of them with up to nine events, some yet to come."""
    chance = random.Random(20261126)
    with context.in_retailer(acme):
        for name, kind in TYPES.items():
            ready = None if name == "colour" else timezone.now()
            AttributeDefinition.objects.create(name=name, type=kind, slot=SLOTS[name], ready_at=ready)
        AttributeDefinition.objects.create(name="tier", type="text")
        for key, rule in SEGMENTS.items():
            factories.segment(key, rule)
        made = factories.stored(_person(n, chance) for n in range(90))
        factories.happened(
            _event(n, person, chance) for person in made if person.pk % 3 for n in range(chance.randrange(10))
        )
        Facts.objects.update(text_2="stale")  # of a slot that is not ready nothing may be read
        yield made


def _person(n: int, chance: random.Random) -> Customer:
    attributes = {name: chance.choice(values) for name, values in ATTRIBUTES.items() if chance.random() < 0.8}
    return Customer(
        external_id=f"p{n}",
        email=chance.choice(["", f"p{n}@example.test"]),
        first_name=chance.choice(["", "Zoë", "ana", "Ana"]),
        city=CITIES[n % len(CITIES)],
        country=chance.choice(["", "GB", "PL"]),
        consent_email=n % 2 == 0,
        consent_sms=n % 5 == 0,
        consent_push=n % 7 == 0,
        attributes=attributes,
    )


def _event(n: int, person: Customer, chance: random.Random) -> Event:
    properties = {"category": chance.choice(CATEGORIES), "quantity": chance.choice([1, 2.5, "3", "x", None, -1])}
    return Event(
        event_id=f"{person.pk}-{n}",
        customer=person,
        name=chance.choice(NAMES),
        occurred_at=chance.choice(EARLIER) - chance.choice(AGES),
        value=chance.choice(
            [None, Decimal(0), Decimal(10), Decimal("10.1"), Decimal("0.0001"), Decimal(-5), Decimal(60)]
        ),
        currency=chance.choice(["", "GBP", "EUR"]),
        properties={name: value for name, value in properties.items() if chance.random() < 0.9},
    )


def _at_once(rule: Any) -> set[str]:
    return _asked(_compiled_at_once(rule))


def _compiled_at_once(rule: Any) -> compiler.Sql:
    return audience.compile_rule(gate.parse_rule(rule), as_of=NOW, late=compiler.Late())


def matched(rule: Any, as_of: datetime = NOW) -> set[str]:
    """Whom it matches as a run asks, and no others as a live count does: all at once, and with facts believed."""
    parsed = gate.parse_rule(rule)
    found = _asked(audience.compile_rule(parsed, as_of=as_of))
    facts = compiler.Late()
    believed = audience.compile_rule(parsed, as_of=as_of, late=facts)
    is_late = " OR ".join(f"f.{column} > %s" for column in sorted(facts.columns)) or "FALSE"
    since = (as_of,) * len(facts.columns)
    late = compiler.Sql(f"SELECT f.customer_id FROM campaigns_facts f WHERE {is_late}", since)
    assert _asked(audience.compile_rule(parsed, as_of=as_of, late=compiler.Late(late))) == found
    others = compiler.Sql(f"(({is_late}) IS NOT TRUE)", since)
    assert _asked(compiler.joined([believed, others], " AND ")) == found & _asked(others)
    return found


def _asked(condition: compiler.Sql) -> set[str]:
    sql = f"SELECT c.id, c.external_id {audience.FROM} WHERE {condition.text}"
    return {customer.external_id for customer in Customer.objects.raw(sql, condition.params)}


SCALARS = st.sampled_from([*(each for each in MIXED if isinstance(each, str | int | float)), 3.0, 2**60, 0.1])
TEXTS = st.sampled_from(["EE", "ó", "%", "'", "_", "O", "3", "old", "Zo", "東", "le", "Ł", "W" * 100])
DAYS = st.sampled_from(
    ["today", "yesterday", "tomorrow", "8d ago", "25d ago", "4w ago", "in 50d", "start of week", "start_of_month",
     "start of quarter", "start of year", "2026-11-26", "2026-10-25", "2027-01-15"]
)  # fmt: skip
INSTANTS = DAYS.filter(lambda day: not day.startswith("20")) | st.sampled_from(
    ["2026-11-25", "2026-10-25T01:30:00", "2026-03-29T01:30:00", "2026-11-26T00:30:00Z", "2026-10-25T00:00:00+02:00"]
)
NUMBERS = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 2.5, -1])
AMOUNTS = st.sampled_from([0, 10, 10.1, 20.2, 60, -5, 0.0001, 0.00005, 9e18, -9e18])


def comparisons(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any operator with an operand that fits it."""
    lists = st.lists(values, min_size=1, max_size=12)
    return st.one_of(
        st.builds(lambda o, v: {o: v}, st.sampled_from(["eq", "ne", "lt", "lte", "gt", "gte"]), values),
        st.builds(lambda o, v: {o: v}, st.sampled_from(["in", "not_in"]), lists),
        st.builds(lambda v: {"between": v}, st.tuples(values, values).map(list)),
        st.builds(lambda o, v: {o: v}, st.sampled_from(["contains", "starts_with"]), TEXTS),
        st.builds(lambda v: {"exists": v}, st.booleans()),
        st.just({"anniversary": True}),
        st.builds(lambda o, v: {o: v}, st.sampled_from(["before", "on", "after"]), DAYS),
    )


def bounds(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(["eq", "lt", "lte", "gt", "gte"]), values, min_size=1, max_size=2)


CATEGORY = st.sampled_from([str(each) for each in CATEGORIES if each is not None])
WHERE = st.one_of(
    comparisons(CATEGORY | st.just(5)).map(lambda found: {"property": "category"} | found),
    comparisons(st.sampled_from([1, 2.5, "3", "x"])).map(lambda found: {"property": "quantity"} | found),
    comparisons(st.sampled_from(["GBP", "eur"])).map(lambda found: {"property": "currency"} | found),
    comparisons(AMOUNTS)
    .filter(lambda found: not found.keys() & {"contains", "starts_with", "anniversary", "before", "on", "after"})
    .map(lambda found: {"property": "value"} | found),
)
SUMS = st.builds(
    lambda name, found: {"property": name} | found, st.sampled_from(["value", "quantity"]), bounds(AMOUNTS)
)
EVENTS = st.builds(
    lambda name, extra: {"event": name} | extra,
    st.sampled_from(["order", "order", "order", "view", "never", "email_opened"]),
    st.fixed_dictionaries(
        {},
        optional={
            "count": bounds(NUMBERS),
            "sum": SUMS,
            "within": st.sampled_from(["30m", "23h", "1d", "8d", "4w", "60d"]),
            "since": INSTANTS,
            "until": INSTANTS,
            "where": st.lists(WHERE, max_size=2),
        },
    ),
)
LEAVES = st.one_of(
    comparisons(st.sampled_from(CITIES[1:])).map(lambda found: {"attribute": "city"} | found),
    comparisons(st.sampled_from(["GB", "PL", "ana", 3])).flatmap(
        lambda found: st.sampled_from(["country", "first_name", "email"]).map(lambda name: {"attribute": name} | found)
    ),
    comparisons(SCALARS).flatmap(
        lambda found: st.sampled_from([*ATTRIBUTES, "attributes.level", "missing"]).map(
            lambda name: {"attribute": name} | found
        )
    ),
    st.builds(lambda v: {"consent": {"channel": v}}, st.sampled_from(["email", "sms", "push"])),
    st.builds(
        lambda channel, within: {"engaged": {"channel": channel, "within": within}},
        st.sampled_from(["email", "sms", "push"]),
        st.sampled_from(["30m", "1d", "8d", "25d", "60d"]),
    ),
    st.builds(lambda v: {"segment": v}, st.sampled_from(sorted(SEGMENTS))),
    st.builds(lambda v: {"sample": v}, st.sampled_from([0, 0.2, 0.5, 1])),
    EVENTS,
    EVENTS,
    EVENTS,
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda r: {"all": r}, st.lists(inner, max_size=3))
        | st.builds(lambda r: {"any": r}, st.lists(inner, max_size=3))
        | st.builds(lambda r: {"not": r}, inner)
    ),
    max_leaves=6,
)


@pytest.mark.timeout(0 if EXAMPLES > 1000 else 300)
def test_sql_agrees_with_an_oracle_person_for_person(people: list[Customer]) -> None:
    events: dict[int, list[Event]] = {}
    for event in Event.objects.all():
        events.setdefault(event.customer_id, []).append(event)
    zone = context.current().tzinfo

    @given(TREES, st.sampled_from(EARLIER))
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    def agrees(rule: Any, as_of: datetime) -> None:
        parsed, oracle = gate.parse_rule(rule), Oracle(as_of, zone, SEGMENTS)
        expected = {p.external_id for p in people if oracle.holds(parsed, p, events.get(p.pk, []))}
        assert matched(rule, as_of) == expected

    agrees()


def test_slots_that_are_ready_are_what_is_asked(people: list[Customer]) -> None:
    Facts.objects.update(text_1="platinum", number_1=77)
    everybody = {person.external_id for person in people}
    assert matched({"attribute": "level", "eq": "platinum"}) == everybody
    assert matched({"attribute": "points", "eq": 77}) == everybody
    assert matched({"attribute": "colour", "eq": "stale"}) == set()


def test_facts_are_what_is_asked_of_orders(people: list[Customer]) -> None:
    """And of nobody else's events than of people who ordered after the instant that is asked about."""
    Event.objects.all().delete()
    kept = {"order_1_at": NOW - timedelta(days=2), "order_2_at": NOW - timedelta(days=9), "order_count": 7}
    Facts.objects.update(**kept, first_order_at=NOW - timedelta(days=90), order_value=1_000_000)
    everybody = {person.external_id for person in people}
    for rule in (
        {"event": "order"},
        {"event": "order", "count": {"gte": 7}},
        {"event": "order", "count": {"eq": 1}, "within": "8d"},
        {"event": "order", "count": {"gte": 2}, "since": "10d ago"},
        {"event": "order", "sum": {"property": "value", "eq": 100}},
        {"event": "order", "until": "60d ago"},
    ):
        assert matched(rule) == everybody
        assert matched({"not": rule}) == set()
    late = people[0]
    Facts.objects.filter(customer=late).update(order_1_at=NOW + timedelta(hours=1))
    assert matched({"event": "order", "count": {"gte": 7}}) == everybody - {late.external_id}


def test_nobody_of_whom_facts_know_no_order_is_looked_up_among_the_events(people: list[Customer]) -> None:
    """Where everybody is asked at once. `order_1_at` bounds what began lately, `first_order_at` what ever was."""
    wine = {"event": "order", "where": [{"property": "category", "eq": "wine"}]}
    lately = {**wine, "within": "30d"}
    Facts.objects.update(order_1_at=NOW - timedelta(days=31), first_order_at=NOW - timedelta(days=31))
    assert _at_once(wine) == _asked(audience.compile_rule(gate.parse_rule(wine), as_of=NOW)) != set()
    assert _at_once(lately) == set() != _asked(audience.compile_rule(gate.parse_rule(lately), as_of=NOW))
    assert len(_at_once({"not": lately})) == len(_at_once({**lately, "count": {"eq": 0}})) == len(people)
    Facts.objects.update(order_1_at=None, first_order_at=None)
    assert _at_once(wine) == set()
    assert len(_at_once({**wine, "count": {"lte": 3}})) == len(people)


def test_what_is_dear_is_asked_of_whom_the_rest_leaves_in(people: list[Customer]) -> None:
    """An AND goes on after what is unknown, and stops at a no."""
    inner = [
        {"attribute": "first_name", "eq": "Ana"},
        {"event": "view"},
        {"attribute": "level", "eq": "gold"},
        {"attribute": "city", "in": ["Leeds"]},
        {"attribute": "points", "gte": 3},
        {"event": "order", "within": "30d", "where": [{"property": "category", "eq": "wine"}]},
        {"consent": {"channel": "email"}},
    ]
    text = _compiled_at_once({"all": inner}).text
    places = ("f.number_1", "f.order_1_at >", "f.consent_email", "f.text_1", "f.city", "c.first_name")
    asked = [text.index(place) for place in places]
    assert asked == sorted(asked)
    assert text.count(" IS TRUE) AND ") == len(inner)  # one of them between the order and its events


def test_sample_is_the_documented_draw(people: list[Customer]) -> None:
    assert matched({"sample": 1}) == {person.external_id for person in people}
    assert matched({"sample": 0}) == set()
    assert matched({"sample": 0.3}) == {person.external_id for person in people if drawn(person, "sample") < 0.3}


def test_days_begin_at_the_retailers_midnight_whatever_its_clocks_do(globex: Retailer) -> None:
    """Denver: 23 hours on 8 March 2026, 25 on 1 November; `within` counts seconds, `since` days of the calendar."""
    with context.in_retailer(globex):
        ana = factories.customers(1)[0]
        for day, midnight in ((8, datetime(2026, 3, 8, 7, tzinfo=UTC)), (1, datetime(2026, 11, 1, 6, tzinfo=UTC))):
            noon = midnight + timedelta(hours=12)
            before = Event(
                event_id=f"b{day}", customer=ana, name=f"b{day}", occurred_at=midnight - timedelta(microseconds=1)
            )
            at = Event(event_id=f"a{day}", customer=ana, name=f"a{day}", occurred_at=midnight)
            factories.happened([before, at])
            assert matched({"event": f"a{day}", "since": "today"}, noon) == {"c1"}
            assert matched({"event": f"b{day}", "since": "today"}, noon) == set()
            assert matched({"event": f"b{day}", "until": "today"}, noon) == {"c1"}
            next_noon = noon + timedelta(hours=22)  # still the next calendar day on both
            assert matched({"event": f"a{day}", "since": "yesterday"}, next_noon) == {"c1"}
            assert matched({"event": f"a{day}", "within": "1d"}, midnight + timedelta(hours=24)) == set()
            assert matched({"event": f"b{day}", "within": "1d"}, midnight + timedelta(hours=23)) == {"c1"}


def test_naive_times_are_the_retailers(globex: Retailer) -> None:
    with context.in_retailer(globex):
        ana = factories.customers(1)[0]
        factories.happened(
            [Event(event_id="e", customer=ana, name="order", occurred_at=datetime(2026, 6, 1, 6, tzinfo=UTC))]
        )
        assert matched({"event": "order", "since": "2026-06-01"}) == {"c1"}
        assert matched({"event": "order", "since": "2026-06-01T00:00:01"}) == set()


def test_few_customers_alone_are_asked_where_a_run_is_of_few(people: list[Customer]) -> None:
    few = {person.pk for person in people[:20]}
    among = audience.Sql("SELECT id FROM campaigns_customer WHERE id = ANY(%s)", (list(few),))
    for rule in (
        {"event": "order", "count": {"gte": 2}},
        {"event": "order", "count": {"lte": 2}, "within": "8d"},
        {"event": "view", "sum": {"property": "quantity", "lt": 2}},
        {"engaged": {"channel": "email", "within": "60d"}},
    ):
        for as_of in EARLIER:
            compiled = audience.compile_rule(gate.parse_rule(rule), as_of=as_of, among=among)
            sql = f"SELECT c.* {audience.FROM} WHERE {compiled.text}"
            found = {each.external_id for each in Customer.objects.raw(sql, compiled.params) if each.pk in few}
            whole = matched(rule, as_of)
            assert found == {person.external_id for person in people if person.pk in few} & whole


def test_nothing_of_the_wide_table_is_read_where_facts_answer(people: list[Customer]) -> None:
    for rule in (
        {"attribute": "city", "in": ["Leeds"]},
        {"attribute": "level", "eq": "gold"},
        {"attribute": "points", "gte": 3},
        {"attribute": "email", "exists": True},
        {"event": "order", "count": {"gte": 2}, "within": "30d"},
        {"consent": {"channel": "sms"}},
        {"sample": 0.1},
    ):
        assert "c." not in audience.compile_rule(gate.parse_rule(rule), as_of=NOW).text.replace("e.customer_id", "")
