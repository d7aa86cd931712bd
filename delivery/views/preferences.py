"""Unsubscribing: GET shows, POST acts (RFC 8058: no login, cookie, redirect or CSRF token)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns import content, inspection
from delivery import identity, preferences
from tenants import context


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    if token == inspection.TEST:
        return render(request, "public/test_link.html", {"brand": content.brand()})
    retailer = context.current()
    try:
        if request.method != "POST":
            recipient = preferences.recipient(retailer, token)
        elif "undo" in request.POST:
            recipient = preferences.resubscribe(retailer, token, now=timezone.now())
        else:
            recipient = preferences.unsubscribe(retailer, token, now=timezone.now())
    except identity.BadToken:
        return render(request, "public/bad_link.html", status=404)
    page = {"recipient": recipient, "brand": content.brand(), "acted": request.method == "POST"}
    return render(request, "public/unsubscribe.html", page)
