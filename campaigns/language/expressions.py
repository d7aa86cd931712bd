"""The grammar of expressions: the words of a tag into a tree."""

from __future__ import annotations

import re
from collections.abc import Sequence

from campaigns.language.syntax import (
    Binary,
    Choice,
    Expression,
    Filtered,
    Items,
    Literal,
    Mistaken,
    Path,
    Slice,
    Tested,
    Unary,
)
from campaigns.language.tokens import Word
from campaigns.language.vocabulary import FILTERS, TESTS, Arity

MAX_DEPTH = 24  # of expressions in one another
MAX_CHAIN = 24  # filters behind one value, names behind one variable
_CONSTANTS = {"true": True, "false": False, "none": None, "True": True, "False": False, "None": None}
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_WORDS = {"and", "or", "not", "in", "is", "if", "else"}
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "'": "'", "\\": "\\"}
_LONGEST_NUMBER = 15  # digits
_CURES = {
    "*": "a template may not use *: write {{ number | times(2) }}",
    "**": "a template may not use **",
    "{": "a template may not use braces inside a tag",
}


class Reader:
    """Reads one tag's words from left to right. Everything raises Mistaken."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = words
        self._position = 0
        self._depth = 0

    @property
    def at(self) -> int:
        return self._words[min(self._position, len(self._words) - 1)].at

    def name(self, otherwise: str) -> str:
        word = self._words[self._position]
        if word.kind != "name":
            raise Mistaken(otherwise, word.at)
        self._position += 1
        return word.text

    def takes(self, *texts: str) -> str:
        """The next word when it is one of these, which it moves behind; else nothing."""
        word = self._words[self._position]
        if word.kind in ("sign", "name") and word.text in texts:
            self._position += 1
            return word.text
        return ""

    def expect(self, text: str) -> None:
        if not self.takes(text):
            raise self._unexpected(f"{text!r} should stand here")

    def end(self) -> None:
        if self._words[self._position].kind != "end":
            raise self._unexpected("the tag should end here")

    def expression(self, *, is_choice_allowed: bool = True) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Mistaken(f"more than {MAX_DEPTH} expressions in one another: write it simpler", self.at)
        value = self._or()
        if is_choice_allowed and (at := self.at) and self.takes("if"):
            condition = self._or()
            if not self.takes("else"):
                raise Mistaken("say what to write otherwise: a if condition else b", at)
            value = Choice(condition, value, self.expression(), at)
        self._depth -= 1
        return value

    def _or(self) -> Expression:
        return self._chain(self._and, "or")

    def _and(self) -> Expression:
        return self._chain(self._not, "and")

    def _chain(self, operand: object, *operators: str) -> Expression:
        """Operands of one rank, from left to right."""
        value = operand()  # type: ignore[operator]
        for _ in range(MAX_CHAIN):
            at = self.at
            operator = self.takes(*operators)
            if not operator:
                return value
            value = Binary(operator, value, operand(), at)  # type: ignore[operator]
        raise Mistaken(f"more than {MAX_CHAIN} operators in a row: write it simpler", self.at)

    def _not(self) -> Expression:
        at = self.at
        if not self.takes("not"):
            return self._comparison()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Mistaken("too many nots", at)
        value = Unary("not", self._not(), at)
        self._depth -= 1
        return value

    def _comparison(self) -> Expression:
        value, at = self._sum(), self.at
        if operator := self.takes(*_COMPARISONS):
            return Binary(operator, value, self._sum(), at)
        if self.takes("in"):
            return Binary("in", value, self._sum(), at)
        if self.takes("not"):
            self.expect("in")
            return Binary("not in", value, self._sum(), at)
        return self._test(value, at) if self.takes("is") else value

    def _test(self, value: Expression, at: int) -> Expression:
        is_negated = bool(self.takes("not"))
        name = self.name("the name of a test should stand here")
        if name not in TESTS:
            raise Mistaken(f"there is no test {name!r}. Known: {', '.join(TESTS)}", at)
        return Tested(value, name, self._arguments("test", name, TESTS[name], at), is_negated, at)

    def _sum(self) -> Expression:
        return self._chain(self._product, "+", "-", "~")

    def _product(self) -> Expression:
        return self._chain(self._signed, "/", "//", "%")

    def _signed(self) -> Expression:
        at = self.at
        if self.takes("-"):
            return Unary("-", self._filtered(), at)
        return self._filtered()

    def _filtered(self) -> Expression:
        value = self._value()
        for _ in range(MAX_CHAIN):
            if not self.takes("|"):
                return value
            at = self.at
            name = self.name("the name of a filter should stand here")
            if name not in FILTERS:
                cure = ": a value is always escaped" if name == "safe" else f". Known: {', '.join(FILTERS)}"
                raise Mistaken(f"there is no filter {name!r}{cure}", at)
            value = Filtered(value, name, self._arguments("filter", name, FILTERS[name], at), at)
        raise Mistaken(f"more than {MAX_CHAIN} filters in a row: use fewer", self.at)

    def _arguments(self, kind: str, name: str, arity: Arity, at: int) -> tuple[Expression, ...]:
        given = self._list(")") if self.takes("(") else ()
        if not arity.least <= len(given) <= arity.most:
            wanted = f"{arity.least}" if arity.least == arity.most else f"{arity.least} to {arity.most}"
            raise Mistaken(f"the {kind} {name!r} takes {wanted} arguments, not {len(given)}", at)
        return given

    def _list(self, closing: str) -> tuple[Expression, ...]:
        items: list[Expression] = []
        while not self.takes(closing):
            if items:
                self.expect(",")
                if self.takes(closing):
                    break
            items.append(self.expression())
        return tuple(items)

    def _value(self) -> Expression:
        word = self._words[self._position]
        self._position += 1
        if word.kind == "string":
            return Literal(_unquoted(word), word.at)
        if word.kind == "number":
            return Literal(_number(word), word.at)
        if word.kind == "name" and word.text not in _WORDS:
            return Literal(_CONSTANTS[word.text], word.at) if word.text in _CONSTANTS else self._path(word)
        if word.text == "(":
            value = self.expression()
            self.expect(")")
            return self._steps_refused(value)
        if word.text == "[":
            return Items(self._list("]"), word.at)
        self._position -= 1
        raise self._unexpected("a value should stand here")

    def _path(self, word: Word) -> Expression:
        _check_name(word.text, word.at)
        steps: list[str | int] = []
        for _ in range(MAX_CHAIN):
            if self.takes("."):
                steps.append(self._step())
            elif self.takes("["):
                if (found := self._index()) is None:
                    return self._slice(Path(word.text, tuple(steps), word.at))
                steps.append(found)
            else:
                return self._steps_refused(Path(word.text, tuple(steps), word.at))
        raise Mistaken("too many names in one another", word.at)

    def _step(self) -> str | int:
        word = self._words[self._position]
        if word.kind == "number" and word.text.isdigit():
            self._position += 1
            return int(word.text[:6])
        name = self.name("a name should stand behind the dot")
        _check_name(name, word.at)
        return name

    def _index(self) -> str | int | None:
        """What stands in brackets; None for a slice, which is read up to its colon at most."""
        word = self._words[self._position]
        following = self._words[self._position + 1] if word.kind != "end" else word
        if word.text == ":" or following.text == ":":
            return None
        self._position += 1
        if word.kind == "string":
            name = _unquoted(word)
            _check_name(name, word.at)
        elif word.kind != "number" or not word.text.isdigit():
            raise Mistaken("in brackets stands a name in quotes, or a position", word.at)
        self.expect("]")
        return name if word.kind == "string" else int(word.text[:6])

    def _slice(self, of: Path) -> Slice:
        start = self._bound()
        self.expect(":")
        stop = self._bound()
        self.expect("]")
        return Slice(of, start, stop, of.at)

    def _bound(self) -> int | None:
        word = self._words[self._position]
        if word.kind != "number" or not word.text.isdigit():
            return None
        self._position += 1
        return int(word.text[:6])

    def _steps_refused(self, value: Expression) -> Expression:
        """Values have no methods: what looks like a call is refused in words of its own."""
        if self._words[self._position].text == "(":
            raise Mistaken("a template cannot call anything: use a filter", self.at)
        return value

    def _unexpected(self, wanted: str) -> Mistaken:
        word = self._words[min(self._position, len(self._words) - 1)]
        if word.text in _CURES:
            return Mistaken(_CURES[word.text], word.at)
        return Mistaken(f"{wanted}, not {word.text[:30]!r}", word.at)


def _check_name(name: str, at: int) -> None:
    if name.startswith("_") or len(name) > 100:
        raise Mistaken(f"{name[:40]!r} cannot be read: names do not begin with _", at)


def _unquoted(word: Word) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), word.text[1:-1], flags=re.DOTALL)


def _number(word: Word) -> int | float:
    if len(word.text) > _LONGEST_NUMBER:
        raise Mistaken(f"a number of more than {_LONGEST_NUMBER} digits", word.at)
    return float(word.text) if "." in word.text else int(word.text)
