"""What is counted of messages and added to their links, as texts of form fields, and back. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from campaigns.config.campaign import UtmName

YES, NO = "yes", "no"
AUTOMATIC = "automatic"  # `utm` that says nothing itself: medium and campaign are added all the same
COUNTED = [(YES, "counted"), (NO, "not counted")]
OPENS = "By a picture that nobody sees. Never of those who do not want to be counted."
CLICKS = "By links that lead by way of us."
PAIRS = (
    "For your web analytics, one a line, such as source=newsletter. Medium and campaign are added by themselves; "
    f"“{AUTOMATIC}” adds these alone."
)
HOSTS = "Beside the brand's own website, such as partner.example."
EXAMPLE = "source=newsletter"
_NAMES = get_args(UtmName)


def values(tracking: Mapping[str, Any]) -> dict[str, str]:
    """What fields show of a `tracking`; what it does not say is blank."""
    said = {name: "" if tracking.get(name) is None else YES if tracking[name] else NO for name in ("opens", "clicks")}
    return said | {"utm": _lines(tracking.get("utm")), "utm_domains": ", ".join(tracking.get("utm_domains") or [])}


def compose(given: Mapping[str, Any]) -> dict[str, Any]:
    """A `tracking` of what fields ask for; None for what they do not say. Raises ValueError in words."""
    said: dict[str, Any] = {name: {YES: True, NO: False}.get(given.get(name) or "") for name in ("opens", "clicks")}
    return said | {"utm": pairs(given.get("utm") or ""), "utm_domains": hosts(given.get("utm_domains") or "") or None}


def pairs(text: str) -> dict[str, str] | None:
    """Raises ValueError in words."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines == [AUTOMATIC]:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = (part.strip() for part in line.partition("="))
        name = name.lower().removeprefix("utm_")
        if name not in _NAMES or not value:
            raise ValueError(f"{line[:60]!r}: write a line such as {EXAMPLE}. Names are {', '.join(_NAMES)}.")
        found[name] = value
    return found or None


def hosts(text: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"[^\s,;]+", text.lower())))


def words(utm: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(utm.items())) or AUTOMATIC


def listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _lines(utm: Mapping[str, str] | None) -> str:
    return "" if utm is None else "\n".join(f"{name}={value}" for name, value in sorted(utm.items())) or AUTOMATIC
