"""The grammar of templates: a source into its tree. What is not listed here cannot be written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from campaigns.language import tokens
from campaigns.language.expressions import Reader
from campaigns.language.syntax import Body, Branch, Expression, For, If, Mistaken, Node, Print, Set, Text
from campaigns.language.tokens import Piece
from campaigns.language.vocabulary import NOT_HERE, RESERVED

MAX_SOURCE = 256 * 1024  # characters
_SMALL = 32 * 1024  # characters; the trees of so small ones are remembered for a moment
MAX_BLOCKS = 12  # blocks in one another
MAX_LOOPS = 3  # loops in one another
_KNOWN = "if, for, set, raw"
_INNER = ("elif", "else", "endif", "endfor")


def parse(source: str) -> Body:
    """Raises Mistaken. What a template is asked for (mistakes, features, names, links) is told from one tree."""
    return _remembered(source) if len(source) <= _SMALL else _parsed(source)


def _parsed(source: str) -> Body:
    if len(source) > MAX_SOURCE:
        raise Mistaken(f"larger than {MAX_SOURCE // 1024} KB: write less", 0)
    if (nul := source.find("\0")) >= 0:
        raise Mistaken("an invisible NUL character: remove it", nul)
    try:
        source.encode()
    except UnicodeEncodeError as error:
        raise Mistaken("half of a character: remove it", error.start) from None
    return _Parser(list(tokens.pieces(source)), len(source)).whole()


_remembered = lru_cache(maxsize=128)(_parsed)


class _Parser:
    def __init__(self, pieces: Sequence[Piece], length: int) -> None:
        self._pieces = pieces
        self._position = 0
        self._length = length
        self._blocks = 0
        self._loops = 0

    def whole(self) -> Body:
        body = self._body()
        if self._position < len(self._pieces):
            word = self._keyword(self._pieces[self._position])
            raise Mistaken(f"{{% {word} %}} ends or continues nothing here", self._pieces[self._position].at)
        return body

    def _body(self) -> Body:
        """Up to a tag that belongs to what is around."""
        nodes: list[Node] = []
        while self._position < len(self._pieces):
            piece = self._pieces[self._position]
            if piece.kind == "{%" and self._keyword(piece) in _INNER:
                break
            self._position += 1
            nodes.append(self._node(piece))
        return tuple(nodes)

    def _node(self, piece: Piece) -> Node:
        if piece.kind == "text":
            return Text(piece.text, piece.at)
        reader = Reader(piece.words)
        if piece.kind == "{{":
            value = reader.expression()
            reader.end()
            return Print(value, piece.at)
        keyword = reader.name("a tag begins with a word")
        match keyword:
            case "if":
                return self._if(piece, reader)
            case "for":
                return self._for(piece, reader)
            case "set":
                return self._set(piece, reader)
        if keyword in NOT_HERE:
            raise Mistaken(f"a template may not use {keyword!r}: {NOT_HERE[keyword]}", piece.at)
        raise Mistaken(f"there is no tag {keyword!r}. Known: {_KNOWN}", piece.at)

    def _if(self, piece: Piece, reader: Reader) -> If:
        self._enter(piece)
        branches: list[Branch] = []
        condition: Expression | None = self._last(reader)
        while True:
            body = self._body()
            branches.append(Branch(condition, body))
            keyword, reader = self._next(piece, "endif")
            if keyword == "endif":
                break
            if condition is None or keyword not in ("elif", "else"):
                raise Mistaken(f"{{% {keyword} %}} does not belong into this {{% if %}}", reader.at)
            condition = self._last(reader) if keyword == "elif" else None
            if keyword == "else":
                reader.end()
        reader.end()
        self._blocks -= 1
        return If(tuple(branches), piece.at)

    def _for(self, piece: Piece, reader: Reader) -> For:
        self._enter(piece)
        self._loops += 1
        if self._loops > MAX_LOOPS:
            raise Mistaken(f"more than {MAX_LOOPS} loops in one another: use fewer", piece.at)
        names = [_new(reader)]
        if reader.takes(","):
            names.append(_new(reader))
        reader.expect("in")
        over = reader.expression(is_choice_allowed=False)
        only = reader.expression(is_choice_allowed=False) if reader.takes("if") else None
        reader.end()
        body = self._body()
        otherwise: Body = ()
        keyword, reader = self._next(piece, "endfor")
        self._loops -= 1
        if keyword == "else":
            reader.end()
            otherwise = self._body()
            keyword, reader = self._next(piece, "endfor")
        if keyword != "endfor":
            raise Mistaken(f"{{% {keyword} %}} does not belong into this {{% for %}}", reader.at)
        reader.end()
        self._blocks -= 1
        return For(tuple(names), over, only, body, otherwise, piece.at)

    def _set(self, piece: Piece, reader: Reader) -> Set:
        name = _new(reader)
        if not reader.takes("="):
            raise Mistaken(f"say what {name} is: {{% set {name} = ... %}}", piece.at)
        return Set(name, self._last(reader), piece.at)

    def _last(self, reader: Reader) -> Expression:
        value = reader.expression()
        reader.end()
        return value

    def _enter(self, piece: Piece) -> None:
        self._blocks += 1
        if self._blocks > MAX_BLOCKS:
            raise Mistaken(f"more than {MAX_BLOCKS} blocks in one another: use fewer", piece.at)

    def _next(self, opened: Piece, closing: str) -> tuple[str, Reader]:
        if self._position >= len(self._pieces):
            keyword = self._keyword(opened)
            raise Mistaken(f"this {{% {keyword} %}} does not end: write {{% {closing} %}}", opened.at)
        piece = self._pieces[self._position]
        self._position += 1
        reader = Reader(piece.words)
        return reader.name("a tag begins with a word"), reader

    @staticmethod
    def _keyword(piece: Piece) -> str:
        return piece.words[0].text


def _new(reader: Reader) -> str:
    at = reader.at
    name = reader.name("a name is missing")
    if name in RESERVED or name.startswith("_") or not re.fullmatch(r"[A-Za-z]\w{0,60}", name):
        raise Mistaken(f"{name!r} cannot be a name of yours: choose another", at)
    return name
