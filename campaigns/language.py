"""The template language: what may be written, checked before anything is sent. Pure.

minijinja syntax, without methods on values. The vocabulary is DESIGN's: an unknown variable is an error where the
template is saved, with its line; a known one that a person lacks is an error at rendering, for that person only,
unless the template says what to write instead (`| default("there")`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import minijinja

CUSTOMER_FIELDS = (
    "external_id", "email", "phone", "first_name", "last_name", "city", "country", "timezone", "locale"
)  # fmt: skip
VOCABULARY: dict[str, tuple[str, ...]] = {
    "customer": (*CUSTOMER_FIELDS, "attributes"),
    "retailer": ("slug", "name", "timezone"),
    "brand": ("name", "from_name", "website", "logo_url", "colour", "postal_address"),
    "campaign": ("key", "name"),
    "unsubscribe_url": (),
    "preferences_url": (),
}
OPEN_ENDED = ("customer.attributes", "content")  # any name may follow these
FUEL = 200_000  # steps of the template machine per message part: bounds loops


@dataclass(frozen=True)
class Mistake:
    """Something wrong in a template's source. `line` counts from 1."""

    message: str
    line: int | None = None


class MissingValue(ValueError):
    """The person lacks a value that the template needs and gives no default for."""


def environment(**templates: str) -> minijinja.Environment:
    """A bounded environment holding the given templates; those whose name ends in `html` escape what they print."""
    made = minijinja.Environment(
        undefined_behavior="chainable",
        finalizer=_refuse_missing,
        auto_escape_callback=_escapes,
        fuel=FUEL,
        pycompat=False,
        keep_trailing_newline=True,
    )
    for name, source in templates.items():
        made.add_template(name, source)
    return made


def mistakes(source: str, *, content: Iterable[str] | None = None) -> list[Mistake]:
    """Syntax errors and unknown variables, filters and tags of one source; none when it may be used.

    `content` limits `content.*` to the names a variant provides; None leaves it open, as in a template on its own.
    """
    try:
        names = _checker().undeclared_variables_in_str(source, nested=True)
    except minijinja.TemplateError as error:
        return [Mistake((error.detail or error.message).splitlines()[0], error.line)]
    provided = None if content is None else set(content)
    found = [(name, message) for name in sorted(names) if (message := _unknown(name, provided))]
    found += [(match[0], f"there is no filter {match[1]!r}") for match in _filters(source) if not _is_filter(match[1])]
    found += [(match[0], f"a template may not use {match[1]!r}") for match in _FOREIGN.finditer(source)]
    return [Mistake(message, _line_of(source, text)) for text, message in found]


def names(source: str) -> set[str]:
    """Every dotted variable that a source without mistakes uses."""
    return set(_checker().undeclared_variables_in_str(source, nested=True))


def features(source: str) -> set[str]:
    """What a source makes use of that a policy may disallow (campaigns.config.policy.Feature)."""
    found = {feature for word, feature in _FEATURES.items() if re.search(rf"{{%[-+]?\s*{word}\b", source)}
    return found | ({"attributes"} if "customer.attributes" in source else set())


def missing(source: str, context: dict[str, Any]) -> str:
    """Which printed variable of `source` has no value in `context`, for a person to read. Slow: for errors only."""
    for match in _PRINTED.finditer(source):
        if "default" not in match[2] and _lookup(context, match[1]) is None:
            return f"no value for {match[1]}"
    return "no value for a variable that has no default"


def trusted(text: str) -> str:
    """Text of our own making that means the same in HTML and elsewhere, such as our links: printed as it is."""
    return minijinja.safe(text)


_FEATURES = {"if": "conditions", "for": "loops", "set": "assignments"}
_TAG = re.compile(r"{[{%].*?[}%]}", re.DOTALL)
_PRINTED = re.compile(r"{{-?\s*([A-Za-z_][\w.]*)([^}]*)}}")
_FILTER = re.compile(r"\|\s*([A-Za-z_]\w*)")
_FOREIGN = re.compile(r"{%-?\s*(include|import|from|extends|block)\b")


def _filters(source: str) -> Iterator[re.Match[str]]:
    for tag in _TAG.finditer(source):
        yield from _FILTER.finditer(tag[0])


@cache
def _is_filter(name: str) -> bool:
    try:
        _checker().eval_expr(f"1 | {name}")
    except minijinja.TemplateError as error:
        return error.kind != "UnknownFilter"
    return True


def _lookup(context: dict[str, Any], path: str) -> Any:
    value: Any = context
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _refuse_missing(value: Any) -> Any:
    if value is None:
        raise MissingValue("a variable without a value and without a default")
    return value


def _escapes(name: str) -> bool:
    return name.endswith("html")


@cache
def _checker() -> minijinja.Environment:
    return minijinja.Environment(undefined_behavior="chainable", fuel=FUEL, pycompat=False)


def _unknown(name: str, provided: set[str] | None) -> str | None:
    """Why a dotted name is not in the vocabulary; None when it is. Bare prefixes are judged by their own entries."""
    root, _, rest = name.partition(".")
    if root == "content":
        if not rest or provided is None or rest.split(".")[0] in provided:
            return None
        return f"content.{rest} is given by no variant: add it to the variant's content or use | default(...)"
    if root not in VOCABULARY:
        return f"{name} is unknown. Known: {', '.join(sorted([*VOCABULARY, 'content']))}"
    if not rest or name.startswith(tuple(f"{prefix}." for prefix in OPEN_ENDED)) or name in OPEN_ENDED:
        return None
    if rest not in VOCABULARY[root]:
        known = ", ".join(VOCABULARY[root]) or "nothing"
        hint = " (custom fields are customer.attributes.<name>)" if root == "customer" else ""
        return f"{name} is unknown: {root} has {known}{hint}"
    return None


def _line_of(source: str, text: str) -> int | None:
    match = re.search(rf"(?<![\w.]){re.escape(text)}(?!\w)", source)
    return source.count("\n", 0, match.start()) + 1 if match else None
