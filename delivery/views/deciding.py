"""Unknown messages: their list as a file, and the buttons that resolve them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from campaigns.config.gate import Invalid
from campaigns.lifecycle import NotAllowed
from campaigns.models import Run
from delivery import decisions
from delivery.decisions import Choice, Which
from tenants import bell


def export(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(Run, pk=pk)
    written = HttpResponse(content_type="text/csv; charset=utf-8")
    written["Content-Disposition"] = f'attachment; filename="run-{run.pk}-unknown.csv"'
    decisions.write_csv(run, written)
    return written


def resolve(request: HttpRequest, pk: int) -> HttpResponse:
    """As sent, as not sent, or by sending again: one message, those of a cause, or all."""
    run = get_object_or_404(Run.objects.select_related("campaign"), pk=pk)
    which, given = _which(request), request.POST.get("as", "")
    if which is None or given not in list(Choice):
        messages.error(request, "Nothing was done: choose which messages, and what became of them.")
        return redirect("admin:campaigns_run_change", pk)
    try:
        number = decisions.decide(run, Choice(given), which)
    except Invalid as invalid:
        messages.error(request, "Nothing was done: " + "; ".join(problem.message for problem in invalid.problems) + ".")
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        bell.ring()
        what = "1 message" if number == 1 else f"{number:,} messages"
        messages.success(request, f"{what}: {decisions.WORDS[Choice(given)]}.")
    return redirect("admin:campaigns_run_change", pk)


def _which(request: HttpRequest) -> Which | None:
    """Of the three, the one that was given."""
    message, cause = request.POST.get("message", ""), request.POST.get("cause")
    if message.isascii() and message.isdecimal() and len(message) < 19:
        return Which(message_ids=[int(message)])
    if cause is not None:
        return Which(cause=cause.replace("\0", "")[:300])
    return Which() if request.POST.get("all") else None
