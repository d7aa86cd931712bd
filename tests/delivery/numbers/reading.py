"""Every number that a page or an answer shows, by the place in which it stands.

A place is said in words: heading, row and column of a cell, the label of a figure, or a sentence with `#` for each of
its numbers. So a number that is added to a page is a place that nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import html

NUMBER = re.compile(r"(?<![\w.])[+\u2212-]?\d+(?:,\d{3})*(?:\.\d+)?")
MINUS = "\u2212"  # as pages print it
_INLINE = ("a", "span", "small", "strong", "b", "i", "em", "time", "code", "br", "label", "button")
_LEFT_OUT = "script, style, iframe, select, option, input, textarea, .c-act, .c-channels"

Places = dict[str, tuple[str, ...]]


def page(content: str) -> Places:
    """Of what stands in the page itself, not in its frame and menus."""
    [body] = html.document_fromstring(content).find_class("c-page")
    for each in _all(body, _LEFT_OUT):
        each.drop_tree()
    found: Places = {}
    for place, text in (*_cells(body), *_figures(body), *_bars(body), *_sentences(body)):
        if numbers := _numbers(text):
            while place in found:
                place += " again"
            found[place] = numbers
    return found


def data(value: Any, place: str = "") -> Places:
    """Of JSON: lists by their place."""
    if isinstance(value, dict):
        return {k: v for key, each in value.items() for k, v in data(each, f"{place}.{key}".lstrip(".")).items()}
    if isinstance(value, list):
        return {k: v for number, each in enumerate(value) for k, v in data(each, f"{place}.{number}").items()}
    if isinstance(value, bool) or value is None or (isinstance(value, str) and not NUMBER.fullmatch(value)):
        return {}
    return {place: (str(value),)}


def _all(body: Any, selector: str) -> list[Any]:
    """Plain selectors alone: a tag, or a class."""
    found: list[Any] = []
    for each in selector.split(", "):
        found += body.find_class(each[1:]) if each.startswith(".") else list(body.iter(each))
    return found


def _numbers(text: str) -> tuple[str, ...]:
    return tuple(each.replace(",", "").replace(MINUS, "-") for each in NUMBER.findall(text))


def _words(element: Any) -> str:
    return " ".join(" ".join(element.itertext()).split())


def _heading(element: Any) -> str:
    for above in element.iterancestors():
        if "c-page" in above.get("class", "").split():
            return ""
        for heading in above.iter("h2"):
            return _words(heading)
    return ""


def _cells(body: Any) -> Iterator[tuple[str, str]]:
    """A row is called what stands large in its first cell; a row of one cell is a sentence."""
    for each in list(body.iter("table")):
        head = [_words(cell).rstrip(" ↓↑") for cell in each.iterfind("thead/tr/th")]
        for row in each.iterfind("tbody/tr"):
            first, *cells = list(row)
            small = [part for part in first.iter() if part.tag == "small" or "c-quiet" in part.get("class", "")]
            beside = " ".join(_words(part) for part in small)
            label = _words(first).removesuffix(beside).strip() if cells else NUMBER.sub("#", _words(first))
            yield f"{_heading(each)} / {label} / beside it", beside if cells else _words(first)
            for number, cell in enumerate(cells, start=1):
                column = head[number] if number < len(head) and head[number] else str(number)
                yield f"{_heading(each)} / {label} / {column}", _words(cell)
        each.drop_tree()


def _figures(body: Any) -> Iterator[tuple[str, str]]:
    for each in body.find_class("c-kpi"):
        label, *rest = list(each)
        yield f"{_words(label)}", " ".join(_words(part) for part in rest)
        each.drop_tree()


def _bars(body: Any) -> Iterator[tuple[str, str]]:
    for each in list(body.iter("svg")):
        yield "highest bar", next((_words(text) for text in each.iter("text")), "")
        for number, bar in enumerate(each.iter("title")):
            yield f"bar {number}", _words(bar).partition(": ")[2]
        each.drop_tree()


def _sentences(element: Any) -> Iterator[tuple[str, str]]:
    """What stands in each block beside the blocks within it."""
    said = [element.text or ""]
    for each in element:
        if each.tag in _INLINE:
            said.append(_words(each))
        else:
            yield from _sentences(each)
        said.append(each.tail or "")
    text = " ".join(" ".join(said).split())
    yield f"{_heading(element)}: {NUMBER.sub('#', text)}", text
