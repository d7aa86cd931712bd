"""Unsubscribing and preferences: GET shows, POST acts (RFC 8058: no login, cookie, redirect or CSRF token)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns import content, inspection
from campaigns.models import Brand
from delivery import choices, identity, preferences, public_words
from delivery.public_words import Words
from tenants import context


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    brand = content.brand()
    if token == inspection.TEST:
        return render(request, "public/test_link.html", {"brand": brand})
    retailer = context.current()
    try:
        if request.method != "POST":
            recipient = preferences.recipient(retailer, token)
        elif "undo" in request.POST:
            recipient = preferences.resubscribe(retailer, token, now=timezone.now())
        else:
            recipient = preferences.unsubscribe(retailer, token, now=timezone.now())
    except identity.BadToken:
        return bad_link(request)
    words = words_for(request, brand, recipient.locale, address=recipient.address)
    page = {"recipient": recipient, "acted": request.method == "POST", "token": token}
    return render(request, "public/unsubscribe.html", page | {"brand": brand, "words": words})


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest, token: str) -> HttpResponse:
    """A form's fields are the names of what is wanted; without any, nothing is."""
    brand = content.brand()
    if token == inspection.TEST:
        return render(request, "public/test_link.html", {"brand": brand})
    retailer = context.current()
    try:
        found = choices.choices(retailer, token)
        words = words_for(request, brand, found.customer.locale or "")
        if request.method == "POST":
            wanted = set() if "nothing" in request.POST else set(request.POST.getlist("wanted"))
            found = choices.choose(retailer, token, wanted, shown=words, now=timezone.now())
    except identity.BadToken:
        return bad_link(request)
    shown = [(each, words[each.channel]) for each in found.channels]
    page = {"choices": found, "channels": shown, "acted": request.method == "POST", "brand": brand, "words": words}
    return render(request, "public/preferences.html", page)


def bad_link(request: HttpRequest) -> HttpResponse:
    words = public_words.words("", request.headers.get("Accept-Language", ""))
    return render(request, "public/bad_link.html", {"words": words}, status=404)


def words_for(request: HttpRequest, brand: Brand, locale: str, **values: Any) -> Words:
    accepted = request.headers.get("Accept-Language", "")
    return public_words.words(locale, accepted, **{"brand": brand.name, "address": ""} | values)
