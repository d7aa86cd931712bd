"""What every batch asks for and seldom changes, put together again only when a row that it is made of did.

Which versions of the rows stand is asked anew each time: PostgreSQL tells them apart by who wrote each (xmin) and where
it lies (ctid). So a change counts from the next batch on, and nobody has to be told of it: what is kept is only the
work of reading the same again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from django.db import connection

from tenants import prepared

T = TypeVar("T")
# Two or three of each retailer, for hundreds: of fewer, each would be thrown out before it is asked for again.
_MOST = 1024
_writing = threading.Lock()
_kept: dict[Hashable, tuple[list[tuple[Any, ...]], object]] = {}  # by schema and question: versions, what was made


def while_same(question: Hashable, versions: str, params: Sequence[Any], make: Callable[[], T]) -> T:
    """What `make` gave, as long as the statement `versions` returns what it did before; of the schema that we act in.

    It is asked first: who changes a row between the two has what was made thrown away the next time. `make` reads from
    the database alone, and nobody changes what it gives.
    """
    key = (connection.schema_name, question)  # type: ignore[attr-defined]  # django-tenants comes without types
    found = prepared.rows(versions, params)
    known = _kept.get(key)
    if known is not None and known[0] == found:
        return known[1]  # type: ignore[return-value]  # what `make` gave
    made = make()
    with _writing:
        if key not in _kept and len(_kept) >= _MOST:
            _kept.pop(next(iter(_kept)))
        _kept[key] = (found, made)
    return made
