"""Where people clicked: a variant's message with its links marked, and the list of them beside it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from campaigns.models import Run
from delivery import results
from delivery.showing import heat, people
from tenants.console import retailer_console


def show(request: HttpRequest, pk: int) -> HttpResponse:
    """By `?step=` and `?variant=`; the first of the run when left out."""
    run = get_object_or_404(Run.objects.select_related("campaign", "version"), pk=pk)
    choices = heat.choices(run.version.parsed())
    if not choices:
        raise Http404("Nothing of this run has links that clicks are counted on.")
    step, variant = (request.GET.get(name, first) for name, first in zip(("step", "variant"), choices[0], strict=True))
    result = results.current(run, now=timezone.now())
    try:
        shown = heat.of_variant(run, step, variant, people.chosen(""))
    except LookupError as error:
        raise Http404(str(error)) from error
    page = {"title": f"Clicks: {run}", "run": run, "heat": shown, "choices": choices, "result": result}
    return render(request, "console/heat.html", retailer_console.each_context(request) | page)
