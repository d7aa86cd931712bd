"""How a campaign goes out, as values of form fields, and back: at once or in waves, ahead of others or not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from campaigns import sentences
from campaigns.config.values import format_duration, parse_duration

ORDINARY, TRANSACTIONAL = "ordinary", "transactional"
LANES = [(ORDINARY, "as promotions do"), (TRANSACTIONAL, "ahead of promotions: it answers something they did")]
OVER = {
    "1h": "an hour", "2h": "2 hours", "4h": "4 hours", "8h": "8 hours", "12h": "12 hours", "1d": "a day",
    "2d": "2 days", "3d": "3 days", "1w": "a week",
}  # fmt: skip
USUAL = "4h"
WAVES = (
    "Blank: everybody at once. In 8 waves, an eighth of the people get it first and the others follow bit by bit: you "
    "see how it does, and can stop it, before everybody has it."
)
LANE = "Only for messages that answer one customer, such as an order's confirmation. Consent and limits hold as ever."


def values(draft: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields show of a draft."""
    release = draft["steps"][0].get("release") or {}
    over = format_duration(parse_duration(release["over"])) if release.get("over") else USUAL
    return {"waves": release.get("waves"), "over": over, "lane": draft.get("lane", ORDINARY)}


def release(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The `release` that fields ask for."""
    return {"waves": given["waves"], "over": given.get("over") or USUAL} if given.get("waves") else None


def lane(given: Mapping[str, Any]) -> str | None:
    """The `lane`; None for the usual one."""
    return TRANSACTIONAL if given.get("lane") == TRANSACTIONAL else None


def over_words(duration: str) -> str:
    return OVER.get(duration) or sentences.duration(parse_duration(duration))
