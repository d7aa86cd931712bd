"""Colours as style sheets write them, and how well one is told from another (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import re
from colorsys import hls_to_rgb

Colour = tuple[float, float, float, float]  # red, green, blue and opacity, each from 0 to 1
BLACK: Colour = (0.0, 0.0, 0.0, 1.0)
WHITE: Colour = (1.0, 1.0, 1.0, 1.0)
_NAMES = {
    "aqua": "00ffff", "beige": "f5f5dc", "black": "000000", "blue": "0000ff", "brown": "a52a2a", "coral": "ff7f50",
    "crimson": "dc143c", "cyan": "00ffff", "darkblue": "00008b", "darkgray": "a9a9a9", "darkgreen": "006400",
    "darkgrey": "a9a9a9", "darkorange": "ff8c00", "darkred": "8b0000", "dimgray": "696969", "dimgrey": "696969",
    "firebrick": "b22222", "fuchsia": "ff00ff", "gold": "ffd700", "gray": "808080", "green": "008000",
    "grey": "808080", "hotpink": "ff69b4", "indigo": "4b0082", "ivory": "fffff0", "khaki": "f0e68c",
    "lavender": "e6e6fa", "lightblue": "add8e6", "lightgray": "d3d3d3", "lightgrey": "d3d3d3", "lime": "00ff00",
    "magenta": "ff00ff", "maroon": "800000", "midnightblue": "191970", "navy": "000080", "olive": "808000",
    "orange": "ffa500", "orangered": "ff4500", "orchid": "da70d6", "pink": "ffc0cb", "plum": "dda0dd",
    "purple": "800080", "rebeccapurple": "663399", "red": "ff0000", "royalblue": "4169e1", "salmon": "fa8072",
    "seagreen": "2e8b57", "silver": "c0c0c0", "skyblue": "87ceeb", "slategray": "708090", "slategrey": "708090",
    "steelblue": "4682b4", "tan": "d2b48c", "teal": "008080", "tomato": "ff6347", "turquoise": "40e0d0",
    "violet": "ee82ee", "wheat": "f5deb3", "white": "ffffff", "whitesmoke": "f5f5f5", "yellow": "ffff00",
}  # fmt: skip
_HEX = re.compile(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
_FUNCTION = re.compile(r"(rgb|hsl)a?\(([^)]*)\)")


def read(text: str) -> Colour | None:
    """None for what is no colour of its own, such as `inherit`."""
    text = text.strip().lower()
    if text == "transparent":
        return (0.0, 0.0, 0.0, 0.0)
    if text in _NAMES:
        text = f"#{_NAMES[text]}"
    if digits := _HEX.fullmatch(text):
        return _hexadecimal(digits[1])
    if function := _FUNCTION.fullmatch(text):
        return _function(function[1], re.split(r"[\s,/]+", function[2].strip()))
    return None


def over(top: Colour, ground: Colour) -> Colour:
    """What is seen where `top` lies on an opaque ground."""
    red, green, blue = (t * top[3] + g * (1 - top[3]) for t, g in zip(top[:3], ground[:3], strict=True))
    return (red, green, blue, 1.0)


def contrast(one: Colour, other: Colour) -> float:
    """From 1, the same, to 21, black on white."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def written(colour: Colour) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour[:3])


def _hexadecimal(digits: str) -> Colour:
    if len(digits) in (3, 4):
        digits = "".join(digit * 2 for digit in digits)
    red, green, blue, opacity = (int((digits + "ff")[at : at + 2], 16) / 255 for at in (0, 2, 4, 6))
    return (red, green, blue, opacity)


def _function(name: str, parts: list[str]) -> Colour | None:
    try:
        opacity = _number(parts[3], whole=1) if len(parts) > 3 else 1.0
        if name == "rgb":
            red, green, blue = (_number(part, whole=255) for part in parts[:3])
        else:
            hue = float(parts[0].removesuffix("deg")) % 360 / 360
            red, green, blue = hls_to_rgb(hue, _number(parts[2], whole=100), _number(parts[1], whole=100))
    except (ValueError, IndexError):
        return None
    return (red, green, blue, opacity)


def _number(text: str, *, whole: float) -> float:
    share = float(text.removesuffix("%")) / (100 if text.endswith("%") else whole)
    return min(max(share, 0.0), 1.0)


def _luminance(colour: Colour) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
