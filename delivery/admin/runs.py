"""Runs: what was started, and how it goes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from campaigns.models import Run
from delivery import reports
from delivery.admin.badges import badge
from delivery.views import comparing, deciding, explaining, exporting, run_heat, run_progress, run_results
from tenants.accounts.models import Role
from tenants.console import ReadOnly, needs, retailer_console, scripts

retailer_console.page("results/", "results")(comparing.compare)


@admin.register(Run, site=retailer_console)
class RunAdmin(ReadOnly):
    list_display = ("campaign", "status", "started", "ended", "sent", "waiting", "not_sent")
    list_filter = ("state",)
    list_select_related = ("campaign",)
    list_per_page = 25
    search_fields = ("campaign__name", "campaign__key")
    ordering = ("-pk",)
    when_empty = "Nothing has run yet. Launch a campaign, or schedule one."

    @property
    def media(self) -> Media:
        return super().media + scripts("run_progress.js")

    @admin.display(description="State", ordering="state")
    def status(self, run: Run) -> SafeString:
        return badge(run.state)

    @admin.display(description="Started", ordering="started_at")
    def started(self, run: Run) -> datetime:
        return run.started_at

    @admin.display(description="Ended", ordering="finished_at")
    def ended(self, run: Run) -> datetime | None:
        return run.finished_at

    @admin.display(description="Accepted")
    def sent(self, run: Any) -> str:
        return f"{run.tally.get('accepted', 0) + run.tally.get('delivered', 0):,}"

    @admin.display(description="Waiting")
    def waiting(self, run: Any) -> str:
        return f"{sum(run.tally.get(state, 0) for state in run_progress.WAITING):,}"

    @admin.display(description="Not sent")
    def not_sent(self, run: Any) -> str:
        sent = ("accepted", "delivered", *run_progress.WAITING)
        return f"{sum(number for state, number in run.tally.items() if state not in sent):,}"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response: Any = super().changelist_view(request, extra_context)
        found = response.context_data["cl"].result_list if hasattr(response, "context_data") else []
        tallies = reports.states_of([run.pk for run in found])
        for run in found:
            run.tally = tallies.get(run.pk, {})
        return response

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        known = Run.objects.select_related("campaign", "version")
        run = known.filter(pk=object_id).first() if object_id.isdecimal() else None
        if run is None:
            raise Http404("There is no such run.")
        page = self.admin_site.each_context(request) | run_progress.page(run)
        shown = {"title": str(run), "original": run, "opts": self.opts, "media": self.media}
        return render(request, "console/run.html", page | shown)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        moves = {
            "pause": run_progress.pause,
            "resume": run_progress.resume,
            "cancel": run_progress.cancel,
            "throttle": run_progress.throttle,
        }
        return [
            path("explain/", view(explaining.page), name="explain"),
            path("<int:pk>/progress/", view(run_progress.progress), name="campaigns_run_progress"),
            path("<int:pk>/results/", view(run_results.show), name="campaigns_run_results"),
            path("<int:pk>/results/clicks/", view(run_heat.show), name="campaigns_run_heat"),
            path("<int:pk>/results/<slug:of>.csv", view(exporting.export), name="campaigns_run_export"),
            path("<int:pk>/unknowns.csv", view(deciding.export), name="campaigns_run_unknowns"),
            path(
                "<int:pk>/resolve/",
                view(needs(Role.EDITOR, require_POST(deciding.resolve))),
                name="campaigns_run_resolve",
            ),
            *[
                path(f"<int:pk>/{name}/", view(needs(Role.EDITOR, require_POST(move))), name=f"campaigns_run_{name}")
                for name, move in moves.items()
            ],
            *super().get_urls(),
        ]
