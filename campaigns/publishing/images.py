"""The images of a source, and those that nobody would see."""

from __future__ import annotations

from typing import NamedTuple

from campaigns import language
from campaigns.config.gate import Problem
from campaigns.publishing import elements, mjml
from campaigns.publishing.elements import Element
from campaigns.publishing.tags import Tagged

_NAMES = ("img", "mj-image", "mj-carousel-image")
MAX_EMBEDDED = 8 * 1024  # characters of a data: address; most inboxes show none at all


class Image(NamedTuple):
    """`alt` is None where the image has none, `width` where it is not a number of pixels."""

    src: str
    alt: str | None
    width: int | None
    position: int


def images(html: str) -> tuple[list[Image], list[Problem]]:
    """Every image of HTML or MJML, and what keeps one from being used: no address, or all of a picture in the mail.

    A source whose tags cannot be told apart has none.
    """
    try:
        tagged = Tagged(html)
    except language.Mistaken:
        return [], []
    read = list(elements.read(tagged.masked))
    unseen = set(mjml.defaults(read))
    shown = [each for each in read if each.name in _NAMES and not each.is_end and each.start not in unseen]
    found = [_image(tagged, each) for each in shown]
    return found, [_problem(html, image, why) for image in found if (why := _why(image.src))]


def _image(tagged: Tagged, element: Element) -> Image:
    said = {each.name: tagged.source[each.start : each.end].strip() for each in element.attributes}
    width = said.get("width", "").removesuffix("px")
    return Image(said.get("src", ""), said.get("alt"), int(width) if width.isdecimal() else None, element.start)


def _why(src: str) -> str:
    if not src:
        return "an image without an address: write its src, or remove it"
    if src.lower().startswith("data:") and len(src) > MAX_EMBEDDED:
        return f"an image of {len(src) // 1024} KB inside the mail: put it on a server and write its https address"
    return ""


def _problem(html: str, image: Image, why: str) -> Problem:
    line, column = language.place(html, image.position)
    return Problem("html", f"line {line}, column {column}: {why}", "image")
