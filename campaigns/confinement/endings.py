"""Why a child gave no answer: each cause in words for whoever asked, with its own cure.

What a child takes too much of is the template's doing. Everything else is not: that something crashed, was ended from
outside, failed, or that the code on disk is newer than the process that asks.
"""

from __future__ import annotations

import errno
import re
import signal
import time
from pathlib import Path

MEMORY = 256 * 1024 * 1024  # bytes beyond what a child takes when it has started
MOST_ANSWER = 32 * 1024 * 1024  # bytes; three parts of a message, each character as an escape, come to less
FULL = errno.ENOMEM  # the status of a child that ran out of memory and could still say so
PROJECT = Path(__file__).resolve().parent.parent.parent
_PACKAGES = ("tenants", "campaigns", "delivery", "marketing")
_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_NO_MEMORY = "memory allocation of"  # how Rust says it before it aborts
_ERROR = re.compile(r"^(?:\w+\.)*(\w+)(?::.*)?$")  # the last line of a traceback
_STAFF = "tell whoever runs this installation"
_begun = time.time()  # before then, this process had read its code


class Unanswered(RuntimeError):
    """No answer came; the message says why, and the cure."""

    code = "unanswered"


class TooMuch(Unanswered):
    """The template takes more time or memory than it may, or writes more."""

    code = "too_much"


class Endless(OSError):
    """The child does not stop talking."""


def ending(trouble: Exception, how: int | None, *, seconds: float, heard: str) -> Unanswered:
    """`trouble` is what was met while an answer was awaited, `how` the child's exit status, negative for a signal, None
    where it did not end by itself. `heard` is what it said of errors.
    """
    if much := _too_much(trouble, how, seconds, heard):
        return TooMuch(f"the template {much}")
    if is_outdated():
        told = "the program was updated, and this process is still the old one"
        return Unanswered(f"{told}: have it restarted, then try again")
    return Unanswered(_broken(how, heard))


def not_started(trouble: Exception, how: int | None, *, heard: str) -> Unanswered:
    """The same of a child that was to begin: no template has anything to do with it."""
    if isinstance(trouble, TimeoutError):
        return Unanswered("what goes through templates does not start, as on a machine that is busy: try again")
    told = ending(OSError(), 1 if how == FULL else how, seconds=0, heard=heard)
    return Unanswered(f"what goes through templates does not start: {told}")


def is_outdated() -> bool:
    """Whether code on disk was changed since this process read its own. Looks at every file: for errors only."""
    files = (file for package in _PACKAGES for file in (PROJECT / package).rglob("*.py"))
    return any(file.stat().st_ctime > _begun for file in files)


def _too_much(trouble: Exception, how: int | None, seconds: float, heard: str) -> str:
    if isinstance(trouble, Endless):
        return f"writes more than {MOST_ANSWER // 2**20} MB: write it simpler"
    if how == -signal.SIGXCPU:
        return f"takes longer than {seconds:g} seconds: write it simpler"
    if isinstance(trouble, TimeoutError):
        return f"takes longer than {seconds:g} seconds, on a machine that is busy: write it simpler, or try again"
    if how == FULL or (how == -signal.SIGABRT and _NO_MEMORY in heard):
        return f"needs more than {MEMORY // 2**20} MB: write it simpler"
    return ""


def _broken(how: int | None, heard: str) -> str:
    if how is None:
        return f"what goes through templates answered with what is no answer: {_STAFF}"
    if -how in _OUTSIDE:
        name = signal.Signals(-how).name
        return f"what goes through templates was ended from outside ({name}), as where memory runs out: try again"
    if how < 0:
        told = f"the template crashed what goes through it ({signal.Signals(-how).name})"
        return f"{told}: take back what was changed last, and {_STAFF}"
    return f"what goes through templates failed ({error_in(heard) or f'status {how}'}): {_STAFF}"


def error_in(heard: str) -> str:
    """The kind of the error that a child died of; not its message, which may say something of a person."""
    last = heard.rstrip().rpartition("\n")[2]
    found = _ERROR.match(last)
    return found[1] if found else ""
