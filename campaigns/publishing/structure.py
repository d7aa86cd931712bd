"""Whether an MJML source is put together as MJML is, with its template tags where they can be kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from campaigns.publishing import elements, mjml_elements
from campaigns.publishing.elements import Element
from campaigns.publishing.tags import Tagged

MAX_DEPTH = 30
MAX_MISTAKES = 20
_OPENS = ("if", "for", "block", "locked")
_CONTINUES = ("elif", "else")
_SET = "set"


@dataclass
class Structure:
    """`elements` in order; `between` are the tags that stand among elements, each with the parent's name."""

    elements: list[Element]
    between: list[tuple[tuple[int, int], str]] = field(default_factory=list)
    mistakes: list[tuple[int, str]] = field(default_factory=list)


def read(tagged: Tagged) -> Structure:
    """Everything about a source that is not MJML, by its offset, for a person to read."""
    found = list(elements.read(tagged.masked, verbatim=mjml_elements.HTML_INSIDE, is_outlook_read=False))
    reader = _Reader(tagged, Structure(found))
    reader.read()
    reader.structure.mistakes.sort()
    return reader.structure


class _Reader:
    def __init__(self, tagged: Tagged, structure: Structure) -> None:
        self._tagged = tagged
        self.structure = structure
        self._open: list[Element] = []
        self._statements: list[tuple[str, int, int]] = []  # keyword, where, and in which place

    def read(self) -> None:
        if not any(each.name == "mjml" for each in self.structure.elements):
            self._mistake(0, "MJML begins with <mjml> and ends with </mjml>: write them around your elements")
            return
        if not any(each.name == "mj-body" for each in self.structure.elements):
            self._mistake(0, "there is no mj-body: write <mj-body> around your sections")
        position = 0
        for element in self.structure.elements:
            self._between(position, element.start)
            self._element(element)
            position = element.end
            if len(self.structure.mistakes) >= MAX_MISTAKES:
                return
        self._between(position, len(self._tagged.source))
        if self._open:
            name = self._parent
            self._mistake(self._open[-1].start, f"{name} does not end: write </{name}> behind its content")
        for keyword, at, _ in self._statements:
            self._mistake(at, f"{{% {keyword} %}} does not end: write {{% end{keyword} %}}")

    @property
    def _parent(self) -> str:
        return self._open[-1].name if self._open else ""

    def _mistake(self, at: int, message: str) -> None:
        if len(self.structure.mistakes) < MAX_MISTAKES:
            self.structure.mistakes.append((at, message))

    def _element(self, element: Element) -> None:
        if element.is_end:
            self._end(element)
            return
        if why := mjml_elements.misplaced(element.name, self._parent):
            self._mistake(element.start, why)
        self._attributes(element)
        if not element.is_alone:
            self._open.append(element)
            if len(self._open) == MAX_DEPTH:
                self._mistake(element.start, f"more than {MAX_DEPTH} elements inside one another: write it simpler")

    def _end(self, element: Element) -> None:
        if self._parent == element.name:
            self._open.pop()
        elif any(each.name == element.name for each in self._open):
            while self._parent != element.name:
                unfinished = self._open.pop()
                self._mistake(
                    element.start, f"</{element.name}> ends before {unfinished.name}: write </{unfinished.name}> first"
                )
            self._open.pop()
        else:
            self._mistake(element.start, f"</{element.name}> ends nothing: remove it")

    def _attributes(self, element: Element) -> None:
        inside = {span for each in element.attributes for span in self._tagged.within(each.start, each.end)}
        for span in self._tagged.within(element.start, element.end):
            if span not in inside:
                self._mistake(span[0], "a tag may not be part of an element's own: put it into a quoted value")
        for each in element.attributes:
            if each.quote == "":
                self._mistake(each.at, f'put quotes around the value of {each.name}: {each.name}="..."')
            elif each.quote == "-" and not self._tagged.within(each.at, each.end):
                self._mistake(each.at, f'{each.name} has no value: write {each.name}="..."')
            self._nest(self._tagged.within(each.start, each.end), each.start)

    def _between(self, start: int, end: int) -> None:
        """What stands between two tags of MJML: the HTML of an element that takes it, or hardly anything."""
        spans = self._tagged.within(start, end)
        if self._parent in mjml_elements.HTML_INSIDE:
            self._nest(spans, self._open[-1].start)
            return
        for span in spans:
            self._place(span)
        self._nest(spans, self._open[-1].start if self._open else -1)
        self._text(start, end)

    def _place(self, span: tuple[int, int]) -> None:
        parent, keyword = self._parent, self._tagged.keyword(span)
        self.structure.between.append((span, parent))
        kind = self._tagged.source[span[0] : span[0] + 2]
        if kind == "{{":
            self._mistake(span[0], "a value needs an element around it: put it into mj-text")
        elif kind == "{%" and parent not in mjml_elements.TAKES_RAW and not (parent == "" and keyword == _SET):
            around = f"inside {parent}" if parent else "outside of mjml"
            self._mistake(span[0], f"this tag may not stand {around}: put it around the whole element, or into a value")

    def _nest(self, spans: list[tuple[int, int]], place: int) -> None:
        for span in spans:
            keyword = self._tagged.keyword(span)
            if keyword in _OPENS:
                self._statements.append((keyword, span[0], place))
            elif keyword in _CONTINUES and self._statements and self._statements[-1][2] != place:
                self._apart(span[0], keyword, self._statements[-1][0])
            elif keyword.startswith("end") and self._statements:
                opened, _, there = self._statements.pop()
                if there != place:
                    self._apart(span[0], keyword, opened)

    def _apart(self, at: int, keyword: str, opened: str) -> None:
        self._mistake(at, f"{{% {keyword} %}} stands in another element than its {{% {opened} %}}: put both into one")

    def _text(self, start: int, end: int) -> None:
        """Words among elements would be lost."""
        position = start
        for opening, closing in [*self._gaps(start, end), (end, end)]:
            written = self._tagged.source[position:opening]
            if written.strip():
                at = position + len(written) - len(written.lstrip())
                self._mistake(at, f"text outside of an element: put it into mj-text: {written.strip()[:40]!r}")
                return
            position = closing

    def _gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """Tags and comments, in order."""
        comments, position = [], start
        while (opening := self._tagged.masked.find("<!--", position, end)) >= 0:
            closing = self._tagged.masked.find("-->", opening, end)
            position = end if closing < 0 else closing + 3
            comments.append((opening, position))
        return sorted([*comments, *self._tagged.within(start, end)])
