"""What processes use, read from Linux's /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


class _Process(NamedTuple):
    pid: int
    parent: int
    ticks: int  # user and system, its own and that of children it has buried


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system time so far of these processes and all their descendants, ended ones included."""
    family = {process.pid: process for process in _processes()}
    return sum(family[pid].ticks for pid in _descendants(family, roots)) / _TICKS


def peak_rss_mb(roots: Iterable[int]) -> float:
    """The most memory that one of these processes' descendants ever held, in MiB."""
    family = {process.pid: process for process in _processes()}
    roots = set(roots)
    return max((_peak_kib(pid) for pid in _descendants(family, roots) - roots), default=0) / 1024


def parent_of(pid: int) -> int | None:
    """None when there is no such process on this machine."""
    process = _process(pid)
    return process.parent if process else None


def name_of(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""


def machine() -> str:
    """Cores, load and processor, for people."""
    models = [line.partition(":")[2].strip() for line in _lines(_PROC / "cpuinfo") if line.startswith("model name")]
    load = " ".join(f"{number:.2f}" for number in os.getloadavg())
    return f"{os.cpu_count()} cores ({models[0] if models else 'unknown'}), load {load}"


def _descendants(family: dict[int, _Process], roots: Iterable[int]) -> set[int]:
    found = {pid for pid in roots if pid in family}
    size = -1
    while size != len(found):
        size = len(found)
        found |= {process.pid for process in family.values() if process.parent in found}
    return found


def _processes() -> Iterator[_Process]:
    for folder in _PROC.glob("[0-9]*"):
        process = _process(int(folder.name))
        if process:
            yield process


def _process(pid: int) -> _Process | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:  # it ended meanwhile
        return None
    fields = stat.rpartition(")")[2].split()  # from the third field on: the second, a name, may hold anything
    return _Process(pid, int(fields[1]), sum(map(int, fields[11:15])))


def _peak_kib(pid: int) -> int:
    peaks = [line.split()[1] for line in _lines(_PROC / str(pid) / "status") if line.startswith("VmHWM:")]
    return int(peaks[0]) if peaks else 0


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
