"""How a campaign's messages look, each variant of each step, to whoever is chosen."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from campaigns.models import Campaign, Template
from delivery.views import plans
from delivery.views.looking import Look
from tenants.console import retailer_console, scripts


def preview_page(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=pk)
    look = Look.of(request.GET)
    plan = plans.plan(campaign, now=timezone.now(), counted=False, customer=look.customer)
    used = {step.template for step in plan.config.steps} if plan.config else set()
    said = Template.objects.filter(key__in=used).values_list("translations", flat=True)
    shown = retailer_console.each_context(request) | {
        "title": f"Preview: {campaign.name}",
        "campaign": campaign,
        "plan": plan,
        "media": scripts("pane.js"),
    }
    shown |= look.chooser(sorted({locale for each in said for locale in each}))
    return render(request, "console/campaign_preview.html", shown)
