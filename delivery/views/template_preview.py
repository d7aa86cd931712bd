"""The preview beside a template's editor: as one customer would get it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse

from campaigns import content, language, liquid
from campaigns.forms import starters, texts
from campaigns.models import Customer, Template
from delivery import previews
from delivery.previews import Preview

SAMPLES = 12  # customers to choose from


def panel(template: Template) -> dict[str, Any]:
    """What the editor's page shows beside the form."""
    customers = sample_customers()
    shown = Preview(None)
    if template.pk and customers and not content.check(template):
        shown = previews.of_template(template, customers[0], texts.samples(template))
    versions = template.versions.select_related("published_by").order_by("-number")[:20] if template.pk else []
    return {
        "customers": customers,
        "shown": shown,
        "versions": versions,
        "variables": variables(),
        "starters": starters.names(),
    }


def preview(request: HttpRequest) -> JsonResponse:
    """The posted template for the chosen customer, or what is wrong with it."""
    parts = ("key", "subject", "preheader", "html", "text")
    template = Template(**{name: request.POST.get(name, "") for name in parts})
    template.key = template.key or request.POST.get("template_key", "")
    problems = [{"field": p.field, "message": p.message} for p in content.check(template)]
    customer = _chosen(request.POST.get("customer", ""))
    if problems or customer is None:
        cure = {"field": "", "message": "There is no customer to preview for yet: import customers first."}
        return JsonResponse({"problems": problems or [cure]})
    shown = previews.of_template(template, customer, texts.samples(template))
    if shown.rendered is None:
        return JsonResponse({"problems": [{"field": "", "message": f"For {customer}: {shown.problem}"}]})
    rendered = shown.rendered
    return JsonResponse({"subject": rendered.subject, "html": rendered.html, "text": rendered.text, "problems": []})


def convert(request: HttpRequest) -> JsonResponse:
    """What was written for another platform, in our language, and what is left to do by hand."""
    source, left = liquid.convert(request.POST.get("source", ""))
    problems = [{"field": f"line {each.line}", "message": each.message} for each in left]
    return JsonResponse({"source": source, "problems": problems})


def sample_customers() -> list[Customer]:
    """A few customers, and one without a first name: the case that templates forget."""
    found = list(Customer.objects.exclude(email="").exclude(first_name="").order_by("pk")[: SAMPLES - 1])
    return found + list(Customer.objects.exclude(email="").filter(first_name="").order_by("pk")[:1])


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


def _chosen(pk: str) -> Customer | None:
    return Customer.objects.filter(pk=pk).first() if pk.isdecimal() else next(iter(sample_customers()), None)
