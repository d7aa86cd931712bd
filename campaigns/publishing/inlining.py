"""CSS of style elements written into the elements it is for, since some inboxes read no style elements.

css-inline says which declarations an element gets; the source itself is only added to, so that all that is not CSS
stays as its author wrote it: comments for Outlook, template tags, and elements that only some of the readers get.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape

import css_inline

from campaigns.publishing import elements, nesting, stylesheets
from campaigns.publishing.elements import Attribute, Element
from campaigns.publishing.tags import Cloakroom, Tagged

LEAVE = "data-css-inline"  # a style element of which this says "ignore" is left as it is
_INLINER = css_inline.CSSInliner(
    keep_style_tags=True, keep_at_rules=True, remove_inlined_selectors=True, load_remote_stylesheets=False
)
_SCREENS = ("", "all", "screen")
_STYLE_END = re.compile(r"</style", re.IGNORECASE)

_MOST = 100_000_000  # elements times characters of CSS: what inlining could at worst come to

Change = tuple[int, int, str]


class TooMuch(ValueError):
    """What css-inline cannot be given, where, and the cure."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at
        self.message = message


def inline(source: str) -> str:
    """The same document; just as it was when no style element has rules for its elements.

    Rules that no element gets stay in their style element, such as those of `@media` and `:hover`; so do all where
    classes depend on values, or blocks may bring new elements. Raises language.Mistaken, TooMuch and
    css_inline.InlineError.
    """
    if "<style" not in source.lower():
        return source
    document = _Document(source)
    return document.inlined() if document.sheets else source


