"""Words in capitals and rows of exclamation marks: people dislike them, and filters count them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from campaigns.linting.page import OPAQUE, place, visible
from campaigns.linting.sample import Found, Sample
from campaigns.linting.wording import said

_WORD = re.compile(r"[^\W\d_]{2,}")
_LONG = 4  # letters: shorter ones are names, such as UK or VAT, unless there are many
_SEVERAL = 3
_LOUD_LETTERS = 20  # of a paragraph that is nothing but capitals
_ROW = re.compile(r"!\s*!|[!?]{3,}")


def capitals(sample: Sample) -> Iterator[Found]:
    for each in sample.subjects:
        loud = [word for word in _WORD.findall(each) if word.isupper() and len(word) >= _SEVERAL]
        long = [word for word in loud if len(word) >= _LONG]
        if len(long) >= 2 or len(loud) >= _SEVERAL or (long and _is_loud(each, least=_LONG)):
            yield Found(f"the subject shouts: {' '.join(loud[:5])}", "write it in lower case", "subject")
            break
    pieces = [piece for page in dict.fromkeys([*sample.pages, sample.source]) for piece in page.shown]
    for element, text in pieces:
        shown = visible(text).replace(OPAQUE, "")
        if _is_loud(shown, least=_LOUD_LETTERS):
            cure = "write it in lower case; text-transform:uppercase where it is only the look"
            yield Found(f"“{shown[:40]}” is in capitals", cure, "html", *place(element))


def exclamation_marks(sample: Sample) -> Iterator[Found]:
    for field, line, column in said(sample, _ROW):
        yield Found("several exclamation marks in a row", "one says as much", field, line, column)


def _is_loud(text: str, *, least: int) -> bool:
    letters = [sign for sign in text if sign.isalpha()]
    return len(letters) >= least and sum(sign.isupper() for sign in letters) > 0.8 * len(letters)
