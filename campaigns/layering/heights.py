"""About how tall a fragment is at most: a layer that is too tall pushes what stands below it out of sight."""

from __future__ import annotations

from html.parser import HTMLParser

from campaigns.layering import styles
from campaigns.layering.aside import Marked

HIGHEST = 20_000  # pixels
ROUNDS = 24  # of a loop, as it is reckoned here; how many there are is known when a message is rendered
_LINE = 24.0  # pixels of a line of ordinary text
_PER_LETTER = 0.7  # pixels: some 34 letters to a line on a phone
_NARROW = 120  # pixels: in less, nearly every word is a line
_UPRIGHT = {"p", "div", "li", "h1", "h2", "h3", "h4", "tr", "td", "th", "br", "hr", "table", "ul", "ol", "blockquote"}
_PICTURE = 600  # pixels of one that does not say


def of(marked: Marked, html: str) -> float:
    """The pixels of the HTML that a fragment has become, its tags still put aside."""
    reader = _Reader(marked)
    reader.feed(html)
    reader.close()
    by_words = reader.words * _LINE if reader.is_narrow else 0.0
    return reader.fixed + max(reader.letters * _PER_LETTER, by_words) * max(1.0, reader.largest / 16) ** 2


class _Reader(HTMLParser):
    def __init__(self, marked: Marked) -> None:
        super().__init__()
        self.fixed = 0.0
        self.letters = self.words = 0
        self.largest = 16.0
        self.is_narrow = False
        self._marked = marked
        self._times = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        style = said.get("style", "")
        height = _number(said.get("height", "")) or (_PICTURE if tag == "img" else 0)
        height += styles.height_of(style) + (_LINE if tag in _UPRIGHT else 0)
        self.fixed += self._times * height
        self.largest = max(self.largest, styles.font_size(style))
        width = min(_number(said.get("width", "")) or styles.LONGEST, styles.width_of(style))
        self.is_narrow = self.is_narrow or (width < _NARROW and tag != "img")

    def handle_data(self, data: str) -> None:
        self.letters += self._times * len(data)
        self.words += self._times * len(data.split())

    def handle_comment(self, data: str) -> None:
        number = self._marked.statement.fullmatch(data)
        keyword = self._marked.keywords[int(number[1])] if number else ""
        if keyword in ("for", "endfor"):
            self._times = ROUNDS if keyword == "for" else 1


def _number(value: str) -> float:
    return float(value) if value.isdecimal() else 0.0
