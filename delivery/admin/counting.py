"""Pages of a list that may hold millions of rows: how many there are is estimated, or counted up to a bound."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db import connection

MOST = 10_000  # rows that are counted; of more, the table's own estimate is told, or just this


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        counted = int(rows.order_by()[:MOST].count())
        if counted < MOST or rows.query.where:
            return counted
        with connection.cursor() as cursor:
            table = rows.model._meta.db_table
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
            return max(counted, int(cursor.fetchone()[0]))
