"""Attributes with a declared type: what they take, and the columns that hold them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from campaigns import attributes, facts, ingest
from campaigns.config.gate import Invalid
from campaigns.facts.slots import NUMBERS
from campaigns.ingest import customers, declared
from campaigns.models import AttributeDefinition, Customer, Facts
from delivery import pipeline
from tenants.models import Retailer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def upsert(**given: Any) -> ingest.RowResult:
    [result] = ingest.upsert_customers([{"external_id": "c1", "attributes": given}], now=NOW)
    return result


def people(*values: Any, name: str = "points") -> None:
    rows = [{"external_id": f"c{n}", "attributes": {name: value}} for n, value in enumerate(values)]
    ingest.upsert_customers(rows, now=NOW)


@pytest.mark.parametrize(
    ("type_", "given", "stored"),
    [
        ("text", "gold", "gold"),
        ("number", 42, 42),
        ("number", "42", 42),
        ("number", " 007 ", 7),
        ("number", "1.50", 1.5),
        ("number", -(2**53), -(2**53)),
        ("number", 0.1 + 0.2, 0.3),
        ("boolean", True, True),
        ("boolean", "Yes", True),
        ("boolean", 0, False),
        ("date", "1990-05-17", "1990-05-17"),
        ("date", "--02-29", "--02-29"),
    ],
)
def test_a_value_of_the_type_is_stored_as_such_and_in_its_column(
    at_acme: Retailer, type_: str, given: Any, stored: Any
) -> None:
    definition = attributes.declare("a", type=type_)

    assert upsert(a=given).status == "created"
    assert upsert(a=given).status == "unchanged"

    assert Customer.objects.get().attributes == {"a": stored}
    kept = getattr(Facts.objects.get(), definition.slot)
    assert kept == (stored if type_ == "number" else str(stored).lower())
    assert facts.recompute() == 0


@pytest.mark.parametrize(
    ("type_", "given", "cure"),
    [
        ("text", 42, 'give text, for example "42"'),
        ("text", ["gold"], "give text"),
        ("text", "x" * 256, "shorten it"),
        ("number", "gold", "write it like 12.50"),
        ("number", True, "write it like 12.50"),
        ("number", [1], "write it like 12.50"),
        ("number", 2**53 + 1, "declare it as text"),
        ("number", "1e300", "declare it as text"),
        ("boolean", "perhaps", "use true, false"),
        ("boolean", 2, "use true, false"),
        ("date", "17.05.1990", "write it like 1990-05-17"),
        ("date", "1990-02-30", "write it like 1990-05-17"),
        ("date", "--02-30", "write it like 1990-05-17"),
        ("date", 19900517, "write it like 1990-05-17"),
    ],
)
def test_a_value_of_another_type_is_refused_by_name_with_the_cure(
    at_acme: Retailer, type_: str, given: Any, cure: str
) -> None:
    attributes.declare("tier", type=type_)

    result = upsert(tier=given, other=given)

    assert [problem.field for problem in result.problems] == ["attributes.tier"]
    assert cure in result.problems[0].message


def test_null_and_for_all_but_text_blank_remove_it(at_acme: Retailer) -> None:
    attributes.declare("points", type="number")
    upsert(points=5, tier="gold")

    assert upsert(points="").status == "updated"

    assert Customer.objects.get().attributes == {"tier": "gold"}
    assert Facts.objects.get().number_1 is None


def test_cells_of_a_file_are_read_by_the_declared_type(at_acme: Retailer, tmp_path: Path) -> None:
    attributes.declare("code", type="text")
    attributes.declare("points", type="number")
    attributes.declare("vip", type="boolean")
    path = tmp_path / "people.csv"
    path.write_text("external_id,attributes.code,attributes.points,attributes.vip\nc1,42,0042,1\nc2,7,x,yes\n")

    call_command("import_customers", "acme", str(path))

    assert Customer.objects.get().attributes == {"code": "42", "points": 42, "vip": True}
    assert "attributes.points" in Path(f"{path}.rejects.csv").read_text()


def test_who_was_there_before_follows_chunk_by_chunk_and_then_it_is_ready(
    at_acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attributes, "CHUNK", 2)
    people(1, "2", "many", None, [3], 6)

    definition = attributes.declare("points", type="number")
    assert (definition.slot, definition.ready_at) == ("number_1", None)
    upsert(points=9)
    assert attributes.fill(definition.pk, now=NOW, seconds=0)
    pipeline.work(seconds=20, retailer=at_acme)

    definition.refresh_from_db()
    assert definition.ready_at is not None
    assert definition.misfits == 2
    kept = dict(Facts.objects.values_list("customer__external_id", "number_1"))
    assert kept == {"c0": 1, "c1": 9, "c2": None, "c3": None, "c4": None, "c5": 6}
    assert Customer.objects.get(external_id="c2").attributes == {"points": "many"}
    assert facts.recompute() == 0


def test_what_looks_like_a_number_of_a_bounded_length_is_one(at_acme: Retailer) -> None:
    people(-0.5, 1e5, 10**17, 1e-20, "1e3", "007", 1e40, 1e-40, "1e400", "1.", " 1", True, [1], "NaN")

    attributes.fill(attributes.declare("points", type="number").pk, now=NOW)

    kept = list(Facts.objects.order_by("pk").values_list("number_1", flat=True))
    assert kept == [-0.5, 1e5, 1e17, 1e-20, 1000, 7, *[None] * 8]
    assert facts.recompute() == 0


@pytest.mark.parametrize(("type_", "misfits"), [("text", 2), ("boolean", 4), ("date", 4)])
def test_values_that_do_not_fit_are_counted_and_kept(at_acme: Retailer, type_: str, misfits: int) -> None:
    people("gold", 5, True, "2026-01-01", "--05-17" if type_ == "date" else "x")
    definition = attributes.declare("points", type=type_)
    attributes.fill(definition.pk, now=NOW)
    definition.refresh_from_db()
    assert definition.misfits == (3 if type_ == "date" else misfits)


def test_each_has_a_column_of_its_own_until_none_is_left(at_acme: Retailer) -> None:
    made = [attributes.declare(f"n{n}", type="number") for n in range(len(NUMBERS) + 1)]

    assert [each.slot for each in made] == [*NUMBERS, ""]
    upsert(n8=5)
    attributes.fill(made[-1].pk, now=NOW)
    made[-1].refresh_from_db()
    assert made[-1].ready_at is not None
    assert "attributes.n8" in str(upsert(n8="many").problems[0])

    attributes.remove(made[2])
    assert attributes.declare("again", type="number").slot == NUMBERS[2]
    upsert(again=7, n2="of any type now")
    assert Facts.objects.get().number_3 == 7


@pytest.mark.parametrize(
    ("name", "type_", "field"),
    [("email", "text", "name"), ("9lives", "text", "name"), ("", "text", "name"), ("a", "colour", "type")],
)
def test_what_cannot_be_declared_is_refused(at_acme: Retailer, name: str, type_: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        attributes.declare(name, type=type_)
    assert {problem.field for problem in refused.value.problems} == {field}
    assert not AttributeDefinition.objects.exists()


def test_a_name_is_declared_once(at_acme: Retailer) -> None:
    attributes.declare("tier", type="text")
    with pytest.raises(Invalid, match="name"):
        attributes.declare("tier", type="number")


def test_a_value_read_before_its_attribute_was_declared_is_judged_again_when_it_is_written(at_acme: Retailer) -> None:
    rows = [{"external_id": f"c{n}", "attributes": {"points": value}} for n, value in enumerate(("12", "many", 3))]
    before = customers.reading(now=NOW, zone=UTC, types=declared.types(), source="api")
    batch = customers.read(rows, before)
    attributes.declare("points", type="number")

    written = customers.write(batch, now=NOW)

    assert [result.status for result in written] == ["created", "rejected", "created"]
    assert [problem.field for problem in written[1].problems] == ["attributes.points"]
    assert sorted(row["points"] for row in Customer.objects.values_list("attributes", flat=True)) == [3, 12]
    assert facts.recompute() == 0


def test_a_value_read_for_another_type_than_the_one_declared_since_is_too(at_acme: Retailer) -> None:
    old = attributes.declare("code", type="number")
    batch = customers.read(
        [{"external_id": "c1", "attributes": {"code": "007"}}],
        customers.reading(now=NOW, zone=UTC, types=declared.types(), source="api"),
    )
    attributes.remove(old)
    attributes.declare("code", type="text")

    assert [result.status for result in customers.write(batch, now=NOW)] == ["created"]

    assert Customer.objects.get().attributes == {"code": "007"}
