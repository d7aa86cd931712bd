"""The language's tags in a fragment, put aside while its HTML is judged and written anew, and put back.

A value becomes a word, a statement a comment; both bear a number and a mark that is made of the fragment itself, so
nobody can write one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from campaigns.language import Mistake, grammar, markup, tokens
from campaigns.language.markup import Spot
from campaigns.language.syntax import Body, Expression, For, If, Path, Print, Set, paths
from campaigns.language.tokens import Tag

_PRINTS_IN = {"href", "src", "alt", "title", "style"}


@dataclass(frozen=True)
class Marked:
    """A source whose tags are put aside. `origins` leads from an offset in `text` to one in the source, `end` is where
    one stands behind it.
    """

    source: str
    text: str
    tags: Sequence[Tag]
    origins: Sequence[tuple[int, int]]
    end: Spot

    @cached_property
    def mark(self) -> str:
        return _mark(self.source)

    @cached_property
    def statement(self) -> re.Pattern[str]:
        """What a comment says that stands for a statement; its group is the number."""
        return re.compile(rf"{self.mark}(\d+)qz")

    @cached_property
    def keywords(self) -> list[str]:
        """Of each tag, blank where it is no statement."""
        return [_keyword(tag) for tag in self.tags]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column in the source of an offset in the text."""
        at, origin = max((pair for pair in self.origins if pair[0] <= offset), default=(0, 0))
        return tokens.place(self.source, min(origin + offset - at, len(self.source)))

    def put_back(self, text: str) -> str:
        """A text with the tags where they were. Braces that are no tags, whatever spelled them, stay none."""

        def written(found: re.Match[str]) -> str:
            tag = self.tags[int(found[1])]
            return self.source[tag.start : tag.end]

        bare = re.sub(rf"<!--({self.mark}\d+qz)-->", r"\1", text.replace("{", "&#123;"))
        return re.sub(rf"(?:https://)?{self.mark}(\d+)qz", written, bare)


def put_aside(source: str) -> tuple[Marked, list[Mistake]]:
    """Of a source without mistakes of the language."""
    tags, mistakes, spot = list(tokens.tags(source)), list[Mistake](), Spot()
    parts, origins, length, position = list[str](), [(0, 0)], 0, 0
    for number, tag in enumerate(tags):
        text = source[position : tag.start]
        spot = markup.after(spot, text)
        stand_in, complaint = _stand_in(tag, f"{_mark(source)}{number}qz", spot)
        if complaint:
            mistakes.append(Mistake(complaint, *tokens.place(source, tag.start)))
        if tag.piece and tag.piece.kind == "{{":
            spot = markup.after_value(spot, is_ours=False)
        parts += (text, stand_in)
        length += len(text) + len(stand_in)
        position = tag.end
        origins.append((length, position))
    parts.append(source[position:])
    end = markup.after(spot, source[position:])
    mistakes += [Mistake(told, *tokens.place(source, at)) for told, at in out_of_place(source)]
    return Marked(source, "".join(parts), tags, origins, end), mistakes


def out_of_place(source: str) -> Iterator[tuple[str, int]]:
    """What the language has, and a layer below a base may not use: what is wrong, and where."""
    for tag in tokens.tags(source):
        if tag.piece and tag.piece.kind == "text":
            yield "{% raw %} has no place here: write &#123; for a brace", tag.start
    yield from _out_of_place(grammar.parse(source), in_loop=False)


def _out_of_place(body: Body, *, in_loop: bool) -> Iterator[tuple[str, int]]:
    for node in body:
        match node:
            case Set():
                yield "{% set %} has no place here: it could change what stands elsewhere", node.at
            case Print():
                yield from _filtered(node.value)
            case If():
                for branch in node.branches:
                    yield from _out_of_place(branch.body, in_loop=in_loop)
            case For():
                if in_loop:
                    yield "a loop in a loop has no place here: show one list", node.at
                yield from _out_of_place(node.body, in_loop=True)
                yield from _out_of_place(node.otherwise, in_loop=in_loop)


def _filtered(value: Expression) -> Iterator[tuple[str, int]]:
    """A slot's value may be source: nothing but the whole of it can be printed."""
    if not isinstance(value, Path):
        for path in paths(value):
            if path.root == "content":
                yield f"print {path.dotted} on its own, without a filter", path.at


def _mark(source: str) -> str:
    return f"zq{hashlib.sha256(source.encode()).hexdigest()[:16]}x"


def _keyword(tag: Tag) -> str:
    return tag.piece.words[0].text if tag.piece and tag.piece.kind == "{%" else ""


def _stand_in(tag: Tag, name: str, spot: Spot) -> tuple[str, str]:
    """What takes a tag's place, and what is wrong with where it stands."""
    if tag.piece is None or tag.piece.kind == "text":
        return "", ""
    if tag.piece.kind != "{{":
        wrong = "" if spot.mode == "text" else "this may not stand inside a tag here: put it around the whole element"
        return f"<!--{name}-->", wrong
    if spot.mode == "text":
        return name, ""
    if spot.mode != "value" or spot.attribute not in _PRINTS_IN:
        return name, "a value may stand in a text, a link or a description here: write this out"
    if spot.attribute == "style" and not _is_colour(tag):
        return name, "in a style only brand.colour or a colour of the base may stand: write this out"
    return f"{'https://' if spot.stage == 'start' else ''}{name}", ""


def _is_colour(tag: Tag) -> bool:
    words = [word.text for word in tag.piece.words] if tag.piece else []
    return words[:-1] == ["brand", ".", "colour"] or (words[:2] == ["content", "."] and len(words) == 4)
