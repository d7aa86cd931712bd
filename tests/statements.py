"""What was asked of the database, to be counted."""

from __future__ import annotations

from django.test.utils import CaptureQueriesContext


def of(captured: CaptureQueriesContext) -> list[str]:
    """Without those that set the schema, and those that have plans made anew: how often that takes one depends on what
    was done before, and when.
    """
    return [query["sql"] for query in captured if not query["sql"].startswith(("SET search_path", "DISCARD PLANS"))]
