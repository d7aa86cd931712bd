"""Template and person into subject, HTML and text. Pure: plain values in, strings out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from threading import Lock
from typing import Any

import minijinja

from campaigns import language

MAX_OUTPUT = 1024 * 1024  # characters per part
# What a subject must not hold: it could end the header, or turn round what stands beside it in an inbox.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
_NO_FUEL = "engine ran out of fuel"
_TROUBLE = (minijinja.TemplateError, ValueError, TypeError, OverflowError, MemoryError)


class RenderError(ValueError):
    """This person's message cannot be rendered; the reason is for a marketer to read."""


class Unreadable(RenderError):
    """Nobody's message can be: the content is not in the language, having been published under other rules."""


@dataclass(frozen=True)
class Content:
    """The three sources of an e-mail."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    html: str
    text: str


class Parts:
    """Compiled sources, by name: compiling happens once, interpolation per message. Raises Unreadable."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._names = tuple(sources)
        self._lock = Lock()  # threads share the budget
        try:
            self._quick, self._quick_budget, self._plain = language.quick(sources)
            self._patterns = language.patterns(sources)
        except (language.Mistaken, minijinja.TemplateError, RecursionError) as error:
            raise Unreadable(_what_is_unreadable(sources) or str(error)) from None

    def render(self, context: Mapping[str, Any]) -> list[str]:
        """Each part, in order. `context` is plain dicts, lists, strings and numbers; an absent value is an error unless
        the template defaults it.

        Raises RenderError.
        """
        with self._lock:
            rendered = self._by_pattern(context) or self._quickly(context) or self._thoroughly(context)
        if max(map(len, rendered), default=0) > MAX_OUTPUT:
            raise RenderError(f"larger than {MAX_OUTPUT // 1024} KB once rendered")
        return rendered

    def _by_pattern(self, context: Mapping[str, Any]) -> list[str] | None:
        """As most e-mails can be made; None where one of them takes the template machine."""
        rendered = []
        for pattern in self._patterns:
            made = pattern.fill(context) if pattern else None
            if made is None:
                return None
            rendered.append(made)
        return rendered

    def _quickly(self, context: Mapping[str, Any]) -> list[str] | None:
        """As nearly everybody's message can be; None where it takes a closer look. Raises RenderError."""
        if not self._plain.lets(context):
            return None
        try:
            return self._made(self._quick, self._quick_budget, context)
        except language.Exceeded as much:
            raise RenderError(str(much)) from None
        except _TROUBLE:
            return None

    def _thoroughly(self, context: Mapping[str, Any]) -> list[str]:
        try:
            return self._made(*self._thorough, context)
        except language.MissingValue:
            raise RenderError(self._what_is_missing(context) or "no value for a variable without a default") from None
        except language.Unfit as unfit:
            raise RenderError(str(unfit)) from None
        except _TROUBLE as error:
            said = str(error).splitlines() or [type(error).__name__]
            if said[0].startswith(_NO_FUEL):
                raise RenderError("it takes too many steps: write fewer loops in one another") from None
            raise RenderError(self._what_is_missing(context) or said[0]) from None

    def _made(self, made: minijinja.Environment, budget: language.Budget, context: Mapping[str, Any]) -> list[str]:
        parts = []
        for name in self._names:
            budget.left = language.MAX_HANDLED
            parts.append(made.render_template(name, **context))
        return parts

    @cached_property
    def _thorough(self) -> tuple[minijinja.Environment, language.Budget]:
        return language.compiled(self._sources)

    def _what_is_missing(self, context: Mapping[str, Any]) -> str:
        return language.missing(self._sources, context)


class Renderer:
    """A compiled e-mail. Raises Unreadable."""

    def __init__(self, content: Content) -> None:
        self._parts = Parts({"subject": content.subject, "html": content.html, "text": content.text})

    def render(self, context: Mapping[str, Any]) -> Rendered:
        """As Parts does. Raises RenderError."""
        subject, html, text = self._parts.render(context)
        return Rendered(one_line(subject), html, text)


@lru_cache(maxsize=256)
def renderer(content: Content) -> Renderer:
    """The compiled form of a content, kept per process. Raises Unreadable."""
    return Renderer(content)


def _what_is_unreadable(sources: Mapping[str, str]) -> str:
    """The first part that is not in the language, and where."""
    for name, source in sources.items():
        for mistake in language.mistakes(source, is_html=name == "html"):
            return f"the {name} cannot be read any more: {mistake}"
    return ""


def one_line(subject: str) -> str:
    """Without what could end a header, or turn round what stands beside it."""
    if not subject.isprintable():
        subject = _UNSEEN.sub(" ", subject)
    return " ".join(subject.split())
