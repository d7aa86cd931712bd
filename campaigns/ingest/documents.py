"""The open part of a row: a customer's attributes, an event's properties. Bounded JSON objects. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from campaigns.ingest import fields
from campaigns.ingest.fields import Invalid

MOST_KEYS = 100
MOST_BYTES = 10 * 1024
LONGEST_KEY = 64
DEEPEST = 5

# The separators are those of jsonb's own text form, so that the database measures the same size.
encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def attributes(given: Any) -> dict[str, Any] | None:
    """A flat object: text, numbers, true/false or lists; null removes that attribute. None removes them all."""
    if given is None:
        return None
    for key, value in _object(given).items():
        if isinstance(value, dict):
            raise Invalid("is an object: give text, a number, true, false or a list", path=str(key))
    return properties(given)


def properties(given: Any) -> dict[str, Any]:
    """Any JSON object within the bounds. Raises Invalid."""
    document = {} if given is None else _object(given)
    if len(document) > MOST_KEYS:
        raise Invalid(f"has {len(document)} keys: keep at most {MOST_KEYS}")
    for key, value in document.items():
        _check_key(key)
        if isinstance(value, dict | list) and not _is_shallow(value, DEEPEST):
            raise Invalid(f"is nested deeper than {DEEPEST} levels: flatten it", path=key)
    _check_text(_encoded(document))
    return document


def _object(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Invalid('must be an object such as {"tier": "gold"}')
    return given


def _check_key(key: Any) -> None:
    if not isinstance(key, str) or not key.strip():
        raise Invalid("has an empty name or one that is not text: name every entry")
    if len(key) > LONGEST_KEY:
        raise Invalid(f"is a name longer than {LONGEST_KEY} characters: shorten it", path=key[:LONGEST_KEY])
    if not key.isprintable():
        fields.refuse_controls(key)


def _is_shallow(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return True
    return levels > 0 and all(_is_shallow(each, levels - 1) for each in value)


def _encoded(document: dict[str, Any]) -> str:
    try:
        return encode(document)
    except TypeError:
        raise Invalid("holds a value that JSON does not know: use text, numbers, true, false or lists") from None
    except ValueError:
        raise Invalid("holds a number that is not finite or is enormous: correct it") from None


def _check_text(encoded: str) -> None:
    try:
        size = len(encoded.encode())
    except UnicodeEncodeError:
        raise Invalid("holds bytes that are not UTF-8 text: save or send it as UTF-8") from None
    if size > MOST_BYTES:
        raise Invalid(f"takes {size:,} bytes: keep within {MOST_BYTES:,}")
    if "\\u0000" in encoded and _ESCAPED_NUL.search(encoded):
        raise Invalid("holds a NUL character: remove it")
