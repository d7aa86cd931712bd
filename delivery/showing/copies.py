"""The copies of a message that a preview shows: nothing in them runs, and only pictures are fetched. Pure.

A frame without rights shows them; the policy at their very beginning is the second wall, before anything that a
template or a customer says.
"""

from __future__ import annotations

import re

POLICY = "default-src 'none'; img-src https: data:; style-src 'unsafe-inline'"
_DOCTYPE = re.compile(r"\s*<!doctype[^<>]*>", re.IGNORECASE)
_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_ALWAYS, _NEVER = "(min-width: 0)", "(max-width: 0)"
# What mail programs do to a message without dark colours of its own: they turn its brightness round.
_TURNED = (
    ":root{color-scheme:light!important;background:#fff;filter:invert(.92) hue-rotate(180deg)}"
    "img,picture,video,[background]{filter:invert(1) hue-rotate(180deg)}"
)
_OUTLINES = (
    "[data-says]{outline:2px dashed #7c3aed!important;outline-offset:1px}"
    "[data-says-label]::before{content:attr(data-says-label);position:absolute;z-index:9;transform:translateY(-100%);"
    "padding:0 6px;border-radius:3px;background:#7c3aed;color:#fff;white-space:nowrap;"
    "font:600 11px/1.6 system-ui,sans-serif;letter-spacing:0;text-transform:none}"
)

# Under a badge that says its share, a link is the warmer the more of all clicks it got (delivery.showing.heat).
_WARM = (
    "[data-heat]{position:relative;outline:3px solid rgba(234,88,12,.25)!important;outline-offset:1px}"
    "[data-heat]::after{content:attr(data-heat);position:absolute;top:-10px;right:-6px;z-index:9;padding:1px 7px;"
    "border-radius:999px;background:#fff;color:#7c2d12;border:1px solid #ea580c;white-space:nowrap;"
    "font:600 11px/1.5 system-ui,sans-serif;letter-spacing:0;text-transform:none;text-decoration:none}"
    '[data-warmth="0"]{outline-color:rgba(100,116,139,.35)!important}'
    '[data-warmth="0"]::after{border-color:#64748b;color:#334155}'
    '[data-warmth="2"]{outline-color:rgba(234,88,12,.6)!important}[data-warmth="2"]::after{background:#fed7aa}'
    '[data-warmth="3"]{outline-color:#c2410c!important}[data-warmth="3"]::after{background:#c2410c;color:#fff}'
)


def light(html: str) -> str:
    """As a mail program with a light background shows it, whatever the colours of who looks."""
    return _copy(_in_scheme(html, "light"), ":root{color-scheme:light!important}")


def dark(html: str) -> str:
    """As one with a dark background shows it: in the message's own dark colours, or with its brightness turned."""
    if not has_dark(html):
        return _copy(_in_scheme(html, "light"), _TURNED)
    return _copy(_in_scheme(html, "dark"), ":root{color-scheme:dark!important}")


def outlined(html: str) -> str:
    """Of a message with marks (delivery.showing.marking): each with an outline and its label."""
    return _copy(_in_scheme(html, "light"), ":root{color-scheme:light!important}" + _OUTLINES)


def warm(html: str) -> str:
    """Of a message whose links say how often they were followed (delivery.showing.heat)."""
    return _copy(_in_scheme(html, "light"), ":root{color-scheme:light!important}" + _WARM)


def has_dark(html: str) -> bool:
    """Whether it says how it looks on a dark background."""
    return any(match[1].lower() == "dark" for match in _SCHEME.finditer(html))


def _copy(html: str, style: str) -> str:
    first = _DOCTYPE.match(html)
    at = first.end() if first else 0
    ours = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{style}</style>'
    return html[:at] + ours + html[at:]


def _in_scheme(html: str, scheme: str) -> str:
    return _SCHEME.sub(lambda match: _ALWAYS if match[1].lower() == scheme else _NEVER, html)
