"""People who do not exist, to see a message with: one of whom everything is known, and one of whom hardly anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import minijinja

from campaigns import language
from campaigns.config.gate import content_hash

_BARE = {"external_id": "sample", "email": "ana.sample@example.test"}
_FULL = _BARE | {
    "phone": "+442071838750", "first_name": "Ana", "last_name": "Sample", "city": "Leeds", "country": "GB",
    "timezone": "Europe/London", "locale": "en-GB",
}  # fmt: skip
_ATTRIBUTE = "customer.attributes."
_VALUES: tuple[Any, ...] = ("1", "2026-01-01", [])  # what an attribute may have to be: a number or words, a day, a list
_TROUBLE = (language.Mistaken, minijinja.TemplateError, ValueError, TypeError, OverflowError, RecursionError)


def rendered(sources: Mapping[str, str], shared: Mapping[str, Any]) -> list[dict[str, str]]:
    """The parts as made-up people would get them, each result once; of whom it cannot be rendered for, nothing.

    `sources` are by part, the HTML marked.
    """
    try:
        made, budget = language.compiled(sources)
    except _TROUBLE:
        return []
    shown = (_parts(made, budget, sources, {**shared, "customer": customer}) for customer in _people(sources))
    found = {content_hash(each): each for each in shown if each is not None}
    return list(found.values())


def _people(sources: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    named = {name for source in sources.values() for name in _named(source) if name.startswith(_ATTRIBUTE)}
    for value in _VALUES[: len(_VALUES) if named else 1]:
        attributes: dict[str, Any] = {}
        for name in sorted(named):
            _put(attributes, name.removeprefix(_ATTRIBUTE).split("."), value)
        yield {**_FULL, "attributes": attributes}
    yield {**_BARE, "attributes": {}}


def _named(source: str) -> set[str]:
    try:
        return language.names(source)
    except (language.Mistaken, RecursionError):
        return set()


def _put(attributes: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        inner = attributes.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        attributes = inner
    attributes.setdefault(path[-1], value)


def _parts(
    made: minijinja.Environment, budget: language.Budget, sources: Mapping[str, str], said: Mapping[str, Any]
) -> dict[str, str] | None:
    """Each part of each person's message may be as long as one that is sent."""
    found = {}
    try:
        for name in sources:
            budget.left = language.MAX_HANDLED
            found[name] = made.render_template(name, **said)
    except _TROUBLE:
        return None
    return found
