"""A template's source, cut into text and tags, and a tag into words. It knows no grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from campaigns.language.syntax import Mistaken

MAX_TAGS = 5_000
MAX_WORDS = 2_000  # of one tag
_OPENING = re.compile(r"{[{%#]")
_RAW_END = re.compile(r"{%[-+]?\s*endraw\s*([-+]?)%}")
_RAW = re.compile(r"{%([-+]?)\s*raw\s*([-+]?)%}")
_WORD = re.compile(
    r"""(?P<space>\s+)
    | (?P<end>[-+]?[%}]})
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign>==|!=|<=|>=|\*\*|//|[-+*/%~<>=|.,:()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"{{": "}}", "{%": "%}"}


class Word(NamedTuple):
    """`kind` is string, number, name, sign or end."""

    kind: str
    text: str
    at: int


class Piece(NamedTuple):
    """Text as it stands, or the words of a tag: `{{` prints, `{%` does."""

    kind: str  # "text", "{{" or "{%"
    text: str
    words: list[Word]
    at: int


class Tag(NamedTuple):
    """A tag as it stands in a source. `piece` is None for a comment."""

    piece: Piece | None
    start: int
    end: int
    trims: bool  # the white space behind it


def pieces(source: str) -> Iterator[Piece]:
    """White space beside `-` signs is gone already. Raises Mistaken."""
    position, is_trimmed = 0, False
    for tag in tags(source):
        if text := _between(source, position, tag.start, is_trimmed=is_trimmed):
            yield Piece("text", text, [], position)
        if tag.piece:
            yield tag.piece
        position, is_trimmed = tag.end, tag.trims
    if text := _between(source, position, len(source), is_trimmed=is_trimmed):
        yield Piece("text", text, [], position)


def tags(source: str) -> Iterator[Tag]:
    """Every tag and where it stands. Raises Mistaken."""
    position, count = 0, 0
    while opening := _OPENING.search(source, position):
        count += 1
        if count > MAX_TAGS:
            raise Mistaken(f"more than {MAX_TAGS} tags: write fewer", opening.start())
        piece, position, trims = _tag(source, opening.start())
        yield Tag(piece, opening.start(), position, trims)


def _between(source: str, start: int, end: int, *, is_trimmed: bool) -> str:
    text = source[start:end]
    text = text.lstrip() if is_trimmed else text
    return text.rstrip() if source[end + 2 : end + 3] == "-" else text


def spans(source: str) -> Iterator[tuple[int, int]]:
    """Where each tag or comment begins and ends; raw text counts as one with its tags. Raises Mistaken."""
    for tag in tags(source):
        yield tag.start, tag.end


@lru_cache(maxsize=1024)
def mentions(source: str, name: str) -> bool:
    """Whether a variable of that name may be used in a source: seldom said of one that does not, never left unsaid."""
    if name not in source:
        return False
    try:
        found = [tag.piece.words for tag in tags(source) if tag.piece]
    except Mistaken:
        return True
    return any(
        word.text == name and not (at and words[at - 1].text == ".") for words in found for at, word in enumerate(words)
    )


def place(source: str, at: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1."""
    return source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)


def _tag(source: str, start: int) -> tuple[Piece | None, int, bool]:
    """The tag, where it ends, and whether the text behind it loses its leading white space."""
    if source.startswith("{#", start):
        end = source.find("#}", start + 2)
        if end < 0:
            raise Mistaken("a comment that does not end: write #}", start)
        return None, end + 2, source[end - 1] == "-"
    if raw := _RAW.match(source, start):
        return _raw(source, raw)
    words, end = _words(source, start)
    return Piece(source[start : start + 2], "", words, start), end, words[-1].text[0] == "-"


def _raw(source: str, opening: re.Match[str]) -> tuple[Piece, int, bool]:
    closing = _RAW_END.search(source, opening.end())
    if not closing:
        raise Mistaken("raw text that does not end: write {% endraw %}", opening.start())
    text = source[opening.end() : closing.start()]
    text = text.lstrip() if opening[2] == "-" else text
    text = text.rstrip() if source[closing.start() + 2] == "-" else text
    return Piece("text", text, [], opening.end()), closing.end(), closing[1] == "-"


def _words(source: str, start: int) -> tuple[list[Word], int]:
    closing = _CLOSING[source[start : start + 2]]
    position = start + 2
    position += source[position : position + 1] in ("-", "+")
    words: list[Word] = []
    while word := _WORD.match(source, position):
        position = word.end()
        kind = word.lastgroup or ""
        if kind == "end" and not word[0].endswith(closing):  # `%}` closes no print: it is two signs, as in `7 %}`
            raise Mistaken(f"{word[0]} where {closing} should end the tag", word.start())
        if kind != "space":
            words.append(Word(kind, word[0], word.start()))
        if kind == "end":
            return words, position
        if len(words) > MAX_WORDS:
            raise Mistaken(f"more than {MAX_WORDS} words in one tag: write less", start)
    if position >= len(source):
        raise Mistaken(f"a tag that does not end: write {closing}", start)
    raise Mistaken(f"{source[position]!r} means nothing here", position)
