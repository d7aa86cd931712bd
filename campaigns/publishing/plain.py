"""The text part of a message, made from its HTML."""

from __future__ import annotations

from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

_TEXT = ParserConfig(css=CSS_PROFILES["strict"], display_links=True)


def text(html: str) -> str:
    """The text part of an HTML body, links written out; template tags pass through untouched."""
    return get_text(html, _TEXT).strip() + "\n"
