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
_LONGEST_ESCAPE = 6  # bytes that JSON may take for one ASCII character
_PLAIN_NUMBER = 10**18
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
    is_plain = True
    for key, value in document.items():
        if not (type(key) is str and len(key) <= LONGEST_KEY and key.isidentifier() and key.isascii()):
            _check_key(key)
            is_plain = False
        if isinstance(value, dict | list) and not _is_shallow(value, DEEPEST):
            raise Invalid(f"is nested deeper than {DEEPEST} levels: flatten it", path=key)
    if not (is_plain and _is_small(document)):
        _check_text(_encoded(document))
    return document


def _is_small(document: dict[str, Any]) -> bool:
    """Whether plain values are so short that, however escaped, nothing needs to be checked by encoding them."""
    weight = 0
    for value in document.values():
        kind = type(value)
        if kind is str:
            if not value.isascii() or "\0" in value:
                return False
            weight += len(value)
        elif kind is int:
            if not -_PLAIN_NUMBER < value < _PLAIN_NUMBER:
                return False
        elif kind is not bool and value is not None:
            return False
    return _LONGEST_ESCAPE * weight + len(document) * (LONGEST_KEY + 30) < MOST_BYTES


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
