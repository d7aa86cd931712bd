"""States as coloured labels, the same on every screen; console.css knows the colours."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString


def badge(state: str) -> SafeString:
    return format_html('<span class="c-badge c-state-{}">{}</span>', state, state.replace("_", " "))
