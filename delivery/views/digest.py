"""The digest: its own page in the console, and the link in each mail that ends it (RFC 8058: GET shows, POST acts)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns import content
from delivery import digests, identity
from delivery.views.preferences import bad_link
from tenants import context
from tenants.accounts.models import Digest
from tenants.console import retailer_console


def choose(request: HttpRequest) -> HttpResponse:
    user, problem = request.user, ""
    assert user.is_authenticated
    if request.method == "POST":
        wanted = request.POST.get("digest", "")
        if wanted in Digest.values:
            digests.choose(user, Digest(wanted), now=timezone.now())
            messages.success(request, digests.promise(user, now=timezone.now()))
            return redirect("admin:digest")
        problem = "Choose one of these."
    page = {
        "title": "Digest by mail",
        "choices": Digest.choices,
        "chosen": user.digest,
        "problem": problem,
        "address": user.email,
        "promise": digests.promise(user, now=timezone.now()),
    }
    return render(request, "console/digest.html", retailer_console.each_context(request) | page)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, token: str) -> HttpResponse:
    try:
        user = digests.reader(context.current(), token)
    except identity.BadToken:
        return bad_link(request)
    if request.method == "POST":
        digests.choose(user, Digest.NONE, now=timezone.now())
    page = {"brand": content.brand(), "address": user.email, "is_out": user.digest == Digest.NONE}
    return render(request, "public/digest.html", page)
