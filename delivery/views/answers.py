"""What the buttons of a campaign's page have in common: do it, say what became of it, go back to the page."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from campaigns.config.gate import Invalid
from campaigns.configuration import Conflict
from campaigns.forms import drafts
from campaigns.forms.fields import CHANGED_MEANWHILE
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign
from tenants import bell


def answered(request: HttpRequest, campaign: Campaign, act: Callable[[], str]) -> HttpResponse:
    """`act` does one thing and says so; a refusal is told with its cure, and nothing was changed."""
    try:
        said = act()
    except Invalid as invalid:
        tell(request, invalid)
    except (NotAllowed, Conflict) as refusal:
        messages.error(request, str(refusal))
    else:
        bell.ring()
        messages.success(request, said)
    return redirect("admin:campaigns_campaign_change", campaign.pk)


def tell(request: HttpRequest, invalid: Invalid) -> None:
    for problem in invalid.problems:
        where = "" if drafts.place(problem) or not problem.field else f"{problem.field}: "
        messages.error(request, f"Nothing was started. {where}{drafts.words(problem)}")


def is_what_was_seen(request: HttpRequest, campaign: Campaign) -> bool:
    """What is acted upon is the draft that its page showed."""
    is_same = request.POST.get("draft_number") == str(campaign.draft_number)
    if not is_same:
        messages.error(request, f"Nothing was started. {CHANGED_MEANWHILE}")
    return is_same
