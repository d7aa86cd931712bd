"""The one gate that configuration from any door passes: bounds first, then shape, errors with path and cure."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from campaigns.config.campaign import CampaignConfig
from campaigns.config.rules import MAX_DEPTH, MAX_RULES, RULE, Rule

MAX_BYTES = 256 * 1024
MAX_LEVELS = 4 * MAX_DEPTH
_CAMPAIGN: TypeAdapter[CampaignConfig] = TypeAdapter(CampaignConfig)
_CURES = {
    "missing": "this field is required",
    "extra_forbidden": "this field is unknown here: remove it or check its spelling",
    "union_tag_not_found": "say which kind it is",
}


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field. `field` is its path, for example `steps.0.template`."""

    field: str
    message: str
    code: str = "invalid"


class Invalid(ValueError):
    """The configuration is refused; `problems` says why, field by field."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in problems))


def parse_campaign(data: Any) -> CampaignConfig:
    """Plain data into a frozen configuration. Raises Invalid."""
    found: CampaignConfig = parse(_CAMPAIGN, data)
    return found


def parse_rule(data: Any) -> Rule:
    """Plain data into a rule. Raises Invalid."""
    found: Rule = parse(RULE, data)
    return found


def dump(model: BaseModel) -> dict[str, Any]:
    """Plain JSON data, as small as it was written: defaults are left out."""
    return model.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def dump_written(model: BaseModel) -> dict[str, Any]:
    """Plain JSON data with just what was written, also where that is the default: a layer below may say otherwise."""
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


def content_hash(data: Any) -> str:
    """SHA-256 of the canonical JSON, as hexadecimal."""
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def parse(adapter: TypeAdapter[Any], data: Any) -> Any:
    """Plain data into whatever the adapter reads. Raises Invalid."""
    _check_bounds(data)
    return read(adapter, data)


def read(adapter: TypeAdapter[Any], data: Any) -> Any:
    """The same for data whose size and depth are bounded already. Raises Invalid."""
    try:
        return adapter.validate_python(data)
    except ValidationError as error:
        raise Invalid([_problem(entry) for entry in error.errors(include_url=False)]) from None


def _check_bounds(data: Any) -> None:
    """Depth, size and characters, without recursion: hostile input must not reach a recursive validator."""
    weight, rules, pending = 0, 0, [(data, 0)]
    while pending:
        value, depth = pending.pop()
        if depth > MAX_LEVELS:
            raise Invalid([Problem("", f"nested deeper than {MAX_DEPTH} rules", "too_deep")])
        if isinstance(value, dict):
            rules += any(kind in value for kind in ("attribute", "event", "segment", "all", "any", "not"))
            pending += [(child, depth + 1) for item in value.items() for child in item]
        elif isinstance(value, list | tuple):
            pending += [(child, depth + 1) for child in value]
        else:
            _check_scalar(value)
        weight += 8 + (len(value) if isinstance(value, str) else 0)
        if weight > MAX_BYTES or rules > MAX_RULES:
            raise Invalid([Problem("", f"larger than {MAX_BYTES // 1024} KB or {MAX_RULES} rules", "too_large")])


def _check_scalar(value: Any) -> None:
    if isinstance(value, str) and ("\x00" in value or any("\ud800" <= char <= "\udfff" for char in value)):
        raise Invalid([Problem("", "text contains a NUL or half of a character: remove it", "bad_text")])
    if isinstance(value, float) and not math.isfinite(value):
        raise Invalid([Problem("", "numbers must be finite", "not_finite")])
    if isinstance(value, int | float) and abs(value) >= 2**63:
        raise Invalid([Problem("", "a number is too large", "too_large")])


def _problem(entry: Any) -> Problem:
    path = ".".join(str(part) for part in entry["loc"] if not str(part).startswith(("<", "[")))
    message = _CURES.get(entry["type"]) or entry["msg"].removeprefix("Value error, ")
    return Problem(_without_kind(path, entry), message, entry["type"])


def _without_kind(path: str, entry: Any) -> str:
    """`trigger.schedule.at` is `trigger.at` to its author: pydantic names the chosen kind in the path."""
    parts = path.split(".")
    if len(parts) > 3 and parts[0] == "slots":
        del parts[2]
    if len(parts) > 1 and parts[0] == "trigger" and parts[1] in ("schedule", "recurring", "event", "api"):
        del parts[1]
    return ".".join(parts)
