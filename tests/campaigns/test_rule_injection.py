"""Hostile text in every place of a rule: it reaches SQL as a parameter, or not at all."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
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


def test_hostile_text_is_refused_or_counted_at_the_door(acme: Retailer, api_key: Callable[..., str]) -> None:
    api = Api(acme, api_key(acme, scope=Scope.FULL))
    for text in hostile()[::25]:
        for rule in ({"attribute": "city", "eq": text}, {"event": text}, {"attribute": text, "eq": "x"}, {text: text}):
            answer = api.post("segments/preview/", {"rule": rule})
            assert answer.status_code in (200, 400)
        assert api.get(f"segments/?ordering={text[:3].encode('utf-8', 'replace').hex()}").status_code == 400
