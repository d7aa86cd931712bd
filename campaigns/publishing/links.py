"""The links of compiled HTML that clicks are counted on, numbered in their order."""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape
from typing import NamedTuple

from campaigns import language
from campaigns.publishing import elements
from campaigns.publishing.elements import Attribute, Element
from campaigns.publishing.tags import Tagged

MAX_LABEL = 100  # characters
_MOST_INSIDE = 50  # elements that a link's label is read from
_OURS = re.compile(rf"{{{{[-+]?\s*(?:{'|'.join(language.OUR_LINKS)})\s*[-+]?}}}}")
_ELSEWHERE = re.compile(r"\s*(?:(?:mailto|tel|sms|cid|javascript):|#|$)", re.IGNORECASE)
_MARKUP = re.compile(r"<[^>]*>|<!--.*?-->", re.DOTALL)


class Link(NamedTuple):
    """`number` counts from 1, `url` may hold template tags, `position` is the offset at which it begins in the HTML."""

    number: int
    url: str
    label: str
    position: int


def links(html: str) -> list[Link]:
    """Every link that leads to a page: not ours to unsubscribe, not addresses and telephone numbers, not places within.

    What only Outlook reads counts too. Raises language.Mistaken.
    """
    return list(_links(html))


@lru_cache(maxsize=64)  # a check, a preview and publishing ask for the same
def _links(html: str) -> tuple[Link, ...]:
    tagged = Tagged(html)
    found: list[Link] = []
    read = list(elements.read(tagged.masked))
    for index, element in enumerate(read):
        href = element.attribute("href")
        if element.is_end or href is None or element.name in ("link", "base"):
            continue
        url = _value(tagged, href)
        if not _OURS.fullmatch(url) and not _ELSEWHERE.match(url):
            found.append(Link(len(found) + 1, url, _label(tagged, read, index), href.start))
    return tuple(found)


def _value(tagged: Tagged, attribute: Attribute) -> str:
    pieces = tagged.pieces(attribute.start, attribute.end)
    return "".join([text if is_tag else unescape(text) for text, is_tag in pieces]).strip()


def _label(tagged: Tagged, read: list[Element], index: int) -> str:
    """What a person sees of it: its words, or else what its picture says."""
    opening = read[index]
    inside = []
    for element in read[index + 1 : index + 1 + _MOST_INSIDE]:
        if element.is_end and element.name == opening.name:
            break
        inside.append(element)
    else:
        return ""
    words = _words(tagged, opening, inside, element)
    pictures = [alt for each in inside if each.name == "img" and (alt := each.attribute("alt"))]
    said = words or next((_value(tagged, alt) for alt in pictures), "")
    return said if len(said) <= MAX_LABEL else f"{said[: MAX_LABEL - 1]}…"


def _words(tagged: Tagged, opening: Element, inside: list[Element], closing: Element) -> str:
    position, words = opening.end, []
    for element in [*inside, closing]:
        pieces = tagged.pieces(position, element.start)
        words += [text if is_tag else unescape(_MARKUP.sub(" ", text)) for text, is_tag in pieces]
        position = element.end
    return " ".join("".join(words).split())
