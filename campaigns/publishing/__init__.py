"""Sources as their authors write them into what is sent. Pure."""

from __future__ import annotations

from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

from campaigns.config.gate import Problem

_TEXT = ParserConfig(css=CSS_PROFILES["strict"], display_links=True)


def html(source: str, source_format: str) -> tuple[str, list[Problem]]:
    """The HTML that a source makes, the language's tags untouched, and what is wrong with the source."""
    if source_format != "html":
        return "", [Problem("source_format", f"{source_format} cannot be read yet: write HTML", "not_active")]
    return source, []


def text(html: str) -> str:
    """The text part of an HTML body, links written out; template tags pass through untouched."""
    return get_text(html, _TEXT).strip() + "\n"
