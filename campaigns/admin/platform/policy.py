"""Policy and defaults of the platform and its groups. Saving takes two steps: what it would do, then yes."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from campaigns import policies
from campaigns.admin.policy import LABELS
from campaigns.ascode.layer_file import Planned
from campaigns.config import policy as rules
from campaigns.forms.layer_forms import LayerForms
from campaigns.policies import ChangedMeanwhile, Owner
from tenants.accounts.models import Role
from tenants.console import needs, platform_console
from tenants.models import Group, Retailer

MOST_HITS = 500  # live campaigns that are listed one by one


@platform_console.page("policy/", "platform_policy")
def owners(request: HttpRequest) -> HttpResponse:
    """The platform and its groups, each with what it says."""
    groups = Group.objects.order_by("name")
    listed = [_listed(None, "The platform", reverse("admin:platform_policy_platform"))]
    listed += [_listed(each, each.name, reverse("admin:platform_policy_group", args=[each.pk])) for each in groups]
    page = {"title": "Policy and defaults", "owners": listed}
    return render(request, "console/platform/policies.html", platform_console.each_context(request) | page)


@platform_console.page("policy/platform/", "platform_policy_platform")
def of_platform(request: HttpRequest) -> HttpResponse:
    return _page(request, None)


@platform_console.page("policy/group/<int:pk>/", "platform_policy_group")
def of_group(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, get_object_or_404(Group, pk=pk))


@platform_console.page("policy/retailer/<int:pk>/", "platform_policy_retailer")
def of_retailer(request: HttpRequest, pk: int) -> HttpResponse:
    """Only to look at: the retailer's own administrators tighten it."""
    retailer = get_object_or_404(Retailer, pk=pk)
    page = {"title": f"Policy in force for {retailer}", "bounds": _bounds(retailer), "owner": retailer}
    return render(request, "console/platform/in_force.html", platform_console.each_context(request) | page)


def _page(request: HttpRequest, owner: Owner) -> HttpResponse:
    if request.method == "POST":
        return _guarded_steps(request, owner)
    return _shown(request, LayerForms(owner))


def _steps(request: HttpRequest, owner: Owner) -> HttpResponse:
    """`preview` tells what saving would do, `save` does it, and anything else goes back to the form."""
    forms, step = LayerForms(owner, request.POST), request.POST.get("step")
    if step == "preview" and (planned := forms.planned()):
        return _preview(request, forms, planned)
    if step == "save":
        try:
            if forms.save():
                messages.success(request, "Saved. It is in force for the next batch of every campaign below.")
                return redirect(request.path)
        except ChangedMeanwhile as refusal:
            messages.error(request, f"{refusal} Nothing of yours was saved.")
            return redirect(request.path)
    return _shown(request, forms)


_guarded_steps = needs(Role.ADMIN, _steps)


def _shown(request: HttpRequest, forms: LayerForms) -> HttpResponse:
    kept = forms.layer.defaults.get("audience", {}).get("exclude")
    page = {"title": _title(forms.owner), "forms": forms, "bounds": _bounds(forms.owner), "keeps_exclude": bool(kept)}
    return render(request, "console/platform/policy.html", platform_console.each_context(request) | page)


def _preview(request: HttpRequest, forms: LayerForms, planned: Planned) -> HttpResponse:
    stopping = sum(hit.effect == "stops" for hit in planned.hits)
    given = [(name, value) for name in request.POST for value in request.POST.getlist(name)]
    page = {
        "title": f"{_title(forms.owner)}: what saving would do",
        "changes": [
            (LABELS.get(field.path, field.path), field.before, field.after)
            for change in planned.plan.changes
            for field in change.fields
        ],
        "hits": planned.hits[:MOST_HITS],
        "more_hits": max(0, len(planned.hits) - MOST_HITS),
        "stopping": stopping,
        "changing": len(planned.hits) - stopping,
        "retailers": len({hit.retailer.pk for hit in planned.hits}),
        "given": [(name, value) for name, value in given if name not in ("csrfmiddlewaretoken", "step", "number")],
        "number": forms.number,
    }
    return render(request, "console/platform/blast.html", platform_console.each_context(request) | page)


def _listed(owner: Owner, name: str, url: str) -> dict[str, object]:
    layer = policies.layer_of(owner)
    said = rules.words(policies.parse_policy(layer.policy))
    bounds = [(LABELS[field], words) for field, words in said.items()]
    number = owner.retailers.count() if isinstance(owner, Group) else Retailer.objects.count()
    return {"name": name, "url": url, "bounds": bounds, "layer": layer, "retailers": number}


def _bounds(owner: Owner) -> list[dict[str, object]]:
    """What is in force for everything below the owner, and who says it."""
    force, sources = rules.words(policies.effective(owner)), policies.sources(owner)
    return [{"label": LABELS[field], "words": words, "said": sources[field]} for field, words in force.items()]


def _title(owner: Owner) -> str:
    return f"Policy and defaults of {owner.name}" if owner else "Policy and defaults of the platform"
