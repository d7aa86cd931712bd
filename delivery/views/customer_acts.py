"""The buttons of a customer's page: what they said, an address barred, everything known of them as a file."""

from __future__ import annotations

import io
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from campaigns import consents, suppressions
from campaigns.config.gate import Invalid, Problem
from campaigns.ingest import statements
from campaigns.models import Customer, Suppression
from campaigns.models.customers import Channel
from delivery import person
from delivery.views import customer_page
from tenants import context

_FIELDS = {Channel.EMAIL: "email", Channel.SMS: "phone"}
_REASONS = (Suppression.Reason.MANUAL, Suppression.Reason.LEGAL, Suppression.Reason.COMPLAINT)


def record_consent(request: HttpRequest, pk: int) -> HttpResponse:
    """A yes or a no that somebody gave outside our pages: on the phone, at a till, on paper."""
    customer = get_object_or_404(Customer, pk=pk)
    given: dict[str, Any] = {name: request.POST.get(name, "") for name in ("channel", "topic", "granted", "source")}
    given["text"] = request.POST.get("text", "")
    if said_at := request.POST.get("said_at", ""):
        given["said_at"] = said_at
    try:
        if not given["source"].strip():
            raise Invalid([Problem("source", "is needed: say where they said it, such as “by phone”")])
        read = statements.read([given], now=timezone.now(), zone=context.current().tzinfo)
        [proof] = consents.say(customer, read, by=str(request.user))
    except Invalid as invalid:
        request.session[customer_page.REFUSED_CONSENT] = given | {
            "customer": pk
        }  # the page opens the form again as it was filled in
        for problem in invalid.problems:
            messages.error(request, f"Nothing was recorded. {problem.field.capitalize()} {problem.message}.")
    else:
        said = "agreed to" if proof.is_granted else "took back"
        messages.success(request, f"Recorded: {customer} {said} {proof.get_channel_display()}.")
    return redirect("admin:campaigns_customer_change", pk)


def suppress(request: HttpRequest, pk: int) -> HttpResponse:
    """Bar one of the customer's addresses, whatever they agreed to."""
    customer = get_object_or_404(Customer, pk=pk)
    channel, reason = request.POST.get("channel", ""), request.POST.get("reason", Suppression.Reason.MANUAL)
    address = getattr(customer, _FIELDS[Channel(channel)]) if channel in _FIELDS else ""
    if not address or reason not in _REASONS:
        messages.error(request, "Nothing was suppressed: choose a channel that the customer has an address on.")
    else:
        _, is_new = suppressions.add(channel=channel, address=address, reason=reason, source=str(request.user))
        said = "gets nothing more" if is_new else "was suppressed before"
        messages.success(request, f"{address} {said} by {Channel(channel).label}.")
    return redirect("admin:campaigns_customer_change", pk)


def export(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything known of one person, as they may ask for it."""
    customer = get_object_or_404(Customer, pk=pk)
    text = io.StringIO()
    person.export(customer, context.current(), text.write, now=timezone.now())
    name = f'attachment; filename="customer-{customer.pk}.json"'
    return HttpResponse(text.getvalue(), content_type="application/json", headers={"Content-Disposition": name})
