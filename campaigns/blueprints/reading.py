"""One file into one blueprint, or into what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from campaigns.blueprints import soundness
from campaigns.blueprints.shape import Blueprint, shaped
from campaigns.config.gate import Invalid, Problem

MAX_BYTES = 256 * 1024
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")


def read(file: Path) -> Blueprint:
    """The blueprint that `<key>/<number>.yaml` describes. Raises gate.Invalid."""
    key, number = file.parent.name, file.stem
    if not _KEY.fullmatch(key) or not _NUMBER.fullmatch(number):
        cure = "name it <key>/<number>.yaml, the key in lower-case letters, digits, - and _, the number from 1 to 9999"
        raise Invalid([Problem("", cure, "name")])
    blueprint = shaped(_plain(file), key=key, version=int(number), folder=file.parent)
    if problems := soundness.problems(blueprint):
        raise Invalid(problems)
    return blueprint


def _plain(file: Path) -> Any:
    """Plain data. Raises gate.Invalid."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise Invalid([Problem("", f"larger than {MAX_BYTES // 1024} KB", "too_large")])
        return yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid([Problem("", f"it cannot be read: {error}", "unreadable")]) from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise Invalid([Problem("", f"{line}this is no YAML: {error.problem}", "yaml")]) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Invalid([Problem("", f"this is no YAML: {error}", "yaml")]) from None


class _Loader(yaml.SafeLoader):
    """Text, numbers, true and false, and no surprises: `10:00`, `yes` and `2026-12-01` are text."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        names = [name.value for name, _ in node.value]
        if doubled := next((name for name in names if names.count(name) > 1), None):
            raise yaml.MarkedYAMLError(problem=f"{doubled!r} is said twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


_KEPT = ("tag:yaml.org,2002:null",)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in _KEPT]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("int", r"-?(0|[1-9][0-9]{0,18})", "-0123456789"),
    ("float", r"-?(0|[1-9][0-9]*)\.[0-9]+", "-0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))
