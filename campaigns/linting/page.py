"""An HTML document that can be asked what is in it, what of that is seen, and where it was written.

`marked` puts its line and column into every element of a source. They survive rendering, so that what is found in a
person's message is told by the line that a marketer edits. `unmarked` takes them out again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from html.parser import HTMLParser
from typing import Any

from lxml import etree, html

OPAQUE = "\ue000"  # stands for each character of a template tag: what it will be is not known
_MARK = re.compile(r' data-at="\d+:\d+"')
_TEMPLATE_TAG = re.compile(r"{{.*?}}|{%.*?%}|{#.*?#}", re.DOTALL)
_SILENT = {"head", "style", "script", "title", "template", "noscript", "textarea", "select"}
_INLINE = {
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "mark", "q", "s",
    "samp", "small", "span", "strike", "strong", "sub", "sup", "u", "var", "wbr",
}  # fmt: skip
_UNSEEN = re.compile("[\u00ad\u034f\u061c\u115f\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_HIDING = re.compile(r"display:none|visibility:hidden|max-height:0(?:px)?(?:;|$)|opacity:0(?:;|$)")
_SIZE = re.compile(r"font-size:([^;]+)")
_NO_SIZE = re.compile(r"0(?:\.0+)?(?:px|pt|em|%)?")
_PARSER = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
Element = Any  # lxml's have no types


def marked(source: str) -> str:
    """The source, every start tag with its line and column."""
    places = _Places()
    places.feed(mask(source))
    starts = _line_starts(source)
    pieces, position = [], 0
    for line, column, length in places.found:
        end = starts[line - 1] + column + length
        pieces += [source[position:end], f' data-at="{line}:{column + 1}"']
        position = end
    return "".join([*pieces, source[position:]])


def unmarked(rendered: str) -> str:
    return _MARK.sub("", rendered)


def mask(source: str, *, is_marked: bool = False) -> str:
    """The source with its template tags made opaque, each character by one: places stay as they are."""
    text = marked(source) if is_marked else source
    return _TEMPLATE_TAG.sub(lambda tag: re.sub(r"[^\n]", OPAQUE, tag[0]), text)


def style(element: Element) -> dict[str, str]:
    """The element's own declarations, in lower case."""
    declared = (part.partition(":") for part in (element.get("style") or "").split(";"))
    return {
        name.strip().lower(): value.replace("!important", "").strip().lower() for name, _, value in declared if value
    }


def place(element: Element) -> tuple[int | None, int | None]:
    """Line and column of the nearest element that was written in the source."""
    while element is not None:
        line, _, column = (element.get("data-at") or "").partition(":")
        if line.isdecimal() and column.isdecimal():
            return int(line), int(column)
        element = element.getparent()
    return None, None


def visible(text: str) -> str:
    """What there is to see: without what takes no room, white space being one blank."""
    return " ".join(_UNSEEN.sub("", text).split())


class Page:
    def __init__(self, source: str) -> None:
        self.bytes = len(unmarked(source).encode("utf-8", "replace"))
        self._source = source

    @cached_property
    def tree(self) -> Element:
        """None for what is no document at all."""
        if not self._source.strip():
            return None
        try:
            return html.document_fromstring(self._source.encode("utf-8", "replace"), parser=_PARSER)
        except (etree.ParserError, etree.XMLSyntaxError):
            return None

    def elements(self, *names: str) -> Iterator[Element]:
        return self.tree.iter(*names) if self.tree is not None else iter(())

    @cached_property
    def shown(self) -> list[tuple[Element, str]]:
        """Every piece of text that is seen, with the element it stands in, in order."""
        return [] if self.tree is None else [piece for piece in _pieces(self.tree) if piece[1].strip()]

    @cached_property
    def words(self) -> str:
        """All that is seen, as one line; what inline elements only adorn is not torn apart."""
        return "" if self.tree is None else visible("".join(text for _, text in _pieces(self.tree)))

    @cached_property
    def preheader(self) -> str | None:
        """What inboxes show beside the subject, where the document begins with something hidden for them."""
        body = None if self.tree is None else self.tree.find("body")
        for element in () if body is None else body.iter(etree.Element):
            if is_hiding(element) or (is_tiny(element) and (element.text or "").strip()):
                return visible("".join(element.itertext()))
            if (element.text or "").strip():
                return None
        return None


def is_hiding(element: Element) -> bool:
    declared = re.sub(r"\s+", "", (element.get("style") or "").lower())
    return bool(_HIDING.search(declared)) or element.get("hidden") is not None


def is_tiny(element: Element) -> bool:
    """Whether its own text has no size: layouts give none to what holds columns, and one to the text inside again."""
    for each in (element, *element.iterancestors()):
        if size := _SIZE.search(re.sub(r"\s+", "", (each.get("style") or "").lower())):
            return bool(_NO_SIZE.fullmatch(size[1]))
    return False


def is_hidden(element: Element) -> bool:
    return any(is_hiding(each) for each in (element, *element.iterancestors()))


def _pieces(root: Element) -> Iterator[tuple[Element, str]]:
    """Without recursion: a document may nest deeply."""
    pending: list[tuple[Element, str]] = [(root, "enter")]
    while pending:
        element, what = pending.pop()
        if what != "enter":
            yield element, what if not what.strip() or not is_tiny(element) else " "
            continue
        around = "" if element.tag in _INLINE else " "
        tail = element.tail if element is not root else ""
        if tail and element.getparent() is not None:
            pending.append((element.getparent(), tail))
        if element.tag in _SILENT or not isinstance(element.tag, str) or is_hiding(element):
            continue
        pending += [(element, around)] if around else []
        pending += [(child, "enter") for child in reversed(element)]
        pending.append((element, around + (element.text or "")))


def _line_starts(source: str) -> list[int]:
    return [0, *(at.end() for at in re.finditer("\n", source))]


class _Places(HTMLParser):
    """(line, column from 0, length of `<name`) of every start tag."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[tuple[int, int, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if OPAQUE not in tag:
            self.found.append((*self.getpos(), len(tag) + 1))
