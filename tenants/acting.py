"""Who is acting, through which door, and why: known to the door, needed where a change is written down.

A door opens an `Actor` for as long as it serves somebody; nothing below passes people around. Where no door has
opened, it is the engine itself that acts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Actor:
    """`name` is for people to read; `identity` says who it is for good: `user:7`, `key:aX3k`, `command:root`."""

    name: str = "the engine"
    identity: str = "engine"
    door: str = "engine"
    reason: str = ""


_current: ContextVar[Actor | None] = ContextVar("actor", default=None)


def current() -> Actor:
    return _current.get() or Actor()


def identify(name: str, identity: str) -> None:
    """Say who it is that the open door serves: a door may learn it only on the way in. No door, no effect."""
    actor = _current.get()
    if actor is not None:
        actor.name, actor.identity = name, identity


def because(reason: str) -> None:
    """Say why the one who is acting does what comes next."""
    actor = _current.get()
    if actor is not None:
        actor.reason = reason.strip()[:500]


@contextmanager
def acting(name: str, identity: str, door: str, *, reason: str = "") -> Iterator[Actor]:
    """The door is open: what happens inside is this actor's doing."""
    actor = Actor(name, identity, door, reason.strip()[:500])
    token = _current.set(actor)
    try:
        yield actor
    finally:
        _current.reset(token)
