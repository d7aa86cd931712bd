"""The styles a layer below a base may use: how its own place looks, never where it lies or how far it reaches."""

from __future__ import annotations

import re
from collections.abc import Iterator

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
_UPRIGHT = re.compile(r"padding|\Aheight|margin|border(?!-radius|-color|-style|-collapse)")
# Pixels, of any one length: what an e-mail needs, and not what would hide the rest of it.
_MOST = (
    (r"font", 72), (r"line-height", 120), (r"padding|margin|text-indent", 200), (r"height", 1200),
    (r"letter-spacing", 20), (r"border-radius", LONGEST), (r"border-spacing", 60), (r"border", 40),
)  # fmt: skip
_ALL_ROUND = ("padding", "margin", "border", "border-width")
_SIZE = re.compile(r"(?<![#\w.])(\d{1,4}(?:\.\d{1,3})?|\.\d{1,3})(px|pt|em|rem|%)?(?![\w.])")
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
    """About how many pixels a style adds to the height of a message at most, its text left out."""
    told = {name: _SIZE.findall(value) for name, value in _declarations(style) if _UPRIGHT.search(name)}
    return sum(
        (2 if len(sizes) == 1 and name in _ALL_ROUND else 1) * _pixels(size, unit)
        for name, sizes in told.items()
        for size, unit in sizes
    )


def font_size(style: str) -> float:
    """The largest text that a style may set, in pixels; 16 where it says nothing."""
    told = (value for name, value in _declarations(style) if name in ("font-size", "font", "line-height"))
    return max((_pixels(size, unit or "em") for value in told for size, unit in _SIZE.findall(value)), default=16.0)


def width_of(style: str) -> float:
    """How narrow a style may make an element, in pixels: of a phone's 390."""
    told = (value for name, value in _declarations(style) if name in ("width", "max-width"))
    return min((_pixels(size, unit) for value in told for size, unit in _SIZE.findall(value)), default=float(LONGEST))


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    for declaration in style.split(";"):
        name, _, value = declaration.partition(":")
        yield name.strip().lower(), value


def _pixels(size: str, unit: str) -> float:
    return float(size) * {"em": 16, "rem": 16, "%": 3.9, "pt": 1.4}.get(unit, 1)


def _is_allowed(name: str, value: str) -> bool:
    if _FORBIDDEN.search(value) or not value:
        return False
    if name == "display":
        return value.lower() in _DISPLAYS
    if name in _LENGTHS:
        return len(value) <= 60 and all(_is_length(word, name) for word in value.split())
    sizes = (_is_length(word, name) for word in re.findall(r"(?<![\w#.])\d[\w.%]*", value))
    return name in _WORDS and bool(_WORD.fullmatch(value)) and all(sizes)


def _is_length(word: str, name: str) -> bool:
    found = _SIZE.fullmatch(word)
    if not found:
        return word in ("auto", "normal", "inherit") or (name == "font-weight" and word.isdecimal())
    most = next((most for pattern, most in _MOST if re.match(pattern, name)), LONGEST)
    if name == "font-weight":
        return True
    if found[2] == "%":
        return float(found[1]) <= (100 if name.endswith("width") else 300)
    unit = found[2] or ("em" if name == "line-height" and float(found[1]) <= 4 else "px")
    return _pixels(found[1], unit) <= most
