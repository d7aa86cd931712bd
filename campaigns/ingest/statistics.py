"""What the planner knows of rows just written."""

from __future__ import annotations

from django.db import connection

_WRITTEN = {
    "customers": ("campaigns_customer", "campaigns_facts", "campaigns_consent"),
    "events": ("campaigns_event", "campaigns_facts"),
    "products": ("campaigns_product",),
}  # first what the rows become, then what follows from them
_SHARE = 0.1  # of a table, new, as the background has it by default


def analyze(kind: str, created: int) -> None:
    """Tell it before the background does, where so many are new that they matter: a campaign may start on them at once.

    `kind` is that of an import. To look through a large table takes seconds, also where little of it is new.
    """
    tables = _WRITTEN[kind]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT %s > reltuples * %s FROM pg_class WHERE oid = %s::regclass", [created, _SHARE, tables[0]]
        )
        if cursor.fetchone()[0]:
            cursor.execute(f"ANALYZE {', '.join(tables)}")
