"""Template and person into subject, HTML and text. Pure: plain values in, strings out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

import minijinja

from campaigns import language

MAX_OUTPUT = 1024 * 1024  # characters per part
# What a subject must not hold: it could end the header, or turn round what stands beside it in an inbox.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")


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


class Renderer:
    """Compiled content: compiling happens once per content and process, interpolation per message.

    Raises Unreadable.
    """

    def __init__(self, content: Content) -> None:
        self._sources = {"subject": content.subject, "html": content.html, "text": content.text}
        self._lock = Lock()  # threads share the budget
        try:
            self._environment, self._budget = language.compiled(self._sources)
        except (language.Mistaken, minijinja.TemplateError, RecursionError) as error:
            raise Unreadable(_what_is_unreadable(self._sources) or str(error)) from None

    def render(self, context: Mapping[str, Any]) -> Rendered:
        """`context` is plain dicts, lists, strings and numbers; an absent value is an error unless the template
        defaults it.

        Raises RenderError.
        """
        try:
            with self._lock:
                subject = self._part("subject", context)
                rendered = Rendered(_one_line(subject), self._part("html", context), self._part("text", context))
        except language.MissingValue:
            raise RenderError(self._what_is_missing(context) or "no value for a variable without a default") from None
        except language.Unfit as unfit:
            raise RenderError(str(unfit)) from None
        except (minijinja.TemplateError, ValueError, TypeError, OverflowError, MemoryError) as error:
            said = str(error).splitlines() or [type(error).__name__]
            raise RenderError(self._what_is_missing(context) or said[0]) from None
        if max(len(rendered.html), len(rendered.text)) > MAX_OUTPUT:
            raise RenderError(f"larger than {MAX_OUTPUT // 1024} KB once rendered")
        return rendered

    def _part(self, name: str, context: Mapping[str, Any]) -> str:
        self._budget.left = language.MAX_HANDLED
        return self._environment.render_template(name, **context)

    def _what_is_missing(self, context: Mapping[str, Any]) -> str:
        return language.missing(self._sources, context)


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


def _one_line(subject: str) -> str:
    if not subject.isprintable():
        subject = _UNSEEN.sub(" ", subject)
    return " ".join(subject.split())
