"""Where a message says something: in its sources where they do, else in what people get."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from campaigns.linting.page import mask, place, visible
from campaigns.linting.sample import Sample

Place = tuple[str, int | None, int | None]


@lru_cache(maxsize=2048)
def pattern(phrase: str) -> re.Pattern[str]:
    """The phrase as whole words, however it is spaced and capitalised."""
    words = r"\s+".join(re.escape(word) for word in visible(phrase).split(" "))
    before = r"(?<!\w)" if re.match(r"\w", phrase.strip()) else ""
    behind = r"(?!\w)" if re.search(r"\w\Z", phrase.strip()) else ""
    return re.compile(f"{before}{words}{behind}", re.IGNORECASE)


def said(sample: Sample, wanted: re.Pattern[str]) -> list[Place]:
    """Field, line and column of every place that says it."""
    found = [*_written(sample, wanted)]
    found += [
        (field, None, None) for field, words in received(sample) if wanted.search(words) and not _has(found, field)
    ]
    return list(dict.fromkeys(found))


def received(sample: Sample) -> Iterator[tuple[str, str]]:
    """(field, words) that people get to see."""
    yield from (("subject", visible(each)) for each in sample.subjects)
    if sample.channel == "email":
        yield from (("preheader", page.preheader) for page in sample.pages if page.preheader)
        yield from (("html", page.words) for page in sample.pages)
    yield from (("text", visible(each)) for each in sample.texts)


def _has(found: list[Place], field: str) -> bool:
    """What a variant's content says is seen in whichever part prints it, and the text part repeats the HTML."""
    same = {"text": ("text", "html")}.get(field, (field,))
    return any(place[0] in same or place[0].startswith("content.") for place in found)


def _written(sample: Sample, wanted: re.Pattern[str]) -> Iterator[Place]:
    yield from _in_lines(sample, "subject", wanted)
    yield from _in_lines(sample, "preheader", wanted)
    yield from (("html", *place(element)) for element, text in sample.source.shown if wanted.search(visible(text)))
    yield from _in_lines(sample, "text", wanted)
    yield from (
        (f"content.{name}", None, None) for name, value in sample.content.items() if wanted.search(visible(value))
    )


def _in_lines(sample: Sample, field: str, wanted: re.Pattern[str]) -> Iterator[Place]:
    source = mask(getattr(sample, field))
    for match in wanted.finditer(source):
        line, column = source.count("\n", 0, match.start()) + 1, match.start() - source.rfind("\n", 0, match.start())
        yield field, line, column
