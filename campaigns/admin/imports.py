"""Imports: files that were brought, how they went, and the first step of bringing one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from campaigns.admin import import_steps
from campaigns.admin.removal import RemovedByItsOwner
from campaigns.importing import FileUnreadable, jobs, kinds, uploads
from campaigns.models import Import
from tenants import acting
from tenants.accounts.models import Role
from tenants.console import needs, retailer_console, scripts

ASKED_BY_SCRIPT = "application/json"


@admin.register(Import, site=retailer_console)
class ImportAdmin(RemovedByItsOwner):
    list_display = ("name", "kind", "status", "rows_done", "rejected", "by", "came")
    list_filter = ("kind", "state")
    list_per_page = 25
    search_fields = ("name", "by")
    search_help_text = "File name, or who brought it"
    ordering = ("-pk",)
    when_empty = "No file was imported yet. Bring one of customers first, then one of what they did."
    add_label = "Import a file"

    @property
    def media(self) -> Media:
        return super().media + scripts("run_progress.js")

    @admin.display(description="State", ordering="state")
    def status(self, job: Import) -> SafeString:
        return format_html('<span class="c-badge c-state-{}">{}</span>', job.state, job.get_state_display().lower())

    @admin.display(description="Rows", ordering="rows")
    def rows_done(self, job: Import) -> str:
        return f"{job.rows:,}"

    @admin.display(description="Rejected")
    def rejected(self, job: Import) -> str:
        return f"{job.counts.get('rejected', 0):,}"

    @admin.display(description="Brought", ordering="created_at")
    def came(self, job: Import) -> datetime:
        return job.created_at

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def remove(self, obj: Import) -> None:
        jobs.remove(obj)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self.has_add_permission(request):
            return render(request, "console/forbidden.html", {"role": "Editor"}, status=403)
        problem = ""
        if request.method == "POST":
            try:
                return _answer(request, reverse("admin:campaigns_import_mapping", args=[_receive(request).pk]))
            except FileUnreadable as refusal:
                problem = str(refusal)
            if request.headers.get("Accept") == ASKED_BY_SCRIPT:
                return JsonResponse({"problem": problem}, status=400)
        page = {
            "title": "Import a file", "opts": self.opts, "media": scripts("upload.js"), "problem": problem,
            "kinds": [(key, label) for key, label in Import.Kind.choices if key in kinds.KINDS],
            "kind": request.POST.get("kind") or request.GET.get("kind") or "customers",
            "limit": uploads.limit(), "most_bytes": uploads.most_bytes(),
        }  # fmt: skip
        return render(request, "console/import/upload.html", self.admin_site.each_context(request) | page)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        job = Import.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
        if job is None:
            raise Http404("There is no such import.")
        if job.state == Import.State.UPLOADED:
            return redirect("admin:campaigns_import_mapping", job.pk)
        page = {"title": f"Import of {job.name}", "original": job, "opts": self.opts, "media": self.media}
        shown = self.admin_site.each_context(request) | page | import_steps.page(job)
        return render(request, "console/import/page.html", shown)

    def get_urls(self) -> list[URLPattern]:
        steps: list[tuple[str, Any, Role]] = [
            ("mapping", import_steps.mapping_page, Role.EDITOR),
            ("preview", import_steps.preview, Role.EDITOR),
            ("start", require_POST(import_steps.start), Role.EDITOR),
            ("cancel", require_POST(import_steps.cancel), Role.EDITOR),
            ("progress", import_steps.progress, Role.VIEWER),
            ("rejects", import_steps.rejects, Role.VIEWER),
        ]
        return [
            *[
                path(
                    f"<int:pk>/{name}/", self.admin_site.admin_view(needs(role, step)), name=f"campaigns_import_{name}"
                )
                for name, step, role in steps
            ],
            *super().get_urls(),
        ]


def _receive(request: HttpRequest) -> Import:
    """Raises FileUnreadable."""
    refusal = getattr(request, "upload_refusal", "")
    given, kind = request.FILES.get("file"), request.POST.get("kind", "")
    if refusal or given is None:
        raise FileUnreadable(refusal or "Choose a file first.")
    if kind not in kinds.KINDS:
        raise FileUnreadable("Say what the file holds first.")
    return uploads.receive(given, kind=kind, by=acting.current().name[:200])


def _answer(request: HttpRequest, address: str) -> HttpResponse:
    if request.headers.get("Accept") == ASKED_BY_SCRIPT:
        return JsonResponse({"next": address})
    return redirect(address)
