"""A message's links led by way of us: what is counted is marked in compiled HTML, once for all who get it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from campaigns.publishing import elements
from campaigns.publishing.elements import Attribute, Element
from campaigns.publishing.links import Link
from campaigns.publishing.tags import Tagged

OFF = "off"  # the value of `data-track` on a link, or on <html> or <body> for all of a message


class Wires(NamedTuple):
    """What is written for a link: an address in the place of one that is the same for everybody; before the attribute
    that holds any other, a mark by which it is found once it is rendered. `end` goes before the end of the body.
    """

    address: Callable[[Link], str]
    mark: Callable[[Link], str]
    end: str = ""


def is_off(html: str) -> bool:
    """Whether the message asks for nothing of it to be counted. Raises language.Mistaken."""
    whole = (each for each in elements.read(Tagged(html).masked) if each.name in ("html", "body"))
    return any(_is_off(each, html) for each in whole)


def wired(html: str, links: Sequence[Link], wires: Wires) -> str:
    """`links` are those of this HTML that are counted, by their position. Raises language.Mistaken."""
    tagged = Tagged(html)
    by_position: Mapping[int, Link] = {link.position: link for link in links}
    body_end = len(html)
    pieces, position = list[str](), 0
    for element in elements.read(tagged.masked):
        if element.name == "body" and element.is_end:
            body_end = element.start
        href = element.attribute("href")
        link = by_position.get(href.start) if href and not element.is_end else None
        if href is None or link is None or _is_off(element, html):
            continue
        start, end, written = _written(tagged, href, link, wires)
        pieces += (html[position:start], written)
        position = end
    if position > body_end:  # links behind the body: browsers show them all the same
        body_end = len(html)
    return "".join([*pieces, html[position:body_end], wires.end, html[body_end:]])


def _written(tagged: Tagged, href: Attribute, link: Link, wires: Wires) -> tuple[int, int, str]:
    if tagged.within(href.start, href.end):
        return href.at, href.at, f"{wires.mark(link)} "
    quote = "" if href.quote else '"'
    return href.start, href.end, f"{quote}{wires.address(link)}{quote}"


def _is_off(element: Element, html: str) -> bool:
    said = None if element.is_end else element.attribute("data-track")
    return said is not None and html[said.start : said.end].strip().lower() == OFF
