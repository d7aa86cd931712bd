"""Whether an element that begins in a branch or loop also ends there, whatever is true when it is rendered."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser

from campaigns.layering.aside import Marked

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_ENDS = {"endif": "if", "endfor": "for"}


@dataclass(frozen=True)
class Broken:
    """The statement, by its number, where the elements around are not those where it began."""

    tag: int
    message: str


def broken(html: str, marked: Marked) -> Broken | None:
    """`html` is what a fragment has become: balanced by itself, its statements comments that `marked` knows."""
    reader = _Reader(marked)
    reader.feed(html)
    reader.close()
    if reader.broken is None and (lost := reader.lost()) is not None:
        return Broken(lost, "it cannot stand where it does: check the elements around it")
    return reader.broken


class _Reader(HTMLParser):
    def __init__(self, marked: Marked) -> None:
        super().__init__()
        self.broken: Broken | None = None
        self._marked = marked
        self._elements: list[tuple[int, str]] = []
        self._count = 0
        self._seen: list[int] = []
        self._begun: list[tuple[str, tuple[tuple[int, str], ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self._count += 1
            self._elements.append((self._count, tag))

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID and self._elements:
            self._elements.pop()

    def handle_comment(self, data: str) -> None:
        if self.broken or not (number := self._marked.statement.fullmatch(data)):
            return
        self._seen.append(int(number[1]))
        keyword, around = self._marked.keywords[int(number[1])], tuple(self._elements)
        if keyword in ("if", "for"):
            self._begun.append((keyword, around))
        elif keyword in ("elif", "else", *_ENDS):
            self._compare(int(number[1]), keyword, around)

    def lost(self) -> int | None:
        """A statement that is no statement any more, or another place than it was written in."""
        written = [number for number, keyword in enumerate(self._marked.keywords) if keyword]
        if self._seen == written:
            return None
        return next((number for number in written if number not in self._seen), written[0] if written else 0)

    def _compare(self, number: int, keyword: str, around: tuple[tuple[int, str], ...]) -> None:
        if (
            not self._begun
            or self._begun[-1][1] != around
            or _ENDS.get(keyword, self._begun[-1][0]) != self._begun[-1][0]
        ):
            told = "elements begin or end between these tags only: put whole ones there, and <tbody> around rows"
            self.broken = Broken(number, f"{{% {keyword} %}}: {told}")
        elif keyword in _ENDS:
            self._begun.pop()
