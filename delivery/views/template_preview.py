"""The preview beside a template's editor: as one customer would get it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.http import HttpRequest, JsonResponse

from campaigns import beneath, content, converting, editions, inspection, language, policies
from campaigns.config.gate import Invalid, Problem
from campaigns.forms import channelled, starters, templates, texts
from campaigns.forms.channelled import sms
from campaigns.forms.templates import Shape
from campaigns.linting import Finding
from campaigns.models import Customer, Template
from delivery import sampling
from delivery.showing import people
from delivery.showing import templates as showing
from delivery.showing.panes import Pane
from delivery.views.looking import Look
from tenants import context, held


def panel(template: Template, request: HttpRequest) -> dict[str, Any]:
    """What the editor's page shows beside the form."""
    look = Look.of(request.GET)
    pane, findings = Pane(template.name, look.customer, channel=template.channel), list[Finding]()
    if template.pk and not content.check(template):
        pane = pane_of(template, look.customer)
        with suppress(Invalid):  # saving it once more says why
            findings = found_in(template, look.customer)
    versions = template.versions.select_related("published_by").order_by("-number")[:20] if template.pk else []
    return look.chooser(template.translations) | {
        "pane": pane,
        "findings": findings,
        "versions": versions,
        "variables": variables(template.channel),
        "starters": starters.names(),
        "channel": template.channel,
        "channels": channelled.CHOICES,
        "offered": [] if template.pk or template.channel != "email" else beneath.offered(),
        "shape": Shape.of(template.base or request.GET.get("base", "")).value,
        "chosen_base": request.GET.get("base", ""),
        "chosen_starter": request.GET.get("starter", ""),
    }


def preview(request: HttpRequest) -> JsonResponse:
    """The posted template for the chosen customer, or what is wrong with it."""
    with held.held():
        return _preview(request)


def _preview(request: HttpRequest) -> JsonResponse:
    template, problems = _written(request)
    look = Look.of(request.POST)
    counted = sms.counted(template) if template.channel == "sms" else None
    if problems := problems or content.check(template):
        return _refused(problems, counted=counted)
    pane = pane_of(template, look.customer)
    if pane.problem:
        return _refused([Problem("", f"For {look.customer}: {pane.problem}")])
    try:
        findings = [inspection.as_data(each) for each in found_in(template, look.customer)]
    except Invalid as too_much:
        return _refused(too_much.problems)
    told = {"problems": [], "counted": counted, "findings": findings, "unsaid": templates.unsaid(template)}
    return JsonResponse(pane.answer() | told)


def _written(request: HttpRequest) -> tuple[Template, list[Problem]]:
    """As it stands in the form, and what of it cannot be read."""
    channel = request.POST.get("channel", "")
    if channel in channelled.FORMS:
        return channelled.written_in(channel, request.POST)
    return templates.written_in(request.POST), []


def pane_of(template: Template, customer: Customer) -> Pane:
    """A template without problems as it stands."""
    return showing.pane(template, customer, texts.samples(template))


def found_in(template: Template, customer: Customer) -> list[Finding]:
    """What the checks before launch find in a template without problems, as a few people would get it. Raises Invalid
    where that takes too much.
    """
    try:
        draft = inspection.draft(template, texts.samples(template))
    except editions.Unpublished:  # the pane says why
        return []
    seen = inspection.around("preview", "Preview", "")
    shown = [customer, *people.few()] if template.channel == "email" else []
    rendered = sampling.drafted(draft.marked, draft.values, shown, seen)
    return inspection.drafted(draft, policies.effective(context.current()), rendered)


def convert(request: HttpRequest) -> JsonResponse:
    """What was written for another platform, in our language, and what is left to do by hand."""
    source, left = converting.convert(request.POST.get("source", ""))
    problems = [{"field": f"line {each.line}", "message": each.message} for each in left]
    return JsonResponse({"source": source, "problems": problems})


def variables(channel: str = "email") -> list[tuple[str, list[str]]]:
    """What may be inserted, by subject, as it is written."""
    customer = [f"{{{{ customer.{name} }}}}" for name in language.CUSTOMER_FIELDS]
    customer[3] = '{{ customer.first_name | default("there") }}'
    tier = '{{ customer.attributes.tier | default("standard") }}'
    if channel == "webhook":  # its texts stand in double quotes
        customer[3], tier = customer[3].replace('"', "'"), tier.replace('"', "'")
    brand = [f"{{{{ brand.{name} }}}}" for name in language.VOCABULARY["brand"]]
    links = (
        [("Links", ["{{ unsubscribe_url }}", "{{ preferences_url }}", "{{ view_url }}"])] if channel == "email" else []
    )
    return [
        ("Customer", [*customer, tier]),
        ("Brand", brand),
        ("Each campaign's own", ["{{ content.headline }}", "{{ content.offer }}", "{{ campaign.name }}"]),
        *links,
    ]


def _refused(problems: list[Problem], *, counted: dict[str, Any] | None = None) -> JsonResponse:
    told = [{"field": each.field, "message": each.message} for each in problems]
    return JsonResponse({"problems": told, "counted": counted})
