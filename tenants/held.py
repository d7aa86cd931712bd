"""What a page or a comparison of files asks for again and again, read once: layers, the brand, a domain, templates."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from django.db import connection

T = TypeVar("T")
_HELD: ContextVar[dict[Hashable, object] | None] = ContextVar("held", default=None)


@contextmanager
def held() -> Iterator[None]:
    """Within the block each question of `once` is asked once: for what only reads. A block in another adds nothing."""
    if _HELD.get() is not None:
        yield
        return
    token = _HELD.set({})
    try:
        yield
    finally:
        _HELD.reset(token)


def once(question: Hashable, answer: Callable[[], T]) -> T:
    """The answer, remembered where somebody holds; of the schema that we act in."""
    known = _HELD.get()
    if known is None:
        return answer()
    key = (connection.schema_name, question)  # type: ignore[attr-defined]  # django-tenants comes without types
    if key not in known:
        known[key] = answer()
    return known[key]  # type: ignore[return-value]  # what `answer` gave
