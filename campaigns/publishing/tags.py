"""A source's template tags: where they stand, and how they are carried through tools that know nothing of them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property

from campaigns import language

_KEYWORD = re.compile(r"{%[-+]?\s*([A-Za-z_]*)")


class Tagged:
    """A source with its tags. Raises language.Mistaken when they cannot be told apart."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.spans = list(language.spans(source))
        self._starts = [start for start, _ in self.spans]

    @cached_property
    def masked(self) -> str:
        """As long as the source, with letters in place of every tag."""
        pieces = self.pieces(0, len(self.source))
        return "".join(["z" * len(text) if is_tag else text for text, is_tag in pieces])

    def within(self, start: int, end: int) -> list[tuple[int, int]]:
        first = bisect_left(self._starts, start)
        return self.spans[first : bisect_left(self._starts, end)]

    def pieces(self, start: int, end: int) -> Iterator[tuple[str, bool]]:
        """The text between two offsets in turns, and whether it is a tag."""
        position = start
        for opening, closing in self.within(start, end):
            yield self.source[position:opening], False
            yield self.source[opening:closing], True
            position = closing
        yield self.source[position:end], False

    def has_statement(self, start: int, end: int) -> bool:
        return any(self.keyword(span) for span in self.within(start, end))

    def keyword(self, span: tuple[int, int]) -> str:
        """`if`, `endfor` and the like; "" for a value or a comment."""
        found = _KEYWORD.match(self.source, span[0])
        return found[1] if found else ""


class Cloakroom:
    """Hands out a word for a text, and puts the text back where the word stands. The words occur in no `source`."""

    def __init__(self, source: str) -> None:
        lowered, number = source.lower(), 0
        while (prefix := f"zq{number}v") in lowered:
            number += 1
        self._word = re.compile(rf"{prefix}(\d+)z", re.IGNORECASE)
        self._prefix = prefix
        self._kept: list[str] = []

    def take(self, text: str) -> str:
        self._kept.append(text)
        return f"{self._prefix}{len(self._kept) - 1}z"

    def mark(self) -> str:
        """The beginning of a word that no text is kept for."""
        return f"{self._prefix}m"

    def give_back(self, text: str) -> str:
        return self._word.sub(lambda word: self._kept[int(word[1])], text)

    def words(self, text: str) -> set[str]:
        return {word[0] for word in self._word.finditer(text)}
