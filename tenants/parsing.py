"""Request bodies: JSON, strictly; forms where a file comes along. What could not be stored, or would mean two things,
is refused with its place.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from rest_framework.exceptions import APIException, ErrorDetail, ParseError, ValidationError
from rest_framework.parsers import BaseParser, MultiPartParser

MAX_LEVELS = 64
MAX_DIGITS = 100
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


class TooLarge(APIException):
    status_code = 413
    default_detail = f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20} MB: send it in parts."
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """UTF-8, no name twice in an object, no NaN, no NUL, no half characters, at most MAX_LEVELS deep."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise TooLarge
        try:
            text = raw.decode("utf-8-sig")
            data = _DECODER.decode(text)
        except RecursionError:
            raise ParseError(f"The body is nested deeper than {MAX_LEVELS} levels.") from None
        except ValueError as error:
            raise ParseError(f"The body is not JSON: {error}.") from None
        _check(data, has_escapes="\\u" in text)
        return data


class FileParser(MultiPartParser):
    """A form with one file. What stands in its other fields may be JSON: see `json_of`."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The fields by name, each with its text or file."""
        try:
            found = super().parse(stream, media_type, parser_context)
        except RequestDataTooBig:
            raise TooLarge from None
        except SuspiciousOperation as error:
            raise ParseError(f"The form cannot be read: {error}.") from None
        given: dict[str, Any] = {}
        for part in (found.data, found.files):
            for name, values in part.lists():
                if len(values) > 1 or name in given:
                    raise ParseError(f"The field {_ascii(name)} stands there twice.")
                given[name] = values[0]
        _check({name: each for name, each in given.items() if isinstance(each, str)}, has_escapes=True)
        return given


def json_of(text: str) -> Any:
    """What a field of a form says in JSON. Raises ValueError."""
    try:
        found = _DECODER.decode(text)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {MAX_LEVELS} levels") from None
    _check(found, has_escapes=True)
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {_ascii(doubled)} stands twice in one object")
    return made


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has more than {MAX_DIGITS} digits")
    return int(digits)


def _decimal(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {digits[:20]} is too large")
    return number


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
)


def _check(data: Any, *, has_escapes: bool) -> None:
    """Depth, and the characters that only an escape can smuggle in."""
    _check_depth(data)
    if has_escapes:
        _check_text(data)


def _check_depth(data: Any) -> None:
    """Level by level: a call with a thousand rows has thousands of values, and few levels."""
    level = [data] if isinstance(data, dict | list) else []
    for _ in range(MAX_LEVELS):
        if not level:
            return
        level = [
            value
            for node in level
            for value in (node.values() if type(node) is dict else node)
            if type(value) is dict or type(value) is list
        ]
    if level:
        raise ParseError(f"The body is nested deeper than {MAX_LEVELS} levels.")


def _check_text(data: Any) -> None:
    pending: list[tuple[Any, tuple[Any, ...]]] = [({"": data} if isinstance(data, str) else data, ())]
    while pending:
        node, path = pending.pop()
        for name, value in _entries(node):
            if isinstance(value, dict | list):
                pending.append((value, (*path, name)))
            if _is_unstorable(name) or _is_unstorable(value):
                raise ValidationError({_field((*path, name)): [_BAD_TEXT]})


def _entries(node: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()


_BAD_TEXT = ErrorDetail("contains a NUL or half of a surrogate pair, which is no text: remove it", code="bad_text")


def _is_unstorable(value: Any) -> bool:
    return isinstance(value, str) and _UNSTORABLE.search(value) is not None


def _field(path: tuple[Any, ...]) -> str:
    return ".".join(_ascii(name) if _is_unstorable(name) else str(name)[:100] for name in path)


def _ascii(name: str) -> str:
    return ascii(name[:80])
