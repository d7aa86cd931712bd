"""Policy & defaults: what bounds this retailer now, and by whom; administrators tighten it and set defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from campaigns import blast, policies
from campaigns.blast import Hit
from campaigns.config.gate import Invalid, content_hash
from campaigns.forms import defaults
from campaigns.forms.policy import PolicyForm, initial, tell
from campaigns.forms.retailer_layer import RetailerDefaultsForm
from tenants import context
from tenants.accounts.models import Role
from tenants.console import may, needs, retailer_console
from tenants.models import Layer

LABELS = {
    "channels": "Channels",
    "sender_domains": "Senders",
    "template_features": "Templates",
    "bases": "Base templates",
    "per_customer": "Messages to one customer",
    "quiet_hours": "Quiet hours",
    "max_per_day": "Messages a day",
    "min_holdout": "Held back",
    "universal_holdout": "Held out of all",
    "max_discount": "Discount",
    "most_bounces": "Bounces of a run",
    "most_complaints": "Complaints of a run",
    "most_unsubscribes": "Unsubscriptions of a run",
    "most_errors": "Errors of a run",
    "footer": "Footer",
    "attachments": "Files that go along",
    "untracked": "Not counted",
    "transactional": "Transactional campaigns",
    "approval": "Approval",
    "sender_dns": "DNS of senders",
    "checks": "Before launch",
    "checks_off": "Before launch, skipped",
}
COUNTED = 20  # campaigns named before a tightening; the rest are counted


@dataclass
class Forms:
    """Both forms of the retailer's own layer."""

    policy: PolicyForm
    defaults: RetailerDefaultsForm

    def is_valid(self) -> bool:
        both = [self.policy.is_valid(), self.defaults.is_valid()]
        return all(both)


@retailer_console.page("policy/", "policy")
def policy_page(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _guarded_save(request)
    return _shown(request, _forms(policies.layer_of(context.current())))


def _save(request: HttpRequest) -> HttpResponse:
    """The first sending tells what a tightening would do; the second one, of the same bounds, saves it."""
    retailer = context.current()
    forms = _forms(policies.layer_of(retailer), request.POST)
    if not forms.is_valid():
        return _shown(request, forms)
    document, number = forms.policy.document(), request.POST.get("number", "")
    try:
        hits = blast.radius(retailer, document)
        if hits and request.POST.get("confirmed") != content_hash(document):
            return _shown(request, forms, hits=hits, confirmed=content_hash(document))
    except Invalid as invalid:
        tell(forms.policy, invalid.problems)
        return _shown(request, forms)
    try:
        policies.save(
            retailer,
            policy=document,
            defaults=forms.defaults.said(),
            number=int(number) if number.isdecimal() else None,
        )
    except Invalid as invalid:
        tell(forms.defaults, invalid.problems, place=defaults.place)
        return _shown(request, forms)
    except policies.ChangedMeanwhile as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Saved. It is in force for the next batch of every campaign.")
    return redirect("admin:policy")


_guarded_save = needs(Role.ADMIN, _save)


def _forms(layer: Layer, data: Any = None) -> Forms:
    return Forms(PolicyForm(data, initial=initial(layer.policy)), RetailerDefaultsForm(data, before=layer.defaults))


def _shown(request: HttpRequest, forms: Forms, *, hits: list[Hit] | None = None, confirmed: str = "") -> HttpResponse:
    retailer = context.current()
    told = policies.sources(retailer)
    page = {
        "title": "Policy & defaults",
        "bounds": [{"label": label, "said": told[field]} for field, label in LABELS.items() if field in told],
        "forms": forms if may(request, Role.ADMIN) else None,
        "layer": policies.layer_of(retailer),
        "hits": (hits or [])[:COUNTED],
        "more_hits": max(len(hits or []) - COUNTED, 0),
        "stopping": sum(hit.effect == "stops" for hit in hits or []),
        "confirmed": confirmed,
        "number": request.POST.get("number", ""),
    }
    return render(request, "console/policy.html", retailer_console.each_context(request) | page)
