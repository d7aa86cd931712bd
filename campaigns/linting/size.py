"""How long a message is: where Gmail cuts it off, and how many texts a text is."""

from __future__ import annotations

from collections.abc import Iterator

from campaigns.config.check_names import Severity
from campaigns.config.template import CLIPPED
from campaigns.linting.sample import Found, Sample

_NEAR = 0.9
_MANY = 3  # segments


def clipping(sample: Sample) -> Iterator[Found]:
    longest = max((page.bytes for page in sample.pages), default=0)
    told = f"{longest / 1024:.0f} KB"
    cure = "take something out, such as repeated styles or products"
    if longest > CLIPPED:
        yield Found(f"Gmail cuts it off after {CLIPPED // 1024} KB, and it has {told}: the footer goes first", cure)
    elif longest > CLIPPED * _NEAR:
        yield Found(f"it has {told}, and Gmail cuts off after {CLIPPED // 1024}", cure, severity="hint")


def segments(sample: Sample) -> Iterator[Found]:
    """As campaigns counts them; nothing where that is not told."""
    number = sample.segments or 0
    if number > 1:
        severity: Severity | None = None if number > _MANY else "hint"
        message = f"it goes out as {number} texts, and is paid for as {number}"
        yield Found(message, "shorten it; without emoji and other rare characters more fit", "text", severity=severity)
