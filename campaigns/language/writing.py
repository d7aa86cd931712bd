"""A template's tree as source for minijinja, with the walls built in.

Nothing of the marketer's source reaches minijinja but text and literals: what it compiles is written here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from campaigns.language import markup
from campaigns.language.markup import Spot
from campaigns.language.plain import Plain
from campaigns.language.syntax import (
    Binary,
    Body,
    Choice,
    Expression,
    Filtered,
    For,
    If,
    Items,
    Literal,
    Mistaken,
    Node,
    Path,
    Print,
    Set,
    Slice,
    Tested,
    Text,
    Unary,
    parts,
    paths,
)
from campaigns.language.vocabulary import FILTERS, OUR_LINKS, VOCABULARY

MAX_ITEMS = 1000  # of a list that a loop goes over
_LOCAL = "customer.locale, customer.timezone, retailer.timezone"
_OPENING = re.compile(r"{(?=[{%#]|\Z)|{\Z")
_MUCH = 2048  # characters of text that a loop repeats: from here on each time is counted
_NATIVE = ("first", "items", "last", "length", "reverse", "sort")  # minijinja's own, which count nothing
_COMPARED = ("==", "!=", "<", "<=", ">", ">=", "in", "not in")
_NUMBERS = ("index", "index0", "revindex", "length")


def write(
    body: Body, *, is_html: bool, is_traced: bool = False, plain: Plain | None = None, spot: Spot | None = None
) -> str:
    """`is_traced` writes a variant that tells which value it comes to; `plain` one that checks what it prints itself,
    but for what is known to be plain. `spot` is where in a document it begins, where that is not its beginning.

    Raises Mistaken for a value out of place.
    """
    writer = _Writer(is_html=is_html, is_traced=is_traced, plain=plain)
    writer.spot = spot or writer.spot
    written = writer.body(body)
    return writer.prepared + written


def places(body: Body, *, is_html: bool) -> tuple[dict[int, str], dict[int, Spot]]:
    """What the place of each print in a document asks for, a filter or "", and where in it each node stands; both by
    where in the source that is.

    Raises Mistaken for a value out of place.
    """
    writer = _Writer(is_html=is_html, is_traced=False, plain=None)
    writer.body(body)
    return writer.places, writer.spots


class _Writer:
    def __init__(self, *, is_html: bool, is_traced: bool, plain: Plain | None) -> None:
        self._is_html = is_html
        self._is_traced = is_traced
        self._plain = plain
        self.spot = Spot()
        self._loops = 0
        self._prepared: dict[str, str] = {}
        self.places: dict[int, str] = {}
        self.spots: dict[int, Spot] = {}

    @property
    def prepared(self) -> str:
        """What is the same wherever it is printed, made once per message: it may stand in a loop."""
        return "".join(f"{{% set {name} = {made} %}}" for made, name in self._prepared.items())

    def body(self, body: Body) -> str:
        return "".join([self._node(node) for node in body])

    def _node(self, node: Node) -> str:
        self.spots[node.at] = self.spot
        match node:
            case Text():
                if self._is_html:
                    self.spot = markup.after(self.spot, node.text)
                return _OPENING.sub('{{ "{" }}', node.text)
            case Print():
                return self._trace(node.value) + self._print(node.value, node.at)
            case Set():
                return f"{self._trace(node.value)}{{% set {node.name} = {self._value(node.value)} %}}"
            case If():
                return self._if(node)
            case For():
                return self._for(node)

    def _print(self, value: Expression, at: int) -> str:
        """A choice is written as branches: one that is blank then prints nothing, while a missing value is noticed."""
        if isinstance(value, Choice):
            before = self.spot
            then = self._print(value.then, at)
            ends = [self.spot]
            self.spot = before
            otherwise = self._print(value.otherwise, at)
            self._meet([*ends, self.spot], at)
            return f"{{% if {self._value(value.condition)} %}}{then}{{% else %}}{otherwise}{{% endif %}}"
        if isinstance(value, Literal) and isinstance(value.value, str) and not value.value.strip():
            return value.value
        need = self.places[at] = self._need(value, at) if self._is_html else ""
        if need:
            printed = f"({self._value(value)})|{need if self._plain is None else checking(need)}"
            if isinstance(value, Path) and value.root in VOCABULARY:
                printed = self._prepared.setdefault(printed, f"_made_{len(self._prepared)}")
        else:
            printed = self._value(value) if self._plain is None else self._checked(value, self._plain)
        return f"{{{{ {printed} }}}}"

    def _checked(self, value: Expression, plain: Plain) -> str:
        """What is printed, through the check where it could be something else than a text or number to see."""
        if isinstance(value, Path) and plain.is_sure(value):
            return self._value(value)
        if isinstance(value, Filtered) and value.name not in (*_NATIVE, "escape"):
            return self._filtered(value, written=checking(value.name))
        return f"({self._value(value)})|{checking('')}"

    def _need(self, value: Expression, at: int) -> str:
        is_ours = isinstance(value, Path) and value.root in OUR_LINKS
        try:
            need = markup.need(self.spot, is_ours=is_ours)
        except markup.Misplaced as misplaced:
            raise Mistaken(str(misplaced), at) from None
        self.spot = markup.after_value(self.spot, is_ours=is_ours)
        if need != "_link" and isinstance(value, Filtered) and value.name == "urlencode":
            return ""
        if need != "_link" and isinstance(value, Path) and value.root == "loop":
            return ""
        return need

    def _if(self, node: If) -> str:
        before, written, ends = self.spot, [], []
        for number, branch in enumerate(node.branches):
            self.spot = before
            condition = branch.condition
            keyword = "else" if condition is None else f"{'elif' if number else 'if'} {self._value(condition)}"
            written.append(f"{{% {keyword} %}}{self.body(branch.body)}")
            ends.append(self.spot)
        if node.branches[-1].condition is not None:
            ends.append(before)
        self._meet(ends, node.at)
        first = node.branches[0].condition
        return f"{self._trace(first) if first else ''}{''.join(written)}{{% endif %}}"

    def _for(self, node: For) -> str:
        before = self.spot
        over = f"({self._value(node.over)})"
        over = over if len(node.names) > 1 else f"{over}[:{MAX_ITEMS}]"
        self._loops += 1
        only = f" if {self._value(node.only)}" if node.only is not None else ""
        body = _counting(node.body) + self.body(node.body)
        self._loops -= 1
        ends = [before, self.spot]
        self.spot = before
        otherwise = f"{{% else %}}{self.body(node.otherwise)}" if node.otherwise else ""
        self._meet([*ends, self.spot], node.at)
        names = ", ".join(node.names)
        return f"{self._trace(node.over)}{{% for {names} in {over}{only} %}}{body}{otherwise}{{% endfor %}}"

    def _meet(self, ends: list[Spot], at: int) -> None:
        if not self._is_html:
            return
        together = markup.joined(ends)
        if together is None:
            raise Mistaken("every way through this must end at the same place of the HTML: close what it opens", at)
        self.spot = together

    def _trace(self, value: Expression) -> str:
        """What `missing` reads: the variables about to be used, with their values."""
        if not self._is_traced or not (used := _undefaulted(value)):
            return ""
        named = ", ".join(f"{_string(path.dotted)}, {self._value(path)}" for path in used)
        return f"{{% set _seen = 0|_seen({named}) %}}"

    def _value(self, value: Expression) -> str:
        return _VALUES[type(value)](self, value)

    def _filtered(self, value: Filtered, *, written: str = "") -> str:
        """`written` is the name to write instead of the filter's own."""
        name = written or value.name
        of = self._value(value.of)
        if value.name == "sort":
            of = f"({of}|_spread)"
        elif self._loops and value.name in _NATIVE:
            of = f"({of}|_weighed)"
        if value.name == "escape" and self._is_html:
            return of  # what is printed is escaped anyway
        arguments = [self._value(each) for each in value.arguments]
        if FILTERS[value.name].local:
            arguments = [*(arguments or ["none"]), _LOCAL if value.name == "date" else "customer.locale"]
        return f"({of})|{name}({', '.join(arguments)})" if arguments else f"({of})|{name}"

    def _binary(self, value: Binary) -> str:
        left, right = self._value(value.left), self._value(value.right)
        if value.operator in ("~", "+"):
            left, right = self._present(value.left, left), self._present(value.right, right)
        elif self._loops and value.operator in _COMPARED:  # a loop could compare large values over and over
            left, right = self._weighed(value.left, left), self._weighed(value.right, right)
        return f"({left} {value.operator} {right})"

    def _present(self, value: Expression, written: str) -> str:
        """Joined to another text, a missing value would leave a gap that nobody sees."""
        is_certain = isinstance(value, Literal) or (
            isinstance(value, Path) and value.steps[:1] in {(n,) for n in _NUMBERS}
        )
        return written if is_certain else f"(({written})|_present)"

    def _weighed(self, value: Expression, written: str) -> str:
        is_large = isinstance(value, Slice) or (isinstance(value, Path) and value.root != "loop")
        return f"({written}|_weighed)" if is_large else written

    def _path(self, value: Path) -> str:
        steps = (f".{step}" if isinstance(step, str) and step.isidentifier() and step.isascii() else
                 f"[{_string(step) if isinstance(step, str) else step}]" for step in value.steps)  # fmt: skip
        return value.root + "".join(steps)

    def _slice(self, value: Slice) -> str:
        start, stop = ("" if bound is None else bound for bound in (value.start, value.stop))
        return f"{self._value(value.of)}[{start}:{stop}]"

    def _tested(self, value: Tested) -> str:
        arguments = ", ".join(self._value(each) for each in value.arguments)
        word = "is not" if value.is_negated else "is"
        return f"({self._value(value.of)} {word} {value.name}{f'({arguments})' if arguments else ''})"

    def _choice(self, value: Choice) -> str:
        return f"({self._value(value.then)} if {self._value(value.condition)} else {self._value(value.otherwise)})"

    def _literal(self, value: Literal) -> str:
        if isinstance(value.value, str):
            return _string(value.value)
        return "none" if value.value is None else str(value.value).lower()

    def _items(self, value: Items) -> str:
        return f"[{', '.join(self._value(each) for each in value.items)}]"

    def _unary(self, value: Unary) -> str:
        return f"({value.operator} {self._value(value.of)})"


