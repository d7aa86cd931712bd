"""Text against its background, as inlined styles set both (WCAG 2.2 AA, 1.4.3).

Where a style sheet sets colours outside of media queries, what is not said inline is not judged: it may be set there.
What mail programs make of a message in the dark is theirs to answer for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from campaigns.linting import colours
from campaigns.linting.colours import BLACK, WHITE, Colour
from campaigns.linting.page import OPAQUE, Element, Page, place, style, visible
from campaigns.linting.sample import Found, Sample

LEAST, LEAST_LARGE = 4.5, 3.0
_LINK: Colour = (0.0, 0.0, 238 / 255, 1.0)  # as browsers show links that nobody coloured
_LARGE, _LARGE_BOLD = 24.0, 18.66  # px
_HEADINGS = {"h1": 32.0, "h2": 24.0, "h3": 18.72, "h4": 16.0, "h5": 13.28, "h6": 10.72}
_BOLD = {"b", "strong", "th", *_HEADINGS}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(px|pt|em|rem|%)?")
_MEDIA = re.compile(r"@[a-z-]+[^{}]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", re.IGNORECASE)
_COLOURING = re.compile(r"[{;\s](?:color|background(?:-color)?)\s*:", re.IGNORECASE)
_INK_ATTRIBUTE = {"body": "text"}
_UNITS = {"px": 1.0, "pt": 4 / 3, "rem": 16.0}


@dataclass(frozen=True)
class _Look:
    """How an element's text looks; None for a colour that cannot be told."""

    ink: Colour | None = BLACK
    ground: Colour | None = WHITE
    size: float = 16.0
    is_bold: bool = False

    @property
    def least(self) -> float:
        return LEAST_LARGE if self.size >= (_LARGE_BOLD if self.is_bold else _LARGE) else LEAST


def low(sample: Sample) -> Iterator[Found]:
    for page in sample.pages:
        looks = _Looks(page)
        for element, text in page.shown:
            if words := visible(text).replace(OPAQUE, ""):
                yield from _judged(element, words, looks.of(element))


def _judged(element: Element, words: str, look: _Look) -> Iterator[Found]:
    if look.ink is None or look.ground is None:
        return
    ink = colours.over(look.ink, look.ground)
    ratio = colours.contrast(ink, look.ground)
    if ratio < look.least - 0.005:
        told = f"{colours.written(ink)} on {colours.written(look.ground)}"
        excerpt = words if len(words) <= 30 else f"{words[:30]}…"
        message = f"“{excerpt}” is hard to read: {told} has a contrast of {ratio:.1f}, and {look.least:g} is the least"
        yield Found(
            message, "make the text darker or the background lighter, or the other way round", "html", *place(element)
        )


class _Looks:
    """Of one page's elements, each worked out once from its parent's."""

    def __init__(self, page: Page) -> None:
        sheets = " ".join(each.text or "" for each in page.elements("style"))
        is_sheet_coloured = bool(_COLOURING.search(_MEDIA.sub("", sheets)))
        self._known: dict[Element, _Look] = {}
        self._root = _Look(None, None) if is_sheet_coloured else _Look()
        self._link = None if is_sheet_coloured else _LINK

    def of(self, element: Element) -> _Look:
        chain: list[Element] = []
        while element is not None and element not in self._known:
            chain.append(element)
            element = element.getparent()
        look = self._root if element is None else self._known[element]
        for each in reversed(chain):
            look = self._known[each] = self._own(each, look)
        return look

    def _own(self, element: Element, above: _Look) -> _Look:
        declared = style(element)
        look = replace(
            above, ground=_ground(element, declared, above.ground), ink=self._ink(element, declared, above.ink)
        )
        return replace(
            look, size=_size(element, declared, above.size), is_bold=_is_bold(element, declared, above.is_bold)
        )

    def _ink(self, element: Element, declared: dict[str, str], above: Colour | None) -> Colour | None:
        told = declared.get("color") or element.get(_INK_ATTRIBUTE.get(element.tag, "color")) or ""
        if told:
            return above if told in ("inherit", "currentcolor") else colours.read(told)
        return self._link if element.tag == "a" and element.get("href") else above


def _ground(element: Element, declared: dict[str, str], above: Colour | None) -> Colour | None:
    shorthand = declared.get("background", "")
    if "url(" in shorthand or "gradient" in shorthand or declared.get("background-image", "none") != "none":
        return None
    if element.get("background"):
        return None
    told = declared.get("background-color") or shorthand or element.get("bgcolor") or ""
    if not told or told in ("inherit", "none", "initial"):
        return above
    colour = colours.read(told)
    if colour is None or colour[3] == 1.0:
        return colour
    return None if above is None else colours.over(colour, above)


def _size(element: Element, declared: dict[str, str], above: float) -> float:
    length = _LENGTH.fullmatch(declared.get("font-size", ""))
    if length is None:
        return _HEADINGS.get(element.tag, above)
    number, unit = float(length[1]), length[2] or "px"
    return number * above / (100 if unit == "%" else 1) if unit in ("em", "%") else number * _UNITS[unit]


def _is_bold(element: Element, declared: dict[str, str], above: bool) -> bool:
    weight = declared.get("font-weight", "")
    if weight.isdecimal():
        return int(weight) >= 700
    if weight in ("bold", "bolder", "normal"):
        return weight != "normal"
    return above or element.tag in _BOLD
