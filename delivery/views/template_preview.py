"""The preview beside a template's editor: as one customer would get it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse

from campaigns import content, language, liquid
from campaigns.config.gate import Problem
from campaigns.forms import starters, templates, texts
from campaigns.models import Customer, Template
from delivery import previews
from delivery.showing import panes
from delivery.showing.panes import Pane
from delivery.views.looking import Look


def panel(template: Template, request: HttpRequest) -> dict[str, Any]:
    """What the editor's page shows beside the form."""
    look = Look.of(request.GET)
    pane = Pane(template.name, look.customer)
    if template.pk and not content.check(template):
        pane = pane_of(template, look.customer)
    versions = template.versions.select_related("published_by").order_by("-number")[:20] if template.pk else []
    return look.chooser(template.translations) | {
        "pane": pane,
        "versions": versions,
        "variables": variables(),
        "starters": starters.names(),
    }


def preview(request: HttpRequest) -> JsonResponse:
    """The posted template for the chosen customer, or what is wrong with it."""
    template = templates.written_in(request.POST)
    look = Look.of(request.POST)
    if problems := content.check(template):
        return _refused(problems)
    pane = pane_of(template, look.customer)
    if pane.problem:
        return _refused([Problem("", f"For {look.customer}: {pane.problem}")])
    return JsonResponse(pane.answer() | {"problems": []})


def pane_of(template: Template, customer: Customer) -> Pane:
    """A template without problems as it stands."""
    shown = previews.of_template(template, customer, texts.samples(template))
    sender = template.from_name or content.brand().from_name
    return panes.pane(template.name, customer, shown, sender=sender)


def convert(request: HttpRequest) -> JsonResponse:
    """What was written for another platform, in our language, and what is left to do by hand."""
    source, left = liquid.convert(request.POST.get("source", ""))
    problems = [{"field": f"line {each.line}", "message": each.message} for each in left]
    return JsonResponse({"source": source, "problems": problems})


def variables() -> list[tuple[str, list[str]]]:
    """What may be inserted, by subject, as it is written."""
    customer = [f"{{{{ customer.{name} }}}}" for name in language.CUSTOMER_FIELDS]
    customer[3] = '{{ customer.first_name | default("there") }}'
    brand = [f"{{{{ brand.{name} }}}}" for name in language.VOCABULARY["brand"]]
    return [
        ("Customer", [*customer, '{{ customer.attributes.tier | default("standard") }}']),
        ("Brand", brand),
        ("Each campaign's own", ["{{ content.headline }}", "{{ content.offer }}", "{{ campaign.name }}"]),
        ("Links", ["{{ unsubscribe_url }}", "{{ preferences_url }}"]),
    ]


def _refused(problems: list[Problem]) -> JsonResponse:
    return JsonResponse({"problems": [{"field": each.field, "message": each.message} for each in problems]})
