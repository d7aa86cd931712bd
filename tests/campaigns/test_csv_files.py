from __future__ import annotations

import csv
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.importing import columns, csv_file

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@settings(deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=20))
def test_what_a_csv_writer_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "written.csv"
    with path.open("w", encoding="utf-8", newline="") as text:
        csv.writer(text).writerows([("a", "b"), *rows])

    with csv_file.opened(path) as read:
        records = list(read.records())

    assert [tuple(record.cells) for record in records] == rows
    assert not any(record.problem for record in records)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(['c,"', 'c"', '"', "c1,x", '"a","b"', "c,", '"a\n', ",,", ""]), max_size=60))
def test_every_line_of_a_damaged_file_is_read_or_rejected_and_none_swallowed(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    path.write_text("\n".join(["a,b", *lines, "last,row", ""]))

    with csv_file.opened(path) as read:
        records = list(read.records())

    assert records[-1].cells[-1].endswith(("row", "last,row"))
    assert sum(line == "c1,x" for line in lines) <= str([record.cells for record in records]).count("x")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12", 12), ("-3.50", -3.5), ("0", 0), ("true", True), ("false", False),
        ("007", "007"), ("+5", "+5"), ("1e5", "1e5"), ("True", "True"), ("-0", "-0"), ("1.", "1."),
        ("12345678901234567", "12345678901234567"), ("\u0661", "\u0661"),
    ],
)  # fmt: skip
def test_only_plain_numbers_and_truth_values_become_typed(cell: str, value: Any) -> None:
    assert columns.typed(cell) == value
    assert type(columns.typed(cell)) is type(value)
