"""The checks before launch, by name, and how much each may weigh. What they look for stands in campaigns.linting."""

from __future__ import annotations

from typing import Literal

CheckName = Literal[
    "unsubscribe", "postal_address", "broken_links", "insecure_links", "alt_text", "contrast", "clipping",
    "image_weight", "image_width", "image_count", "subject_length", "preheader", "spam_words", "capitals",
    "exclamation_marks", "sms_length", "merge", "banned_words", "disclaimers", "emoji", "tone", "coverage", "left_out",
]  # fmt: skip
Severity = Literal["hint", "warning", "error"]  # an error keeps a campaign from being published
WEIGHT: dict[str, int] = {"hint": 0, "warning": 1, "error": 2}


def heavier(one: Severity, other: Severity) -> Severity:
    return one if WEIGHT[one] >= WEIGHT[other] else other