def _counting(body: Body) -> str:
    """What counts the text that a loop repeats, each time, where it is much."""
    characters = _characters(body)
    return f"{{% set _spent = {characters}|_spent %}}" if characters >= _MUCH else ""


def _characters(body: Body) -> int:
    """Of a loop's text, that of loops within it aside: they count their own."""
    total = 0
    for node in body:
        match node:
            case Text():
                total += len(node.text)
            case If():
                total += max((_characters(branch.body) for branch in node.branches), default=0)
    return total


def checking(name: str) -> str:
    """The name under which a filter also checks what it gives; of "", the check alone."""
    return f"_shown_{name}"


def _undefaulted(value: Expression) -> list[Path]:
    """Variables that must have a value: those under a default need none."""
    if isinstance(value, Filtered) and value.name == "default":
        return _undefaulted(value.arguments[0])
    return [path for path in paths(value) if path not in _defaulted(value)]


def _defaulted(value: Expression) -> list[Path]:
    if isinstance(value, Filtered) and value.name == "default":
        return paths(value.of)
    return [path for part in parts(value) for path in _defaulted(part)]


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


_VALUES: dict[type, Callable[[_Writer, Any], str]] = {
    Literal: _Writer._literal,
    Items: _Writer._items,
    Path: _Writer._path,
    Slice: _Writer._slice,
    Filtered: _Writer._filtered,
    Tested: _Writer._tested,
    Unary: _Writer._unary,
    Binary: _Writer._binary,
    Choice: _Writer._choice,
}
