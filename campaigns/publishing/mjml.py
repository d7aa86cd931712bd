"""MJML into HTML, template tags as they were. mrml does the work; what it would skip silently is said here."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from mjml import mjml2html

from campaigns.publishing import mjml_elements, structure
from campaigns.publishing.elements import Attribute, Element
from campaigns.publishing.inlining import LEAVE
from campaigns.publishing.structure import Structure
from campaigns.publishing.tags import Cloakroom, Tagged

_LEFT = f' {LEAVE}="ignore"'
_PLACE = re.compile(r"(.*?)(?: in root template)?(?: at position (\d+):\d+)?$", re.DOTALL)
# Where a line may break without anybody seeing it: mail may not have long lines.
_BREAKS = re.compile(r"(?:</?(?:tr|tbody|table|head|style|body|html)\b[^<>]*>|</td>|<meta[^<>]*>|<!\[endif\]-->)(?=<)")
# Written into the document as they stand; mrml looks into other values.
_AS_WRITTEN = frozenset({"alt", "background-url", "css-class", "href", "name", "rel", "src", "srcset", "title"})


class Unreadable(ValueError):
    """Why a source is no MJML: `mistakes` are offsets into it with what is to be said."""

    def __init__(self, mistakes: list[tuple[int, str]]) -> None:
        super().__init__(mistakes)
        self.mistakes = mistakes


def compiled(tagged: Tagged) -> str:
    """The HTML of an MJML source, its lines short. Style elements are marked for `inlining` to leave them as they are,
    but for those of `<mj-style inline="inline">`. Raises Unreadable.
    """
    found = structure.read(tagged)
    if found.mistakes:
        raise Unreadable(found.mistakes)
    return _Writer(tagged, found).compiled()


class _Writer:
    def __init__(self, tagged: Tagged, found: Structure) -> None:
        self._tagged = tagged
        self._found = found
        self._cloakroom = Cloakroom(tagged.source)
        self._written: list[str] = []
        self._length = 0
        self._places: list[tuple[int, int]] = [(0, 0)]  # how far is written, and of which offset of the source
        self._needed: dict[str, tuple[int, str]] = {}  # words that must come back, and what to say if they do not
        self._inlined: list[str] = []
        self._is_style_inlined = False
        self._defaults = set(defaults(found.elements))

    def compiled(self) -> str:
        self._write_all()
        try:
            html = mjml2html("".join(self._written), fonts={})
        except ValueError as error:
            raise Unreadable([self._refusal(str(error))]) from None
        words = self._cloakroom.words(html)
        if lost := sorted(why for word, why in self._needed.items() if word not in words):
            raise Unreadable(lost[: structure.MAX_MISTAKES])
        return self._outside(self._cloakroom.give_back(self._laid_out(html)))

    def _write_all(self) -> None:
        position, parents = 0, [""]
        between = dict(self._found.between)
        for element in self._found.elements:
            if parents[-1] in mjml_elements.HTML_INSIDE:
                self._content(position, element.start, parents[-1])
            else:
                self._statements(position, element.start, between)
            self._tag(element)
            position = element.end
            if element.is_end:
                parents.pop()
            elif not element.is_alone:
                parents.append(element.name)
                self._is_style_inlined = element.name == "mj-style" and self._says_inline(element)

    def _write(self, text: str, at: int) -> None:
        self._places.append((self._length, at))
        self._written.append(text)
        self._length += len(text.encode())

    def _content(self, start: int, end: int, name: str) -> None:
        """What is inside is none of mrml's business."""
        text = self._tagged.source[start:end]
        if not text.strip():
            return
        if name == "mj-title":  # it is an attribute's value too
            text = self._quotable(start, end)
        word = self._cloakroom.take(text)
        if name == "mj-style" and self._is_style_inlined:
            self._inlined.append(word)
        self._needed[word] = (start, f"{name} may not stand here, its content would be lost: put it elsewhere")
        self._write(word, start)

    def _statements(self, start: int, end: int, between: dict[tuple[int, int], str]) -> None:
        for span in self._tagged.within(start, end):
            if between.get(span) in mjml_elements.TAKES_RAW and self._tagged.keyword(span):
                word = self._cloakroom.take(self._tagged.source[slice(*span)])
                self._needed[word] = (span[0], "this tag would be lost here: put it around the whole element")
                self._write(f"<mj-raw>{word}</mj-raw>", span[0])

    def _tag(self, element: Element) -> None:
        if element.is_end:
            self._write(f"</{element.name}>", element.start)
            return
        self._write(f"<{element.name}", element.start)
        for each in element.attributes:
            self._write(f' {each.name}="{self._value(element, each)}"', each.at)
        self._write("/>" if element.is_alone else ">", element.end - 1)

    def _value(self, element: Element, attribute: Attribute) -> str:
        start, end = attribute.start, attribute.end
        if attribute.name in _AS_WRITTEN and element.name != "mj-class":
            word = self._cloakroom.take(self._quotable(start, end))
            if self._tagged.within(start, end):
                self._need(word, element, attribute)
            return word
        pieces = self._tagged.pieces(start, end)
        return "".join(
            [self._need(self._cloakroom.take(text), element, attribute) if is_tag else text.replace('"', "&quot;")
             for text, is_tag in pieces]
        )  # fmt: skip

    def _need(self, word: str, element: Element, attribute: Attribute) -> str:
        if element.start in self._defaults:  # what no element uses is no loss
            return word
        why = f"{element.name} cannot have a value in {attribute.name}, it would be lost: write it out, or remove it"
        self._needed[word] = (attribute.start, why)
        return word

    def _quotable(self, start: int, end: int) -> str:
        pieces = self._tagged.pieces(start, end)
        return "".join([text if is_tag else text.replace('"', "&quot;") for text, is_tag in pieces])

    def _says_inline(self, element: Element) -> bool:
        said = element.attribute("inline")
        return said is not None and self._tagged.source[said.start : said.end] == "inline"

    def _laid_out(self, html: str) -> str:
        """Short lines, no language that nobody said, and style elements marked."""
        html = _BREAKS.sub(lambda found: found[0] + "\n", html).replace(' lang="und"', "")
        html = html.replace("<style", f"<style{_LEFT}")
        for word in self._inlined:
            html = html.replace(f'<style{_LEFT} type="text/css">{word}', f'<style type="text/css">{word}')
        return html

    def _outside(self, html: str) -> str:
        """Assignments before and behind the document belong there."""
        first, last = self._found.elements[0].start, self._found.elements[-1].end
        around = [span for span, parent in self._found.between if parent == ""]
        before = "".join([self._tagged.source[slice(*span)] for span in around if span[0] < first])
        return before + html + "".join([self._tagged.source[slice(*span)] for span in around if span[0] >= last])

    def _refusal(self, message: str) -> tuple[int, str]:
        what, where = _PLACE.match(message).groups()  # type: ignore[union-attr]
        number = bisect_right(self._places, (int(where or 0), len(self._tagged.source))) - 1
        return self._places[number][1], f"MJML cannot be read here ({what}): compare with the elements around it"


def defaults(found: list[Element]) -> Iterator[int]:
    """Where the elements inside mj-attributes begin: they are what others look like, and nowhere to be seen."""
    is_inside = False
    for element in found:
        if element.name == "mj-attributes":
            is_inside = not (element.is_end or element.is_alone)
        elif is_inside:
            yield element.start


def marks_removed(html: str) -> str:
    return html.replace(_LEFT, "")
