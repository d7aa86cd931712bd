"""The inbox in the platform's console: what was sent, as its recipients would see it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from marketing.inbox import store
from tenants.console import platform_console

PER_PAGE = 50
LARGEST_ID = 2**63 - 1  # what SQLite can hold


@require_safe
@staff_member_required
def mails(request: HttpRequest) -> HttpResponse:
    """Newest first, a page at a time; `q` searches recipients and subjects, `before` is the id to go on from."""
    search, before = request.GET.get("q", "").strip(), request.GET.get("before", "")
    with store.Inbox(settings.BANNERLINE_HOME) as inbox:
        found = inbox.latest(PER_PAGE + 1, search=search, before=_id(before) if before else None)
        total = inbox.count()
    page, more = found[:PER_PAGE], len(found) > PER_PAGE
    older = urlencode({"q": search, "before": page[-1].id}) if more else ""
    shown = {"mails": page, "total": total, "search": search, "older": older, "is_first": not before}
    return _page(request, "inbox/list.html", title="Inbox", **shown)


@require_safe
@staff_member_required
def mail(request: HttpRequest, id: int) -> HttpResponse:
    opened = _open(id)
    return _page(request, "inbox/mail.html", title="Mail", mail=opened)


@require_safe
@staff_member_required
def source(request: HttpRequest, id: int) -> HttpResponse:
    """The mail as it came over the wire, never interpreted by the browser."""
    return HttpResponse(
        _open(id).raw, content_type="text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"}
    )


def _open(id: int) -> store.Mail:
    with store.Inbox(settings.BANNERLINE_HOME) as inbox:
        found = inbox.get(id) if id <= LARGEST_ID else None
    if found is None:
        raise Http404("The inbox has no such mail; it may have been emptied.")
    return found


def _id(text: str) -> int:
    if not text.isdecimal() or int(text) > LARGEST_ID:
        raise Http404("before is the number of a mail.")
    return int(text)


def _page(request: HttpRequest, template: str, **shown: Any) -> HttpResponse:
    return render(request, template, platform_console.each_context(request) | shown)
