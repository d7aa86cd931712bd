"""Template and person into subject, HTML and text. Pure: plain values in, strings out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import minijinja

from campaigns import language

MAX_OUTPUT = 1024 * 1024  # characters per part


class RenderError(ValueError):
    """This person's message cannot be rendered; the reason is for a marketer to read."""


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
    """Compiled content: compiling happens once per content and process, interpolation per message."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._environment = language.environment(subject=content.subject, html=content.html, text=content.text)

    def render(self, context: Mapping[str, Any]) -> Rendered:
        """`context` is plain dicts, strings and numbers; an absent value is an error unless the template defaults it.

        Raises RenderError.
        """
        render = self._environment.render_template
        try:
            subject = " ".join(render("subject", **context).split())
            rendered = Rendered(subject, render("html", **context), render("text", **context))
        except language.MissingValue:
            raise RenderError(self._what_is_missing(context)) from None
        except (minijinja.TemplateError, ValueError, TypeError) as error:
            raise RenderError(str(error).splitlines()[0]) from None
        if max(len(rendered.html), len(rendered.text)) > MAX_OUTPUT:
            raise RenderError(f"larger than {MAX_OUTPUT // 1024} KB once rendered")
        return rendered

    def _what_is_missing(self, context: Mapping[str, Any]) -> str:
        whole = "\n".join([self._content.subject, self._content.html, self._content.text])
        return language.missing(whole, dict(context))


@lru_cache(maxsize=256)
def renderer(content: Content) -> Renderer:
    """The compiled form of a content, kept per process."""
    return Renderer(content)
