"""Blueprints: campaign starting points that the platform offers to every retailer, as YAML, in numbered versions.

`<key>/<number>.yaml` in this folder or in one that BLUEPRINTS names. A version never changes once it was deployed:
campaigns are pinned to the one they were made from, and an improvement is a new file beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from campaigns.blueprints import reading
from campaigns.blueprints.shape import Blueprint, SegmentSeed, TemplateSeed
from campaigns.config.gate import Invalid, Problem

__all__ = ["Blueprint", "Fault", "SegmentSeed", "TemplateSeed", "catalogue", "faults", "get", "versions"]

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Fault:
    """Why a file is not offered: the system check tells it at start."""

    file: Path
    problem: Problem


def get(key: str, version: int | None = None) -> Blueprint | None:
    """That version, or the newest; None where there is none."""
    found = _found()[0].get(key, {})
    return found.get(max(found, default=0) if version is None else version)


def versions(key: str) -> list[Blueprint]:
    """All of them, the oldest first."""
    return [blueprint for _, blueprint in sorted(_found()[0].get(key, {}).items())]


def catalogue() -> list[Blueprint]:
    """The newest version of each, by name."""
    newest = [found[max(found)] for found in _found()[0].values()]
    return sorted(newest, key=lambda each: each.name)


def faults() -> list[Fault]:
    """What is wrong in the folders. A file with a fault is left out, and takes no other with it."""
    return _found()[1]


def _found() -> tuple[dict[str, dict[int, Blueprint]], list[Fault]]:
    """By key and version. Looked up anew each time, so that a new file counts at once; only reading it is kept."""
    found: dict[str, dict[int, Blueprint]] = {}
    faults: list[Fault] = []
    for folder in (FOLDER, *map(Path, settings.BLUEPRINTS)):
        if not folder.is_dir():
            faults.append(Fault(folder, Problem("BLUEPRINTS", "there is no such folder: create it, or drop it")))
        for file in sorted(folder.glob("*/*.yaml")):
            read = _read(file, file.stat().st_mtime_ns)
            if not isinstance(read, Blueprint):
                faults += [Fault(file, problem) for problem in read]
            elif twin := found.get(read.key, {}).get(read.version):
                cure = "a version never changes: give it the next number"
                faults.append(Fault(file, Problem("", f"{twin.folder} has this version already; {cure}", "unique")))
            else:
                found.setdefault(read.key, {})[read.version] = read
    return found, faults


@lru_cache(maxsize=1024)
def _read(file: Path, stamp: int) -> Blueprint | tuple[Problem, ...]:
    """`stamp` is when the file last changed: another one is another file to the cache."""
    try:
        return reading.read(file)
    except Invalid as invalid:
        return tuple(invalid.problems)
