"""How Postgres counts a retailer's segments: for staff alone, who see what a dear rule costs before it is refused.

A retailer's own console has no such page: what its tables are and how they are read is nobody's business there.
"""

from __future__ import annotations

from typing import Any

import sqlparse
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from sqlparse.exceptions import SQLParseError

from campaigns import audience, sentences
from campaigns.audience import ExplainedRule
from campaigns.config.gate import Invalid, parse_rule
from campaigns.models import Segment
from tenants import context
from tenants.console import platform_console
from tenants.models import Retailer

MOST = 500  # segments that are listed
_READABLE = 20_000  # characters of SQL that are laid out; more is shown as it is


@platform_console.page("retailers/<int:pk>/segments/", "platform_segments")
def segments(request: HttpRequest, pk: int) -> HttpResponse:
    retailer = get_object_or_404(Retailer, pk=pk)
    with context.in_retailer(retailer):
        found = list(Segment.objects.order_by("name")[: MOST + 1])
    page = {
        "title": f"Segments of {retailer}",
        "owner": retailer,
        "segments": [{"key": each.key, "name": each.name, "who": _who(each)} for each in found[:MOST]],
        "most": MOST if len(found) > MOST else 0,
    }
    return render(request, "console/platform/segments.html", platform_console.each_context(request) | page)


@platform_console.page("retailers/<int:pk>/segments/<slug:key>/", "platform_segment")
def segment(request: HttpRequest, pk: int, key: str) -> HttpResponse:
    """The rule in words, what it is compiled to, and how Postgres would go about it. Nothing is counted."""
    retailer = get_object_or_404(Retailer, pk=pk)
    with context.in_retailer(retailer):
        found = Segment.objects.filter(key=key).first()
        if found is None:
            raise Http404("There is no such segment.")
        page = _explained(found)
    page |= {"title": f"How “{found.name}” is counted", "owner": retailer, "segment": found}
    return render(request, "console/platform/segment.html", platform_console.each_context(request) | page)


def _explained(found: Segment) -> dict[str, Any]:
    try:
        explained = audience.explain_rule(parse_rule(found.rule), as_of=timezone.now())
    except Invalid as invalid:
        return {"problem": str(invalid)}
    return {
        "explained": explained,
        "sql": _laid_out(explained.sql),
        "params": list(enumerate(explained.params, 1)),
        "parts": sorted(explained.parts, key=lambda part: -part[1]),
        "is_refused": _is_refused(explained),
    }


def _is_refused(explained: ExplainedRule) -> bool:
    return explained.is_guarded and explained.cost > explained.most


def _laid_out(sql: str) -> str:
    """With lines for people to read; as it is where there is too much of it."""
    try:
        return str(sqlparse.format(sql, reindent=True)) if len(sql) <= _READABLE else sql
    except SQLParseError:
        return sql


def _who(found: Segment) -> str:
    try:
        return sentences.sentence(parse_rule(found.rule))
    except Invalid as invalid:
        return f"It cannot be read: {invalid}"
