"""Hostile text in every place of a rule: it reaches SQL as a parameter, or not at all."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from campaigns import audience, compiler
from campaigns.compiler import Sql
from campaigns.config import gate
from campaigns.config.gate import Invalid
from campaigns.config.rules import Rule
from campaigns.models import AttributeDefinition, Customer, Facts
from tenants.accounts.models import Scope
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api

SEEDS = [
    "'", "''", '"', "`", "\\", "\\'", "' OR 1=1 --", "' OR ''='", "1 OR 1=1", "1; DROP TABLE campaigns_customer", "--",
    "/*", "*/", "/**/", "#", ";", "$$", "$1", "$tag$x$tag$", "E'\\047'", "U&'\\0027'", "%s", "%(x)s", "%%", "%", "%d",
    "{}", "{0}", "{x!r}", "{{ x }}", "${x}", ":x", ":1", "?", "@x", "_", "a%", "NULL", "null", "TRUE", "NaN", "DEFAULT",
    "pg_sleep(9)", "' || pg_sleep(9) || '", "(SELECT 1)", "f.seed", "c.email", "e.value", "public.tenants_retailer",
    "\u2019", "\uff07", "\u02bc", "\u0000", "\u202e", "\u200b", "\ufeff", "\ud800", "💥", "東京", "İ", "ﬀ", "e\u0301",
    "\n", "\r\n", "\t", "\x1b[31m", "\x7f", "\u2028", "=", "<>", "::text", "::int[]", "ARRAY[1]", "{1,2}", '{"a": 1}',
    "<script>alert(1)</script>", "../../etc/passwd", "COPY x TO PROGRAM 'id'", "lo_import('/etc/passwd')", "\\copy",
    "current_user", "set_config('role','postgres',false)", "'; RESET ROLE; --", "') OR (TRUE", "')) OR ((TRUE",
    "] = ANY(", "x' IS NOT NULL OR 'x", "' COLLATE \"C", "1e999", "-0", "0x1F", " ", "", "A" * 499, "wine'--",
]  # fmt: skip
HARMLESS: tuple[Any, ...] = ("x", "x" * 200, "1", 3, 2.5, 0, True, False)
EXECUTED = 20  # every so many of them is asked of the database too
NOW = datetime(2026, 11, 26, tzinfo=UTC)
DECLARED = {"level": ("text", "text_1"), "points": ("number", "number_1")}


def hostile() -> list[str]:
    """Five hundred: the seeds, and mixtures of them."""
    chance = random.Random(500)
    found = dict.fromkeys(SEEDS)
    while len(found) < 500:
        found[chance.choice(["", " ", "x", "\t"]).join(chance.sample(SEEDS, chance.choice([2, 3])))[:500]] = None
    return list(found)


OPERATORS = ("eq", "ne", "lt", "lte", "gt", "gte", "contains", "starts_with", "before", "on", "after", "exists")
FIELDS = ("city", "email", "level", "points", "free")


def compares(field: str, operator: str) -> Callable[[Any], Any]:
    return lambda s: {"attribute": field, operator: s}


def had(name: str, operator: str) -> Callable[[Any], Any]:
    return lambda s: {"event": "e", "where": [{"property": name, operator: s}]}


def listed(make: Callable[[Any], Any], *others: Any) -> Callable[[Any], Any]:
    return lambda s: make([s, *others])


PLACES: dict[str, Callable[[Any], Any]] = {
    **{f"{field} {op}": compares(field, op) for field in FIELDS for op in OPERATORS},
    **{f"{field} in": listed(compares(field, "in"), "y", 3) for field in FIELDS},
    **{f"{field} not_in": listed(compares(field, "not_in")) for field in FIELDS},
    **{f"{field} between": listed(compares(field, "between"), "y") for field in FIELDS},
    **{f"{name} {op}": had(name, op) for name in ("category", "value", "currency") for op in OPERATORS},
    "anniversary": lambda s: {"attribute": "free", "anniversary": s},
    "attribute": lambda s: {"attribute": s, "eq": "y"},
    "attribute exists": lambda s: {"attribute": s, "exists": True},
    "attribute number": lambda s: {"attribute": s, "gte": 3},
    "prefixed attribute": lambda s: {"attribute": f"attributes.{s}", "eq": "y"},
    "operator": lambda s: {"attribute": "city", s: "y"},
    "kind": lambda s: {s: "y"},
    "extra": lambda s: {"attribute": "city", "eq": "y", s: "y"},
    "order": lambda s: {"event": "e", "order_by": s},
    "event": lambda s: {"event": s},
    "event counted": lambda s: {"event": s, "count": {"gte": 2}},
    "event never": lambda s: {"event": s, "count": {"eq": 0}},
    "event summed": lambda s: {"event": s, "sum": {"property": "value", "lt": 2}},
    "bound": lambda s: {"event": "e", "count": {s: 2}},
    "count": lambda s: {"event": "e", "count": {"gte": s}},
    "sum": lambda s: {"event": "e", "sum": {"property": "value", "gte": s}},
    "sum of": lambda s: {"event": "e", "sum": {"property": s, "gte": 2}},
    "where": lambda s: {"event": "e", "where": [{"property": s, "eq": "y"}]},
    "categories": lambda s: {"event": "e", "where": [{"property": "category", "in": [s, "y"]}]},
    "within": lambda s: {"event": "e", "within": s},
    "since": lambda s: {"event": "order", "since": s},
    "until": lambda s: {"event": "order", "until": s},
    "segment": lambda s: {"segment": s},
    "consent": lambda s: {"consent": {"channel": s}},
    "engaged": lambda s: {"engaged": {"channel": s, "within": "1d"}},
    "engaged within": lambda s: {"engaged": {"channel": "email", "within": s}},
    "engaged step": lambda s: {"engaged": s},
    "sample": lambda s: {"sample": s},
    "all": lambda s: {"all": [s]},
    "not": lambda s: {"not": s},
}


@pytest.fixture
def crowd(at_acme: Retailer) -> list[Customer]:
    for name, (kind, slot) in DECLARED.items():
        AttributeDefinition.objects.create(name=name, type=kind, slot=slot, ready_at=timezone.now())
    return factories.customers(3, attributes={"free": "x", "level": "y", "points": 3})


def compiled(rule: Any) -> Sql | None:
    """None where the rule is refused."""
    try:
        return compiler.compile_rule(gate.parse_rule(rule), as_of=NOW, segment=unknown, slot=slot)
    except Invalid:
        return None


def unknown(key: str) -> Rule:
    raise Invalid([gate.Problem("segment", "there is none")])


def slot(name: str) -> str:
    return DECLARED.get(name, ("", ""))[1]


def test_there_are_five_hundred() -> None:
    assert len(set(hostile())) == 500


@pytest.mark.parametrize("place", PLACES)
def test_hostile_text_is_a_parameter_or_refused(crowd: list[Customer], place: str) -> None:
    """The text of the SQL is one that harmless words give, too; what they say is among the parameters only."""
    make = PLACES[place]
    harmless = [found for word in HARMLESS if (found := compiled(make(word)))]
    texts = {found.text for found in harmless}
    taken = [found for text in hostile() if (found := compiled(make(text)))]
    assert {found.text for found in taken} <= texts
    for found in [*harmless, *taken[::EXECUTED]]:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) {audience.FROM} WHERE {found.text}", found.params)
            assert cursor.fetchone()[0] in range(len(crowd) + 1)
    assert Customer.objects.count() == Facts.objects.count() == len(crowd)


@pytest.fixture
def api(acme: Retailer, api_key: Callable[..., str]) -> Api:
    return Api(acme, api_key(acme, scope=Scope.FULL))


def test_hostile_text_is_refused_or_counted_at_the_door(api: Api) -> None:
    """Each of them, in each place in turn."""
    for text, (place, make) in zip(hostile(), itertools.cycle(PLACES.items()), strict=False):
        assert api.post("segments/preview/", {"rule": make(text)}).status_code in (200, 400), (place, text)
    for text in hostile()[::25]:
        for rule in ({text: text}, {"attribute": text, text: text}, {"event": text, "where": [{"property": text}]}):
            assert api.post("segments/preview/", {"rule": rule}).status_code == 400, (rule, text)


ORDERS = ("ordering", "order_by", "sort")
FILTERS = ("customers/?email=", "customers/?search=", "customers/?cursor=", "segments/?limit=", "segments/?cursor=")


def test_no_list_is_ordered_or_filtered_by_hostile_text(api: Api, crowd: list[Customer]) -> None:
    """No list lets itself be ordered, so what stands there is refused by name; a filter finds nobody, or is refused."""
    orders = (f"customers/?{name}=" for name in ORDERS)
    for text, path in zip(hostile(), itertools.cycle([*orders, *FILTERS]), strict=False):
        answer = api.get(f"{path}{quote(text, safe='', errors='replace')}")
        if any(order in path for order in ORDERS):
            assert answer.json()["errors"][0]["code"] in ("unknown", "bad_text"), (path, text)
        assert answer.status_code in (200, 400), (path, text)
        if answer.status_code == 200 and path.endswith("email=") and text.strip():
            assert answer.json()["results"] == [], text
    assert Customer.objects.count() == len(crowd)


CHANGELISTS = ("campaigns/customer", "campaigns/segment", "campaigns/suppression", "delivery/message")


def test_no_page_of_the_console_is_ordered_or_searched_by_hostile_text(
    acme: Retailer, marketer: Callable[[Retailer], Client], crowd: list[Customer]
) -> None:
    ana = marketer(acme)
    for text, place in zip(hostile()[::7], itertools.cycle(CHANGELISTS), strict=False):
        asked = quote(text, safe="", errors="replace")
        for parameter in ("o", "q", "consent_email__exact", asked):
            answer = ana.get(f"/admin/{place}/?{parameter}={asked}")
            assert answer.status_code in (200, 302, 400), (place, parameter, text)  # 302: to the list as it is
    assert Customer.objects.count() == len(crowd)
