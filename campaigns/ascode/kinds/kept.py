"""Values that read back from the database as they were written. Pure."""

from __future__ import annotations

from typing import Any

from campaigns.config.gate import Invalid, Problem

_EXACT = 2.0**53
_DIGITS = 1e16  # from here on the database keeps a float as a whole number
_LARGEST = 2.0**63


def tidy(value: Any) -> Any:
    """Plain data with each number in the one form it keeps. Raises Invalid for a number too large to be kept.

    Bounds of counts and sums, which are floats to the gate, are whole where they can be: `gte: 2`, not `gte: 2.0`.
    """
    if isinstance(value, dict):
        return {name: _bounds(part) if name in ("count", "sum") else tidy(part) for name, part in value.items()}
    if isinstance(value, list):
        return [tidy(part) for part in value]
    return _kept(value)


def in_order(value: Any) -> Any:
    """The database does not keep the order of names that are free."""
    if isinstance(value, dict):
        return {name: in_order(value[name]) for name in sorted(value)}
    return [in_order(part) for part in value] if isinstance(value, list) else value


def _bounds(value: Any) -> Any:
    if not isinstance(value, dict):
        return tidy(value)
    return {name: int(part) if _is_whole(part) else tidy(part) for name, part in value.items()}


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) < _EXACT


def _kept(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    if abs(value) > _LARGEST:
        raise Invalid([Problem("", f"the number {value:g} is too large", "too_large")])
    return int(value) if abs(value) >= _DIGITS else value + 0.0  # without negative zero
