"""Half a year of a real retailer's orders, dirty as they are, through the import commands.

Chen, D. (2015), Online Retail, UCI Machine Learning Repository, doi:10.24432/C5BW33, CC BY 4.0.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db.models import Count, IntegerField, Sum
from django.db.models.functions import Cast
from django.test import override_settings

from campaigns import audience
from campaigns.config.gate import parse_rule
from campaigns.models import Customer, Event
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.benchmarks.sink import SinkProcess

ORDERS = Path(settings.BASE_DIR).parent / "shared/data/online-retail/orders-2010-12-to-2011-06.csv.gz"
BAR = 60  # seconds for both files

pytestmark = pytest.mark.skipif(not ORDERS.exists(), reason=f"the Online Retail data is not at {ORDERS}")


@pytest.fixture
def raw() -> Iterator[sqlite3.Connection]:
    """The raw lines in SQLite, for sums made by other means than ours. `line` is 2 for the first below the header."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(
            "CREATE TABLE lines (line, invoice, sku, description, quantity INT, at, price, customer, country)"
        )
        rows = ((number, *line.values()) for number, line in _lines())
        database.executemany("INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        yield database


def test_the_orders_are_imported_completely_once_and_fast(
    acme: Retailer, raw: sqlite3.Connection, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    customers, events = _write_customers(tmp_path / "customers.csv", raw), _write_events(tmp_path / "events.csv.gz")
    one = raw.execute("SELECT count(*), sum(customer = ''), count(DISTINCT nullif(customer, '')) FROM lines").fetchone
    lines, anonymous, people = one()

    first = _import("import_customers", customers)
    assert _counts(first) == {"rows": people + 1, "created": people, "updated": 0, "unchanged": 0, "rejected": 1}
    second = _import("import_events", events)
    assert _counts(second) == {"rows": lines, "created": lines - anonymous, "duplicate": 0, "rejected": anonymous}
    record_property("rows_per_second", round(lines / second["seconds"]))
    assert first["seconds"] + second["seconds"] < BAR

    with context.in_retailer(acme):
        _check_against(raw)
        _check_segments(raw)
    _check_rejects(Path(second["rejects_path"]), raw)

    again = _import("import_customers", customers)
    assert _counts(again) == {"rows": people + 1, "created": 0, "updated": 0, "unchanged": people, "rejected": 1}
    again = _import("import_events", events)
    assert _counts(again) == {"rows": lines, "created": 0, "duplicate": lines - anonymous, "rejected": anonymous}
    with context.in_retailer(acme):
        _check_against(raw)

    with SinkProcess() as sink, override_settings(EMAIL_URL=sink.url):
        with context.in_retailer(acme):
            factories.campaign("winback", audience={"include": QUIET_SPENDERS})
        call_command("launch", "acme", "winback", "--wait", "--as-of", "2011-07-01T00:00:00", stdout=io.StringIO())
        arrived = sorted(received.recipient for received in sink.received())
    wanted = raw.execute(_QUIET_SPENDERS).fetchall()
    assert len(wanted) > 500
    assert arrived == sorted(f"c{customer}@example.test" for (customer,) in wanted)


# Bought something, nothing in the 60 days before 1 July, and for 200 pounds or more in all.
QUIET_SPENDERS = {
    "all": [
        {"event": "order", "count": {"gte": 1}},
        {"not": {"event": "order", "within": "60d"}},
        {"event": "order", "sum": {"property": "value", "gte": 200}},
    ]
}
_QUIET_SPENDERS = """
    SELECT customer FROM lines WHERE customer != '' AND quantity > 0 AND at <= '2011-07-01 00:00:00'
    GROUP BY customer
    HAVING max(at) <= '2011-05-02 00:00:00' AND sum(quantity * CAST(round(price * 10000) AS INTEGER)) >= 2000000
"""


_AS_OF = datetime(2011, 7, 1, tzinfo=ZoneInfo("Europe/London"))
_SPENT = "sum(CASE WHEN quantity > 0 THEN quantity * CAST(round(price * 10000) AS INTEGER) ELSE 0 END)"
_GIVEN_BACK = "sum(CASE WHEN quantity <= 0 THEN quantity * CAST(round(price * 10000) AS INTEGER) ELSE 0 END)"
_BOUGHT, _RETURNED = "sum(quantity > 0)", "sum(quantity <= 0)"


def _sold(**more: Any) -> dict[str, Any]:
    return {"event": "order", **more}


# Recency, frequency, monetary; each a rule, and what SQLite says of the lines of one customer.
_SEGMENTS: list[tuple[dict[str, Any], str]] = [
    (_sold(within="30d"), "sum(quantity > 0 AND at > '2011-06-01 00:00:00') > 0"),
    (_sold(within="120d"), "sum(quantity > 0 AND at > '2011-03-02 23:00:00') > 0"),  # in winter time
    (
        _sold(since="start of year", until="2011-02-01"),
        "sum(quantity > 0 AND at >= '2011-01-01' AND at < '2011-02-01') > 0",
    ),
    ({"not": _sold(since="90d ago")}, "sum(quantity > 0 AND at >= '2011-04-02') = 0"),
    (_sold(count={"eq": 1}), f"{_BOUGHT} = 1"),
    (_sold(count={"gte": 50, "lt": 100}), f"{_BOUGHT} >= 50 AND {_BOUGHT} < 100"),
    (_sold(count={"gte": 5}, within="60d"), "sum(quantity > 0 AND at > '2011-05-02 00:00:00') >= 5"),
    (_sold(count={"lte": 4}, within="60d"), "sum(quantity > 0 AND at > '2011-05-02 00:00:00') <= 4"),
    (_sold(count={"gte": 20}, within="60d"), "sum(quantity > 0 AND at > '2011-05-02 00:00:00') >= 20"),
    (_sold(sum={"property": "value", "gte": 1000}), f"{_SPENT} >= 10000000"),
    (_sold(sum={"property": "value", "gte": 200, "lt": 500}), f"{_SPENT} >= 2000000 AND {_SPENT} < 5000000"),
    (_sold(sum={"property": "quantity", "gte": 1000}), "sum(max(quantity, 0)) >= 1000"),
    ({"event": "return", "count": {"gte": 3}}, f"{_RETURNED} >= 3"),
    ({"event": "return", "where": [{"property": "invoice", "starts_with": "C"}]}, "sum(invoice LIKE 'C%') > 0"),
    ({"event": "return", "sum": {"property": "value", "lte": -100}}, f"{_GIVEN_BACK} <= -1000000"),
    (
        {
            "all": [
                _sold(sum={"property": "value", "gte": 500}),
                {"event": "return", "sum": {"property": "value", "gt": -50}},
            ]
        },
        f"{_SPENT} >= 5000000 AND {_GIVEN_BACK} > -500000",
    ),
    (
        {"all": [_sold(within="30d"), _sold(count={"gte": 100}), _sold(sum={"property": "value", "gte": 2000})]},
        f"sum(quantity > 0 AND at > '2011-06-01 00:00:00') > 0 AND {_BOUGHT} >= 100 AND {_SPENT} >= 20000000",
    ),
]


def _check_segments(raw: sqlite3.Connection) -> None:
    """Every segment holds the same customers as the raw lines say."""
    for rule, having in _SEGMENTS:
        condition = audience.compile_rule(parse_rule(rule), as_of=_AS_OF)
        sql = f"SELECT c.id, c.external_id {audience.FROM} WHERE {condition.text}"
        held = {customer.external_id for customer in Customer.objects.raw(sql, condition.params)}
        told = raw.execute(f"SELECT customer FROM lines WHERE customer != '' GROUP BY customer HAVING {having}")
        expected = {customer for (customer,) in told}
        assert held == expected, rule
        assert 0 < len(held) < Customer.objects.count()


def _check_against(raw: sqlite3.Connection) -> None:
    countries = "SELECT customer, country FROM lines WHERE customer != '' GROUP BY customer HAVING line = max(line)"
    assert dict(Customer.objects.values_list("external_id", "country")) == dict(raw.execute(countries).fetchall())
    assert (
        Customer.objects.filter(consent_email=True, email__endswith="@example.test").count() == Customer.objects.count()
    )

    sums = "SELECT customer, count(*), sum(quantity) FROM lines WHERE customer != '' GROUP BY customer"
    per_customer = Event.objects.values_list("customer__external_id").annotate(
        lines=Count("id"), quantity=Sum(Cast("properties__quantity", IntegerField()))
    )
    assert sorted(per_customer) == sorted(raw.execute(sums).fetchall())

    prices = raw.execute("SELECT quantity, price FROM lines WHERE customer != ''")
    values: dict[str, Decimal] = {"order": Decimal(0), "return": Decimal(0)}
    for quantity, price in prices:
        values["order" if quantity > 0 else "return"] += quantity * Decimal(price)
    assert dict(Event.objects.values_list("name").annotate(Sum("value"))) == values

    line, at = raw.execute("SELECT line, at FROM lines WHERE customer != '' ORDER BY line DESC LIMIT 1").fetchone()
    last = Event.objects.get(event_id__endswith=f"-{line}")
    assert last.occurred_at == datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Europe/London"))
    assert last.occurred_at.astimezone(UTC).strftime("%H") != at[11:13]  # June: an hour apart


def _check_rejects(path: Path, raw: sqlite3.Connection) -> None:
    with path.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    anonymous = raw.execute(
        "SELECT line, invoice || '-' || line FROM lines WHERE customer = '' ORDER BY line"
    ).fetchall()
    assert [(int(row["row"]), row["event_id"]) for row in rows] == anonymous
    assert {row["reason"] for row in rows} == {"external_id: is required: it says whose event this is"}


def _write_customers(path: Path, raw: sqlite3.Connection) -> Path:
    latest = dict(raw.execute("SELECT customer, country FROM lines ORDER BY line"))
    with path.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(["external_id", "email", "country", "consent_email"])
        writer.writerows([customer, f"c{customer}@example.test", latest[customer], "true"] for customer in latest)
    return path


def _write_events(path: Path) -> Path:
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        custom = [f"properties.{name}" for name in ("invoice", "sku", "description", "quantity")]
        writer.writerow(["event_id", "external_id", "name", "occurred_at", "value", "currency", *custom])
        writer.writerows(_event(number, line) for number, line in _lines())
    return path


def _event(number: int, line: dict[str, str]) -> list[object]:
    quantity = int(line["quantity"])
    return [
        f"{line['invoice']}-{number}",
        line["customer_id"],
        "order" if quantity > 0 else "return",
        line["invoice_date"],
        quantity * Decimal(line["unit_price"]),
        "GBP",
        line["invoice"],
        line["stock_code"],
        line["description"],
        quantity,
    ]


def _lines() -> Iterator[tuple[int, dict[str, str]]]:
    with gzip.open(ORDERS, "rt", encoding="utf-8", newline="") as text:
        yield from enumerate(csv.DictReader(text), start=2)


def _import(command: str, path: Path) -> dict[str, Any]:
    out = io.StringIO()
    call_command(command, "acme", str(path), json=True, stdout=out)
    return dict(json.loads(out.getvalue()))


def _counts(summary: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in summary.items() if name not in {"seconds", "rejects_path"}}
