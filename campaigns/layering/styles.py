"""The styles a layer below a base may use: how its own place looks, never where it lies or how far it reaches."""

from __future__ import annotations

import re

LONGEST = 2000  # pixels, of any one length
_SIDES = ("", "-top", "-right", "-bottom", "-left")
_LENGTHS = {
    *(f"padding{side}" for side in _SIDES),
    *(f"margin{side}" for side in _SIDES),
    *("width", "max-width", "min-width", "height", "line-height", "font-size", "letter-spacing", "border-radius"),
    *("border-width", "border-spacing", "text-indent"),
}
_WORDS = {
    *("color", "background-color", "background", "border", *(f"border{side}" for side in _SIDES[1:])),
    *("border-color", "border-style", "border-collapse", "font", "font-family", "font-style", "font-weight"),
    *("text-align", "text-decoration", "text-transform", "vertical-align", "white-space", "list-style-type", "display"),
    *("word-break", "overflow-wrap", "direction"),
}
_UPRIGHT = re.compile(r"padding|height|margin|border|font")
_LENGTH = re.compile(r"(?:(?:\d{1,4}(?:\.\d{1,3})?|\.\d{1,3})(?:px|pt|em|rem|%)?|auto|normal|inherit)")
_WORD = re.compile(r"[\w#.,%'\"() -]{1,200}")
_FORBIDDEN = re.compile(
    r"url\s*\(|expression|var\s*\(|calc\s*\(|attr\s*\(|env\s*\(|-\d|\\|/\*|(?<![#\w])\d{5}", re.IGNORECASE
)
_DISPLAYS = {"block", "inline", "inline-block", "table", "table-cell", "table-row", "list-item"}
_IMPORTANT = re.compile(r"\s*!\s*important\s*\Z", re.IGNORECASE)


def judge(style: str) -> tuple[str, list[str]]:
    """What of a style attribute may stand, and what may not, in words."""
    kept, refused = [], []
    for declaration in _IMPORTANT.sub("", style).split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        name, value = name.lower(), _IMPORTANT.sub("", value)
        if not name and not value:
            continue
        if _is_allowed(name, value):
            kept.append(f"{name}:{value}")
        else:
            refused.append(f"{name}: {value}" if value else name)
    return ";".join(kept), refused


def height_of(style: str) -> float:
    """About how many pixels a style adds to the height of a message at most."""
    total = 0.0
    for declaration in style.split(";"):
        name, _, value = declaration.partition(":")
        if _UPRIGHT.search(name):
            for number, unit in re.findall(r"(?<![#\w.])(\d+(?:\.\d+)?|\.\d+)(px|pt|em|rem|%)?", value):
                total += float(number) * {"em": 16, "rem": 16, "%": 6}.get(unit, 1.4)
    return total


def _is_allowed(name: str, value: str) -> bool:
    if _FORBIDDEN.search(value) or not value:
        return False
    if name == "display":
        return value.lower() in _DISPLAYS
    if name in _LENGTHS:
        return len(value) <= 60 and all(_is_length(word) for word in value.split())
    sizes = (_is_length(word) for word in re.findall(r"(?<![\w#.])\d[\w.%]*", value))
    return name in _WORDS and bool(_WORD.fullmatch(value)) and all(sizes)


def _is_length(word: str) -> bool:
    if not _LENGTH.fullmatch(word):
        return False
    number = re.match(r"[\d.]+", word)
    size = float(number[0]) if number else 0.0
    if word.endswith("em"):
        return size <= 20
    return size <= (300 if word.endswith("%") else LONGEST)
