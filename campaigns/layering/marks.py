"""A base's source, cut into what stands, slots that are printed, and blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from campaigns.language import markup, tokens
from campaigns.language.markup import Spot
from campaigns.language.syntax import Mistaken
from campaigns.language.tokens import Tag

_OPENS = {"block": "endblock", "locked": "endlocked"}


@dataclass(frozen=True, slots=True)
class Standing:
    """Source that no layer changes."""

    source: str


@dataclass(frozen=True, slots=True)
class Printed:
    """A slot printed on its own: `{{ content.headline }}`, or a part of one, as `{{ content.hero.url }}`."""

    slot: str
    part: str
    source: str
    spot: Spot
    at: int


@dataclass(frozen=True, slots=True)
class Block:
    """What a layer below may replace, or may not. `body` stands where nobody does."""

    name: str
    is_locked: bool
    body: tuple[Standing | Printed, ...]
    spot: Spot
    at: int


Mark = Standing | Printed | Block


def read(source: str, *, is_html: bool) -> tuple[Mark, ...]:
    """Raises Mistaken for a block that does not end, stands in another, or bears another's name."""
    return _Reader(source, is_html=is_html).read()


class _Reader:
    def __init__(self, source: str, *, is_html: bool) -> None:
        self._source = source
        self._is_html = is_html
        self._spot = Spot()
        self._position = 0
        self._found: list[Mark] = []
        self._inside: list[Standing | Printed] = []
        self._opened: tuple[str, str, Spot, int] | None = None
        self._names: set[str] = set()

    def read(self) -> tuple[Mark, ...]:
        for tag in tokens.tags(self._source):
            self._take(tag)
        if self._opened:
            kind, name, _, at = self._opened
            raise Mistaken(f"{kind} {name} does not end: write {{% {_OPENS[kind]} %}}", at)
        self._stand(len(self._source))
        return tuple(self._found)

    def _take(self, tag: Tag) -> None:
        words = [word.text for word in tag.piece.words] if tag.piece else []
        if tag.piece and tag.piece.kind == "{{" and (slot := _slot(words)):
            self._stand(tag.start)
            printed = Printed(*slot, self._source[tag.start : tag.end], self._spot, tag.start)
            (self._inside if self._opened else self._found).append(printed)
            self._spot = markup.after_value(self._spot, is_ours=False)
            self._position = tag.end
        elif tag.piece and tag.piece.kind == "{%" and words[0] in (*_OPENS, *_OPENS.values()):
            self._stand(tag.start)
            self._position = tag.end
            if words[0] in _OPENS:
                self._open(words, tag)
            else:
                self._close(words[0], tag)

    def _open(self, words: list[str], tag: Tag) -> None:
        kind, name = words[0], words[1] if len(words) > 2 else ""
        if len(words) != 3 or not name.isidentifier():
            raise Mistaken(f"give the block a name: {{% {kind} hero %}}", tag.start)
        if self._opened:
            raise Mistaken(f"{kind} {name} stands inside {self._opened[1]}: end that one first", tag.start)
        if name in self._names:
            raise Mistaken(f"there are two blocks called {name}: give each its own name", tag.start)
        if self._is_html and self._spot.mode != "text":
            raise Mistaken(f"{kind} {name} stands inside a tag: put it between tags", tag.start)
        self._names.add(name)
        self._opened = (kind, name, self._spot, tag.start)

    def _close(self, word: str, tag: Tag) -> None:
        if not self._opened or _OPENS[self._opened[0]] != word:
            raise Mistaken(f"{{% {word} %}} ends nothing here", tag.start)
        kind, name, spot, at = self._opened
        self._found.append(Block(name, kind == "locked", tuple(self._inside), spot, at))
        self._inside, self._opened = [], None

    def _stand(self, end: int) -> None:
        text = self._source[self._position : end]
        self._position = end
        if text:
            (self._inside if self._opened else self._found).append(Standing(text))
            if self._is_html:
                self._spot = _after(self._spot, text)


def _after(spot: Spot, source: str) -> Spot:
    """Tags of the language are no HTML: a value is as good as a letter, a statement is nothing."""
    position = 0
    for tag in tokens.tags(source):
        spot = markup.after(spot, source[position : tag.start])
        if tag.piece and tag.piece.kind == "{{":
            spot = markup.after_value(spot, is_ours=False)
        position = tag.end
    return markup.after(spot, source[position:])


def _slot(words: list[str]) -> tuple[str, str] | None:
    """`content . headline }}` or `content . hero . url }}`."""
    match words:
        case ["content", ".", slot, _]:
            return slot, ""
        case ["content", ".", slot, ".", part, _]:
            return slot, part
    return None


def blocks(marks: tuple[Mark, ...]) -> Iterator[Block]:
    return (mark for mark in marks if isinstance(mark, Block))


def printed(marks: tuple[Mark, ...]) -> Iterator[Printed]:
    """Every slot printed, inside blocks too."""
    for mark in marks:
        if isinstance(mark, Block):
            yield from (inner for inner in mark.body if isinstance(inner, Printed))
        elif isinstance(mark, Printed):
            yield mark
