"""From what a marketer writes to what is mailed: MJML compiled, CSS inlined, a text part, links and images. Pure.

Template tags come through all of it exactly as they were written.
"""

from __future__ import annotations

from functools import lru_cache

import css_inline

from campaigns import language
from campaigns.config.gate import Problem
from campaigns.publishing import inlining, mjml
from campaigns.publishing.images import Image, images
from campaigns.publishing.links import Link, links
from campaigns.publishing.plain import text
from campaigns.publishing.preheader import PREHEADER, with_preheader
from campaigns.publishing.tags import Tagged
from campaigns.publishing.wiring import Wires, is_off, wired

__all__ = [
    "MAX_COMPILED",
    "PREHEADER",
    "Image",
    "Link",
    "Wires",
    "html",
    "images",
    "is_off",
    "links",
    "text",
    "traced",
    "wired",
    "with_preheader",
]

MAX_COMPILED = 1024 * 1024  # characters


def html(source: str, source_format: str) -> tuple[str, list[Problem]]:
    """The HTML of a source in `html` or `mjml`, and what keeps it from being used, with line, column and cure.

    HTML without style elements is given back as it is. With problems, what is given back is empty.
    """
    made, problems = _html(source, source_format)
    return made, list(problems)


@lru_cache(maxsize=64)  # a form, its preview and publishing ask for the same
def _html(source: str, source_format: str) -> tuple[str, tuple[Problem, ...]]:
    if source_format == "html" and source.lstrip()[:5] == "<mjml":
        return "", (Problem("html", "this is MJML: say that it is written in MJML", "format"),)
    made = source
    try:
        if source_format == "mjml":
            made = mjml.compiled(Tagged(source))
        made = made if len(made) > MAX_COMPILED else inlining.inline(made)
    except language.Mistaken as mistaken:
        return "", (_problem(source, mistaken.at, mistaken.message),)
    except mjml.Unreadable as unreadable:
        return "", tuple(_problem(source, at, message) for at, message in unreadable.mistakes)
    except inlining.TooMuch as refused:
        found = _problem(source, refused.at, refused.message) if made == source else Problem("html", refused.message)
        return "", (found,)
    except css_inline.InlineError as error:
        return "", (Problem("html", f"the CSS cannot be read: {error}: correct it", "css"),)
    made = mjml.marks_removed(made) if source_format == "mjml" else made
    if len(made) > MAX_COMPILED and made != source:
        return "", (Problem("html", f"it comes to more than {MAX_COMPILED // 1024} KB: write less", "too_large"),)
    return made, ()


def traced(mistake: language.Mistake, made: str, source: str) -> language.Mistake:
    """A mistake found in the HTML that a source has become, with its place in the source."""
    if made == source or mistake.line is None or mistake.column is None:
        return mistake
    lines = made.split("\n")
    at = sum(len(line) + 1 for line in lines[: mistake.line - 1]) + mistake.column - 1
    tag = next((made[start:end] for start, end in language.spans(made) if start <= at < end), None)
    place = source.find(tag) if tag else -1
    if place < 0:
        return language.Mistake(mistake.message)
    return language.Mistake(mistake.message, *language.place(source, place))


def _problem(source: str, at: int, message: str) -> Problem:
    line, column = language.place(source, at)
    return Problem("html", f"line {line}, column {column}: {message}", "template")
