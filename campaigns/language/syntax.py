"""What a template consists of. `at` is an offset into its source."""

from __future__ import annotations

from dataclasses import dataclass


class Mistaken(ValueError):
    """A source that cannot be read, and where."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.message = message
        self.at = at


# -- expressions -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int | float | bool | None
    at: int


@dataclass(frozen=True, slots=True)
class Items:
    """A list written out."""

    items: tuple[Expression, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Path:
    """A variable: its name, then names and positions below it."""

    root: str
    steps: tuple[str | int, ...]
    at: int

    @property
    def dotted(self) -> str:
        return ".".join([self.root, *map(str, self.steps)])


@dataclass(frozen=True, slots=True)
class Slice:
    of: Expression
    start: int | None
    stop: int | None
    at: int


@dataclass(frozen=True, slots=True)
class Filtered:
    of: Expression
    name: str
    arguments: tuple[Expression, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Tested:
    of: Expression
    name: str
    arguments: tuple[Expression, ...]
    is_negated: bool
    at: int


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str
    of: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Expression
    right: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Choice:
    """`a if condition else b`"""

    condition: Expression
    then: Expression
    otherwise: Expression
    at: int


Expression = Literal | Items | Path | Slice | Filtered | Tested | Unary | Binary | Choice


# -- statements --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Text:
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Print:
    value: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Branch:
    """`condition` is None in the last one, when it is an `else`."""

    condition: Expression | None
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class If:
    branches: tuple[Branch, ...]
    at: int


@dataclass(frozen=True, slots=True)
class For:
    names: tuple[str, ...]
    over: Expression
    only: Expression | None
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Set:
    name: str
    value: Expression
    at: int


Node = Text | Print | If | For | Set
Body = tuple[Node, ...]


def parts(expression: Expression) -> tuple[Expression, ...]:
    """What an expression is made of, one level down."""
    match expression:
        case Items():
            return expression.items
        case Filtered() | Tested():
            return (expression.of, *expression.arguments)
        case Slice() | Unary():
            return (expression.of,)
        case Binary():
            return (expression.left, expression.right)
        case Choice():
            return (expression.condition, expression.then, expression.otherwise)
    return ()


def paths(expression: Expression) -> list[Path]:
    """Every variable in an expression, in order."""
    if isinstance(expression, Path):
        return [expression]
    return [path for part in parts(expression) for path in paths(part)]
