"""Filters over anything, and subjects of one line."""

from __future__ import annotations

import contextlib
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import language
from campaigns.language import filters
from campaigns.language.filters import MissingValue
from campaigns.language.formats import Unfit
from delivery.rendering import RenderError
from tests.campaigns.language.reading import PERSON, knowing, read

ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sampled_from([10**400, -(10**30), "9" * 5000, "\x00\r\n", "\u202eevil"]),
)  # fmt: skip


@given(st.sampled_from(sorted(filters.FUNCTIONS | filters.PLACES)), ANYTHING, st.lists(ANYTHING, max_size=3))
def test_no_filter_falls_over_a_value(name: str, value: Any, arguments: list[Any]) -> None:
    function = (filters.FUNCTIONS | filters.PLACES)[name]
    given_ = arguments[: language.FILTERS[name].most] if name in language.FILTERS else []
    least = language.FILTERS[name].least if name in language.FILTERS else int(name == "default")
    given_ += ["x"] * (least - len(given_))
    if name in language.FILTERS and language.FILTERS[name].local:
        zones = ["Europe/Berlin", "UTC"] if name == "date" else []
        given_ = [*(given_ or [None]), "de-DE", *zones]
    with contextlib.suppress(MissingValue, Unfit):
        function(value, *given_)


@pytest.mark.parametrize("name", sorted(filters.FUNCTIONS | filters.PLACES))
def test_no_filter_takes_long_over_a_megabyte(name: str) -> None:
    begun = time.process_time()
    test_no_filter_falls_over_a_value.hypothesis.inner_test(name, "&amp; x1" * 131_072, ["&amp; x1" * 131_072])  # type: ignore[attr-defined]
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("locale", "zone", "wanted"),
    [
        ("de-DE", "Europe/Berlin", "2. Dezember 2026, 00:30|1.234,50 €|1.234,5"),
        ("en-US", "America/New_York", "December 1, 2026, 6:30 PM|€1,234.50|1,234.5"),
        ("fr", "Asia/Tokyo", "2 décembre 2026, 08:30|1 234,50 €|1 234,5"),
        ("xx-nowhere", "Mars/Base", "December 1, 2026, 11:30 PM|€1,234.50|1,234.5"),
        (None, None, "December 1, 2026, 11:30 PM|€1,234.50|1,234.5"),
    ],
)
def test_dates_money_and_numbers_follow_the_recipient(locale: str | None, zone: str | None, wanted: str) -> None:
    source = "{{ customer.attributes.at | date('long') }}|{{ 1234.5 | money('EUR') }}|{{ 1234.5 | number }}"
    who = {"locale": locale, "timezone": zone, "attributes": {"at": "2026-12-01T23:30:00Z"}}
    text = read(source, PERSON | {"customer": who, "retailer": {"timezone": "UTC"}})
    assert re.sub(r"[\u202f\xa0]", " ", text) == wanted


def test_a_value_that_a_filter_cannot_use_is_told() -> None:
    with pytest.raises(RenderError, match="'soon' is no date"):
        read("{{ customer.attributes.x | date }}", knowing(x="soon"))
    with pytest.raises(RenderError, match="'ten' is no number"):
        read("{{ customer.attributes.x | money('EUR') }}", knowing(x="ten"))


@pytest.mark.parametrize(
    ("text", "length", "wanted"),
    [
        ("a &amp; b", 6, "a…"), ("a &amp; b", 8, "a &amp;…"), ("abc", 3, "abc"), ("abcd", 3, "ab…"), ("abc", 0, "…"),
        ("e\u0301e\u0301e\u0301", 4, "e\u0301…"), ("👩\u200d🚀👩\u200d🚀", 5, "👩\u200d🚀…"),
    ],
)  # fmt: skip
def test_truncate_cuts_no_entity_and_no_sign_in_two(text: str, length: int, wanted: str) -> None:
    assert filters.truncate(text, length) == wanted


@pytest.mark.parametrize(
    "value",
    ["a\r\nBcc: x@y.example", "a\n\n<b>", "a\x00b", "a\u202eb", "a\u2028b", "a\x85b", "a\u2066b\u2069", "a\x0bb"],
)
def test_a_subject_stays_one_line_in_one_direction(value: str) -> None:
    subject = read("Hello {{ customer.attributes.x }}", knowing(x=value), part="subject")
    assert subject.isprintable()
    assert subject.startswith("Hello a")


def test_a_subject_keeps_its_emoji() -> None:
    assert read("{{ customer.attributes.x }}", knowing(x="👩\u200d🚀 Zoë"), part="subject") == "👩\u200d🚀 Zoë"
