"""What is wrong with a source that can be read: unknown names, blank fallbacks, values that would grow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

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
    Path,
    Print,
    Set,
    Tested,
    parts,
)
from campaigns.language.vocabulary import LOOP, unknown

MAX_WEIGHT = 100  # values in one value: joined over and over, a text would grow without bound
Found = tuple[str, int]  # what is wrong, and where


@dataclass
class Scope:
    """Names of the template's own, each with how many values may be in it; and what is known to be there."""

    own: dict[str, int] = field(default_factory=dict)
    present: frozenset[str] = frozenset()
    is_loop: bool = False

    def inner(self, *, present: frozenset[str] = frozenset(), is_loop: bool = False) -> Scope:
        return Scope(dict(self.own), self.present | present, self.is_loop or is_loop)


def judge(body: Body, provided: frozenset[str] | None) -> list[Found]:
    """In the order of the source."""
    return sorted(_Judge(provided).body(body, Scope()), key=lambda found: found[1])


class _Judge:
    def __init__(self, provided: frozenset[str] | None) -> None:
        self._provided = provided

    def body(self, body: Body, scope: Scope) -> Iterator[Found]:
        for node in body:
            match node:
                case Print():
                    yield from self._print(node.value, scope)
                case Set():
                    yield from self._names(node.value, scope)
                    weight = _weight(node.value, scope)
                    if weight > MAX_WEIGHT:
                        yield f"{node.name} would grow too large: it is joined from {weight} values", node.at
                    scope.own[node.name] = min(max(weight, scope.own.get(node.name, 0)), MAX_WEIGHT)
                case If():
                    yield from self._if(node, scope)
                case For():
                    yield from self._for(node, scope)

    def _print(self, value: Expression, scope: Scope) -> Iterator[Found]:
        yield from self._names(value, scope)
        yield from _blank_fallbacks(value)
        if (weight := _weight(value, scope)) > MAX_WEIGHT:
            yield f"this would grow too large: it is joined from {weight} values", value.at

    def _if(self, node: If, scope: Scope) -> Iterator[Found]:
        inner: list[Scope] = []
        for branch in node.branches:
            known = frozenset[str]()
            if branch.condition is not None:
                yield from self._names(branch.condition, scope, is_guard=True)
                known = guarded(branch.condition)
            inner.append(scope.inner(present=known))
            yield from self.body(branch.body, inner[-1])
        for each in inner:  # what a branch set may be read behind it
            for name, weight in each.own.items():
                scope.own[name] = max(weight, scope.own.get(name, 0))

    def _for(self, node: For, scope: Scope) -> Iterator[Found]:
        yield from self._names(node.over, scope, is_guard=True)
        inner = scope.inner(is_loop=True)
        inner.own |= dict.fromkeys(node.names, 1)
        if node.only is not None:
            yield from self._names(node.only, inner, is_guard=True)
        yield from self.body(node.body, inner)
        yield from self.body(node.otherwise, scope.inner())

    def _names(self, value: Expression, scope: Scope, *, is_guard: bool = False) -> Iterator[Found]:
        """Variables that do not exist. `is_guard`: it is only asked whether there is something."""
        if isinstance(value, Path):
            message = self._unknown(value, scope)
            if message and not (is_guard and value.root == "content"):
                yield message, value.at
            return
        if isinstance(value, Choice):
            yield from self._names(value.condition, scope, is_guard=True)
            yield from self._names(value.then, scope.inner(present=guarded(value.condition)))
            yield from self._names(value.otherwise, scope)
            return
        guards = isinstance(value, Filtered) and value.name == "default"
        for number, part in enumerate(parts(value)):
            is_inner_guard = is_guard or (guards and number == 0) or isinstance(value, Tested)
            yield from self._names(part, scope, is_guard=is_inner_guard)

    def _unknown(self, path: Path, scope: Scope) -> str | None:
        if path.root in scope.own:
            return None
        if path.root == "loop" and scope.is_loop:
            known = len(path.steps) == 1 and path.steps[0] in LOOP
            return None if known else f"{path.dotted} is unknown: loop has {', '.join(LOOP)}"
        if path.root == "content" and any(
            path.dotted == name or path.dotted.startswith(f"{name}.") for name in scope.present
        ):
            return None
        return unknown(path.dotted, self._provided)


def guarded(condition: Expression) -> frozenset[str]:
    """The variables that have a value where the condition holds."""
    match condition:
        case Path():
            return frozenset([condition.dotted])
        case Binary(operator="and"):
            return guarded(condition.left) | guarded(condition.right)
        case Tested(name="defined", is_negated=False, of=Path() as path):
            return frozenset([path.dotted])
        case Tested(name="startingwith" | "endingwith", is_negated=False, of=Path() as path):
            return frozenset([path.dotted])
        case Binary(operator="==" | ">" | "<" | ">=" | "<=" | "in", left=Path() as path, right=Literal() | Items()):
            return frozenset([path.dotted])
    return frozenset()


def _blank_fallbacks(value: Expression) -> Iterator[Found]:
    if isinstance(value, Filtered) and value.name == "default":
        fallback = value.arguments[0]
        if isinstance(fallback, Literal) and (fallback.value is None or not str(fallback.value).strip()):
            yield "this fallback is blank: say something, or leave the sentence out with {% if ... %}", value.at
    for part in parts(value):
        yield from _blank_fallbacks(part)


def _weight(value: Expression, scope: Scope) -> int:
    match value:
        case Literal():
            return 1 + len(str(value.value)) // 1000
        case Path():
            return scope.own.get(value.root, 1)
        case Choice():
            return max(_weight(value.then, scope), _weight(value.otherwise, scope))
    return sum(_weight(part, scope) for part in parts(value))
