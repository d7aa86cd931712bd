"""The ledger keeps what a provider answered, and never whose message it was."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from delivery.channels.base import Outcome, Result

# Letters that Python's patterns take for one another in either case, beside those that str.lower knows.
_LETTERS = st.text("abksABKS@.-+ \u212a\u017f\u0130\u0131\xdf\u1e9eµμ", max_size=8)


def told(detail: str) -> Outcome:
    return Outcome("m", Result.REJECTED, detail)


@pytest.mark.parametrize("said", ["Ada@Example.com", "ADA@EXAMPLE.COM", "ada@example.com"])
def test_an_address_is_taken_out_however_it_is_written(said: str) -> None:
    kept = told(f"550 5.1.1 <{said}>: no such user").unnamed("Ada@example.com")
    assert kept == "550 5.1.1 <the recipient>: no such user"


@given(before=_LETTERS, address=_LETTERS, after=_LETTERS, cased=st.sampled_from([str, str.upper, str.lower, str.title]))
@example(before="", address="k", after="", cased=lambda _: "\u212a")
@example(before="\u017f", address="", after="s", cased=str)
def test_the_short_way_says_what_the_pattern_says(before: str, address: str, after: str, cased: type[str]) -> None:
    detail = before + cased(address) + after
    slow = re.sub(re.escape(address), "the recipient", detail, flags=re.IGNORECASE) if address and detail else detail
    assert told(detail).unnamed(address) == slow
