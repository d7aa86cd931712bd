"""What the planner knows of rows just written."""

from __future__ import annotations

from django.db import connection


def analyze() -> None:
    """Tell it before the background does: a campaign may start on them at once."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE campaigns_customer, campaigns_facts, campaigns_event, campaigns_consent")
