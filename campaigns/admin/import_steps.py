"""The steps of an import after its file has come: columns, preview, start, progress, rejected rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils import timezone

from campaigns.forms import imports as forms
from campaigns.importing import FileUnreadable, jobs, kinds, mapping, trial, uploads
from campaigns.importing.kinds import Circumstances
from campaigns.lifecycle import NotAllowed
from campaigns.models import Import
from tenants import bell, context
from tenants.accounts.models import Role
from tenants.console import may, retailer_console

REGIONS = ("head", "numbers")


def mapping_page(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows the columns as suggested or kept; POST keeps a choice, or reads the file in other characters."""
    job = get_object_or_404(Import, pk=pk)
    if job.state != Import.State.UPLOADED:
        return redirect("admin:campaigns_import_change", pk)
    problems: list[str] = []
    try:
        if request.method == "POST":
            if "read_again" in request.POST:
                return _read_again(request, job)
            mapping.save(job, *forms.read(job, request.POST))
            return redirect("admin:campaigns_import_preview", pk)
        samples = uploads.samples(job)
    except mapping.Incomplete as incomplete:
        problems, samples = incomplete.problems, uploads.samples(job)
    except FileUnreadable as problem:
        return _unreadable(request, str(problem))
    return render(request, "console/import/mapping.html", _shown(request, job, "Columns") | {
        "lines": forms.lines(job, samples), "offered": forms.offered(job), "problems": problems,
        "constants": forms.constants(job), "consent": forms.consent(job), "spellings": forms.spellings(job),
        "encodings": list(uploads.ENCODINGS.items()), "encoding": job.format["encoding"],
        "delimiter": uploads.DELIMITERS[job.format["delimiter"]], "zone": context.current().timezone,
    })  # fmt: skip


def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The first rows as they would be stored, and what would become of the first few thousand."""
    job = get_object_or_404(Import, pk=pk)
    if job.state != Import.State.UPLOADED:
        return redirect("admin:campaigns_import_change", pk)
    kind = kinds.of(job)
    if mapping.problems(kind, job.columns, job.mapping, job.constants):
        return redirect("admin:campaigns_import_mapping", pk)
    try:
        tried = trial.attempt(job, Circumstances(timezone.now(), context.current().tzinfo, jobs.source(job)))
    except FileUnreadable as problem:
        return _unreadable(request, str(problem))
    known = sum(tried.counts.get(status, 0) for status in ("updated", "unchanged", "duplicate"))
    return render(request, "console/import/preview.html", _shown(request, job, "Preview") | {
        "trial": tried, "known": known, "labels": [kind.label(field) for field in tried.fields],
        "is_hopeless": tried.is_whole and tried.rejected == tried.looked_at,
    })  # fmt: skip


def start(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(Import, pk=pk)
    try:
        jobs.start(job)
    except (NotAllowed, mapping.Incomplete) as refusal:
        messages.error(request, str(refusal))
    else:
        bell.ring()
    return redirect("admin:campaigns_import_change", pk)


def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(Import, pk=pk)
    try:
        jobs.cancel(job)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "The import is cancelled. What it has written stays.")
    return redirect("admin:campaigns_import_change", pk)


def progress(request: HttpRequest, pk: int) -> JsonResponse:
    """The import's numbers, and the regions of its page as they look now."""
    job = get_object_or_404(Import, pk=pk)
    shown = page(job) | {"original": job, "may_edit": may(request, Role.EDITOR)}
    regions = {name: render_to_string(f"console/import/{name}.html", shown, request) for name in REGIONS}
    return JsonResponse({"is_open": shown["is_open"], "rows": job.rows, "counts": job.counts, "regions": regions})


def rejects(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The rejected rows as a file, as far as they are written for good."""
    job = get_object_or_404(Import, pk=pk)
    file = jobs.rejected(job)
    if file is None:
        raise Http404("No rejected rows are kept of this import.")
    return FileResponse(file, as_attachment=True, filename=jobs.rejects_name(job), content_type="text/csv")


def page(job: Import) -> dict[str, Any]:
    """What the import's page shows."""
    now = timezone.now()
    share = jobs.share(job)
    seconds = _seconds(job, now)
    is_open = job.state in jobs.OPEN
    return {
        "is_open": is_open,
        "percent": int(100 * share),
        "parts": [
            {"status": status, "count": count, "share": 100 * share * count / (job.rows or 1)}
            for status in kinds.of(job).layout.outcomes
            for count in [job.counts.get(status, 0)]
        ],
        "rate": job.rows / seconds if seconds else 0.0,
        "elapsed": _duration(seconds),
        "left": _duration(seconds * (1 - share) / share) if is_open and share else "",
        "has_rejects": bool(job.rejects),
        "held_up": jobs.held_up(job) if is_open else "",
    }


def _seconds(job: Import, now: datetime) -> float:
    return ((job.finished_at or now) - job.started_at).total_seconds() if job.started_at else 0.0


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else str(timedelta(seconds=int(seconds)))


def _read_again(request: HttpRequest, job: Import) -> HttpResponse:
    encoding = request.POST.get("encoding", "")
    if encoding in uploads.ENCODINGS:
        job.format = {**job.format, "encoding": encoding}
        job.notice = ""
        uploads.read_again(job)
        job.save()
    return redirect("admin:campaigns_import_mapping", job.pk)


def _unreadable(request: HttpRequest, problem: str) -> HttpResponse:
    messages.error(request, problem)
    return redirect("admin:campaigns_import_changelist")


def _shown(request: HttpRequest, job: Import, step: str) -> dict[str, Any]:
    page = {"title": f"Import of {job.name}", "original": job, "opts": Import._meta, "step": step}
    return retailer_console.each_context(request) | page