class _Document:
    def __init__(self, source: str) -> None:
        self._tagged = Tagged(source)
        self._cloakroom = Cloakroom(source)
        self._mark = self._cloakroom.mark()  # with an element's number, an attribute that tells who is who
        self._read = list(elements.read(self._tagged.masked, is_outlook_read=False))
        self._elements = [each for each in self._read if not each.is_end]
        self._dynamic = {number for number, each in enumerate(self._elements) if self._is_dynamic(each)}
        self.sheets = {
            number: (each.end, self._end_of(each))
            for number, each in enumerate(self._elements)
            if each.name == "style" and self._is_inlined(each)
        }

    def inlined(self) -> str:
        self._check_size()
        found, left = self._computed()
        if not any(found.values()):
            return self._tagged.source
        changes = [self._dressed(self._elements[number], declared) for number, declared in found.items() if declared]
        if self._dynamic or any(self._tagged.keyword(span) == "block" for span in self._tagged.spans):
            left = {number: self._sheet(*place) for number, place in self.sheets.items()}
        return self._changed([*changes, *(self._lessened(number, sheet) for number, sheet in left.items())])

    def _check_size(self) -> None:
        if too_deep := nesting.excess(self._read):
            raise TooMuch(too_deep.start, "too many elements inside one another: close those that are open")
        characters = sum(end - start for start, end in self.sheets.values())
        if characters * len(self._elements) > _MOST:
            start, _ = next(iter(self.sheets.values()))
            raise TooMuch(start, "too much CSS for so many elements: write fewer rules")

    def _is_dynamic(self, element: Element) -> bool:
        """Which rules are for it is only known when a message is rendered."""
        values = [(each.start, each.end) for each in element.attributes]
        inside = {span for value in values for span in self._tagged.within(*value)}
        if any(span not in inside for span in self._tagged.within(element.start, element.end)):
            return True
        named = [each for each in element.attributes if each.name in ("class", "id")]
        return any(self._tagged.within(each.start, each.end) for each in named)

    def _is_inlined(self, style: Element) -> bool:
        media, left = style.attribute("media"), style.attribute(LEAVE)
        if media and self._value(media).strip().lower() not in _SCREENS:
            return False
        if left and self._value(left) == "ignore":
            return False
        return not self._tagged.has_statement(style.start, self._end_of(style))

    def _computed(self) -> tuple[dict[int, str], dict[int, str]]:
        """The declarations that each element gets, and what is left of each style element, by the element's number."""
        written = _INLINER.inline("".join(self._marked()))
        own = re.compile(rf"{self._mark}(\d+)")
        declared: dict[int, str] = {}
        left: dict[int, str] = {}
        for element in elements.read(written, is_outlook_read=False):
            number = next((int(mark[1]) for each in element.attributes if (mark := own.fullmatch(each.name))), None)
            if number in self.sheets:
                left[number] = written[element.end : written.find("</style", element.end)]
            elif number is not None and (style := element.attribute("style")):
                declared.setdefault(number, unescape(written[style.start : style.end]))
        return declared, left

    def _marked(self) -> Iterator[str]:
        """The document for css-inline: its elements numbered, without styles of their own, and without tags."""
        position = 0
        for number, element in enumerate(self._elements):
            yield self._text(position, element.start)
            yield f"<{element.name} {self._mark}{number}"
            if number in self._dynamic or (element.name == "style" and number not in self.sheets):
                yield f" {LEAVE}=ignore"
            for each in element.attributes:
                if each.name not in ("style", LEAVE):
                    value = self._tagged.masked[each.start : each.end]
                    yield f' {each.name}="{value.replace(chr(34), "&quot;")}"'
            yield "/>" if element.is_alone else ">"
            position = element.end
            if number in self.sheets:
                yield self._sheet(*self.sheets[number])
                position = self.sheets[number][1]
        yield self._text(position, len(self._tagged.source))

    def _text(self, start: int, end: int) -> str:
        return "".join([text for text, is_tag in self._tagged.pieces(start, end) if not is_tag])

    def _sheet(self, start: int, end: int) -> str:
        pieces = self._tagged.pieces(start, end)
        return "".join([self._cloakroom.take(text) if is_tag else text for text, is_tag in pieces])

    def _end_of(self, style: Element) -> int:
        found = _STYLE_END.search(self._tagged.masked, style.end)
        return found.start() if found else len(self._tagged.masked)

    def _value(self, attribute: Attribute) -> str:
        return self._tagged.source[attribute.start : attribute.end]

    def _dressed(self, element: Element, declared: str) -> Change:
        """What an element says itself comes last, and so it counts."""
        own = element.attribute("style")
        if own is None or own.quote == "-":
            behind_name = element.start + 1 + len(element.name)
            return behind_name, behind_name, f' style="{self._written(declared, frozenset())}"'
        said = stylesheets.declarations(self._tagged.masked[own.start : own.end])
        is_certain = not self._tagged.has_statement(own.start, own.end)
        added = self._written(declared, frozenset(name for name, _ in said) if is_certain else frozenset())
        pieces = self._tagged.pieces(own.start, own.end)
        value = "".join([text if is_tag else text.replace('"', "&quot;") for text, is_tag in pieces])
        margin = len(own.quote)
        return own.start - margin, own.end + margin, f'"{";".join(part for part in (added, value) if part)}"'

    def _written(self, declared: str, said: frozenset[str]) -> str:
        found = stylesheets.declarations(declared)
        kept = [f"{name}:{value}" for name, value in found if name not in said or "!important" in value]
        return self._cloakroom.give_back(escape(";".join(kept), quote=False).replace('"', "&quot;"))

    def _lessened(self, number: int, sheet: str) -> Change:
        start, end = self.sheets[number]
        if sheet.strip():
            return start, end, f"\n{self._cloakroom.give_back(stylesheets.strengthened(sheet).strip())}\n"
        return self._elements[number].start, self._tagged.masked.find(">", end) + 1, ""

    def _changed(self, changes: list[Change]) -> str:
        written, position = [], 0
        for start, end, text in sorted(changes):
            written += [self._tagged.source[position:start], text]
            position = end
        return "".join([*written, self._tagged.source[position:]])
