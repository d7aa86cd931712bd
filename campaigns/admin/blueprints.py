"""Blueprints: a gallery to begin a campaign from, and the newer versions that are offered to campaigns made so."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from campaigns import blueprinting, blueprints
from campaigns.config.gate import Invalid
from campaigns.configuration import Conflict
from campaigns.models import Campaign
from tenants.accounts.models import Role
from tenants.console import retailer_console

NOT_NOW = "not_now"  # of the session: offers that somebody put off


@retailer_console.page("blueprints/", "blueprints")
def gallery(request: HttpRequest) -> HttpResponse:
    page = {"title": "Blueprints", "blueprints": blueprints.catalogue()}
    return render(request, "console/blueprints.html", retailer_console.each_context(request) | page)


@retailer_console.page("blueprints/<str:key>/use/", "blueprint_use", Role.EDITOR)
def use(request: HttpRequest, key: str) -> HttpResponse:
    """GET asks for a name, POST makes the draft."""
    blueprint = blueprints.get(key)
    if blueprint is None:
        raise Http404("There is no such blueprint.")
    problems: list[str] = []
    if request.method == "POST":
        try:
            made = blueprinting.instantiate(key, name=request.POST.get("name", "").strip() or None, now=timezone.now())
        except Invalid as invalid:
            problems = [f"{p.field}: {p.message}".removeprefix(": ") for p in invalid.problems]
        else:
            messages.success(request, "Here it is: look it over, put your own words in, then launch it.")
            return redirect("admin:campaigns_campaign_change", made.pk)
    page = {"title": f"New campaign: {blueprint.name}", "blueprint": blueprint, "problems": problems}
    name = request.POST.get("name", blueprint.name)
    shown = retailer_console.each_context(request) | page | {"name": name}
    return render(request, "console/blueprint_use.html", shown)


@retailer_console.page("blueprints/accept/<int:pk>/", "blueprint_accept", Role.EDITOR)
@require_POST
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    """The draft follows the newest version of its blueprint; what runs is not touched."""
    campaign = get_object_or_404(Campaign, pk=pk)
    number = request.POST.get("draft_number", "")
    try:
        blueprinting.accept(campaign, draft_number=int(number) if number.isdecimal() else None, now=timezone.now())
    except (Invalid, Conflict) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "The draft follows the newer version now. Nothing that runs has changed.")
    return redirect("admin:campaigns_campaign_change", pk)


@retailer_console.page("blueprints/not-now/<int:pk>/", "blueprint_not_now")
@require_POST
def not_now(request: HttpRequest, pk: int) -> HttpResponse:
    """The offer is not shown again until the next sign-in."""
    campaign = get_object_or_404(Campaign, pk=pk)
    newest = blueprints.get(str(campaign.draft.get("blueprint", "")))
    if newest:
        request.session[NOT_NOW] = {**request.session.get(NOT_NOW, {}), campaign.key: newest.version}
    return redirect("admin:campaigns_campaign_change", pk)
