"""YAML as plain data: text, numbers, true, false, lists and mappings, and none of its surprises. Pure.

Read     `yes`, `on`, `09:00`, `2026-12-01` and `0123` are text; aliases, tags, repeated fields, several documents and
         numbers that are not finite are refused, with their line
Written  block style, fields in the order given, unicode as it is; what another reader would take for something else
         than text is quoted
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import yaml

MAX_LEVELS = 100
MAX_PATH = 500  # characters
_WORDS = {"": None, "~": None, "true": True, "false": False}
_WORDS |= dict.fromkeys(("null", "Null", "NULL"))
_WORDS |= {form: form.lower() == "true" for form in ("True", "TRUE", "False", "FALSE")}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,18})\Z")
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[-+]\d\d:\d\d)?\Z", re.ASCII)
_CLOCK = re.compile(r"\d\d:\d\d\Z", re.ASCII)
_BREAKS = re.compile("[\r\x85\u2028\u2029\ufeff]")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BadYaml(ValueError):
    """The text cannot be read. `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass
class Read:
    """What a text says, and the line of every field by its path, such as `steps.0.template`."""

    data: Any = None
    lines: dict[str, int] = field(default_factory=dict)


def read(text: str) -> Read:
    """The one document of `text`. Raises BadYaml."""
    try:
        return _Reader(text).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadYaml(_words(error), mark.line + 1 if mark else 1) from None
    except yaml.YAMLError as error:
        raise BadYaml(f"this is no YAML: {getattr(error, 'reason', None) or error}", 1) from None


def written(document: dict[str, Any]) -> str:
    """The document as YAML, always the same bytes for the same data in the same order."""
    return yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=1_000_000_000
    )


class _Reader:
    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._read = Read()

    def document(self) -> Read:
        next(self._events)  # the stream begins
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise BadYaml("the file is empty", 1)
        self._read.data = self._value(next(self._events), "", 0)
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise BadYaml("a file holds one document: remove the second `---`", _line(after))
        return self._read

    def _value(self, event: Any, path: str, level: int) -> Any:
        self._read.lines[path] = _line(event)
        _check_plain(event, level)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path, level)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, level)
        return _scalar(event)

    def _mapping(self, path: str, level: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            name = _name(event)
            if name in found:
                raise BadYaml(f"{name!r} is there twice, first in line {lines[name]}: keep one", _line(event))
            lines[name] = _line(event)
            inner = _path(path, name)
            found[name] = self._value(next(self._events), inner, level + 1)
            self._read.lines[inner] = lines[name]
        return found

    def _sequence(self, path: str, level: int) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._value(event, _path(path, str(len(found))), level + 1))
        return found


def _check_plain(event: Any, level: int) -> None:
    if event.anchor is not None:
        raise BadYaml(f"anchors and aliases ({event.anchor}) are not read: write the value out", _line(event))
    if event.tag is not None:
        raise BadYaml(f"tags such as {event.tag!r} are not read: write plain values", _line(event))
    if level > MAX_LEVELS:
        raise BadYaml(f"nested deeper than {MAX_LEVELS} levels", _line(event))


def _name(event: Any) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        if getattr(event, "anchor", None) is not None:
            _check_plain(event, 0)
        raise BadYaml("the name of a field is text, not a list or a mapping", _line(event))
    _check_plain(event, 0)
    name = _scalar(event)
    if not isinstance(name, str):
        raise BadYaml(f"the name of a field is text: put {event.value or 'it'!r} in quotes", _line(event))
    return name


def _scalar(event: Any) -> Any:
    if not event.implicit[0]:
        return _text(event)
    value = event.value
    if value in _WORDS:
        return _WORDS[value]
    if _INTEGER.match(value):
        return int(value)
    if _NUMBER.match(value):
        return _number(event)
    if _NOT_FINITE.match(value):
        raise BadYaml(f"numbers are finite: put {value!r} in quotes if text is meant", _line(event))
    return _text(event)


def _number(event: Any) -> float:
    number = float(event.value)
    if not math.isfinite(number) or not re.search(r"[.eE]", event.value):
        raise BadYaml("a number is too large: put it in quotes if text is meant", _line(event))
    return number


def _text(event: Any) -> str:
    value: str = event.value
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise BadYaml("text contains a NUL or half of a character: remove it", _line(event))
    return value


def _path(outer: str, name: str) -> str:
    """Only as long as somebody may want to read it: hostile names would fill the memory."""
    return f"{outer}.{name}".lstrip(".")[:MAX_PATH]


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _words(error: yaml.MarkedYAMLError) -> str:
    message = " ".join(filter(None, [error.problem, error.context]))
    if "cannot start any token" in message:
        message += ": indent with spaces, not tabs, and put text that begins with a special character in quotes"
    return f"this is no YAML: {message}"


def _is_instant(text: str) -> bool:
    if not _INSTANT.match(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


class _Dumper(yaml.SafeDumper):
    """Lists are indented under their field, text of several lines is a block, and nothing is an alias."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def text(self, value: str) -> yaml.ScalarNode:
        if _is_instant(value):  # unquoted as people write it; every reader takes it for that same instant
            return self.represent_scalar("tag:yaml.org,2002:timestamp", value)
        if _CLOCK.match(value):  # some readers take 20:00 for 1200
            return self.represent_scalar("tag:yaml.org,2002:str", value, style="'")
        if _BREAKS.search(value):  # only in double quotes are these kept
            return self.represent_scalar("tag:yaml.org,2002:str", value, style='"')
        return self.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _Dumper.text)
# What this reader takes for a number and YAML 1.1 takes for text: the writer must quote it as well.
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+0123456789"))
