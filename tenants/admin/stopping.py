"""The emergency stop, of one retailer or of everybody, as staff use it: said why, confirmed, and lifted again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from tenants import bell, stops
from tenants.accounts.models import Role
from tenants.console import platform_console
from tenants.models import Retailer


@platform_console.page("stop/", "platform_stop", Role.ADMIN)
def stop_everything(request: HttpRequest) -> HttpResponse:
    return _stop(request, None)


@platform_console.page("stop/<int:pk>/", "platform_stop_retailer", Role.ADMIN)
def stop_retailer(request: HttpRequest, pk: int) -> HttpResponse:
    return _stop(request, get_object_or_404(Retailer, pk=pk))


@platform_console.page("stop/lift/", "platform_lift", Role.ADMIN)
@require_POST
def lift_everything(request: HttpRequest) -> HttpResponse:
    return _lift(request, None)


@platform_console.page("stop/<int:pk>/lift/", "platform_lift_retailer", Role.ADMIN)
@require_POST
def lift_retailer(request: HttpRequest, pk: int) -> HttpResponse:
    return _lift(request, get_object_or_404(Retailer, pk=pk))


def _stop(request: HttpRequest, retailer: Retailer | None) -> HttpResponse:
    """Asks why, and does it once that is said."""
    reason = request.POST.get("reason", "").replace("\x00", "").strip()
    if request.method == "POST" and reason:
        stops.stop(retailer, reason=reason)
        messages.warning(
            request, f"Sending of {retailer or 'everybody'} is stopped. Nothing is lost; lift it to go on."
        )
        return redirect(_back(retailer))
    shown = {
        "title": f"Stop all sending of {retailer}" if retailer else "Stop all sending everywhere",
        "retailer": retailer,
        "active": Retailer.objects.active().count(),
        "is_missing": request.method == "POST",
        "back": _back(retailer),
    }
    return render(request, "console/platform/stop.html", platform_console.each_context(request) | shown)


def _lift(request: HttpRequest, retailer: Retailer | None) -> HttpResponse:
    if stops.lift(retailer):
        bell.ring()
        messages.success(request, "The stop is lifted: sending goes on.")
    else:
        messages.info(request, "No stop was standing there: it was lifted already, or is the platform's own.")
    return redirect("admin:index" if request.POST.get("next") == "fleet" else _back(retailer))


def _back(retailer: Retailer | None) -> str:
    return reverse("admin:tenants_retailer_change", args=[retailer.pk]) if retailer else reverse("admin:index")
