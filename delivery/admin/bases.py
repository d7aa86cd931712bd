"""Base templates in the platform's console: drafts with a preview, releases with a ring, and how the ring does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from campaigns import bases
from campaigns.bases import ChangedMeanwhile, NotAllowed
from campaigns.config.gate import Invalid
from campaigns.forms.bases import BaseForm, first_draft
from campaigns.models import Customer
from delivery import base_previews, releases
from delivery.showing.panes import Pane
from tenants import acting
from tenants.accounts.models import Role
from tenants.console import may, needs, platform_console, scripts
from tenants.models import BaseTemplate, BaseVersion, Group, Retailer

MOST_VERSIONS = 20  # that are listed


@platform_console.page("bases/", "platform_bases")
def listed(request: HttpRequest) -> HttpResponse:
    """The platform's bases, under each what groups say over it; then groups' own."""
    if request.method == "POST":
        return _guarded_begin(request)
    rows, counted = bases.listed(), bases.built_on()
    groups = dict(Retailer.objects.active().values_list("pk", "group_id"))
    for row in rows:
        below = [pk for pk, group_id in groups.items() if row.group_id in (None, group_id)]
        row.retailers = sum((pk, row.key) in counted for pk in below)  # type: ignore[attr-defined]
        row.is_over = bool(row.group_id) and any(each.key == row.key and not each.group_id for each in rows)  # type: ignore[attr-defined]
    page = {"title": "Base templates", "rows": rows, "groups": Group.objects.order_by("name")}
    return _page(request, "bases/list.html", page)


def _begin(request: HttpRequest) -> HttpResponse:
    """A new base, or what a group says over one that is there."""
    group = Group.objects.filter(pk=_number(request, "group")).first()
    key = request.POST.get("key", "").strip()
    base = bases.find(key, group) or bases.blank(key, group)
    if base.pk is None:
        above = bases.find(key) if group else None
        base.name = request.POST.get("name", "").strip() or (above or base).name
        try:
            base = bases.save(base, first_draft(base))
        except Invalid as invalid:
            messages.error(request, f"{invalid}.")
            return redirect("admin:platform_bases")
    return redirect("admin:platform_base", base.pk)


_guarded_begin = needs(Role.ADMIN, _begin)


@platform_console.page("bases/<int:pk>/", "platform_base")
def edited(request: HttpRequest, pk: int) -> HttpResponse:
    base = _base(pk)
    return _guarded_save(request, base) if request.method == "POST" else _shown(request, BaseForm(base))


def _save(request: HttpRequest, base: BaseTemplate) -> HttpResponse:
    form = BaseForm(base, request.POST.dict())
    try:
        saved = form.save()
    except ChangedMeanwhile as refusal:
        messages.error(request, f"{refusal} Nothing of yours was saved.")
        return redirect("admin:platform_base", base.pk)
    if saved is None:
        return _shown(request, form)
    messages.success(request, f"Draft {saved.number} is saved. Nobody has it before it is published.")
    return redirect("admin:platform_base", base.pk)


_guarded_save = needs(Role.ADMIN, _save)


@platform_console.page("bases/<int:pk>/preview/", "platform_base_preview")
def previewed(request: HttpRequest, pk: int) -> HttpResponse:
    """What was posted, for the chosen retailer's brand; or what is wrong with it."""
    form = BaseForm(_base(pk), request.POST.dict() if request.method == "POST" else None)
    pane = _pane(form, request.POST.get("retailer", ""))
    problems = [{"field": "", "message": pane.problem}] if pane.problem else []
    return JsonResponse(pane.answer() | {"problems": problems})


@platform_console.page("bases/<int:pk>/impact/", "platform_base_impact")
def impact(request: HttpRequest, pk: int) -> HttpResponse:
    """Who builds on it, and what of theirs the draft has no place for."""
    base, problems = _base(pk), []
    try:
        found = bases.impact(base, base.draft)
    except Invalid as invalid:
        found, problems = bases.impact(base), invalid.problems
    page = {
        "title": f"Built on {base.name}",
        "base": base,
        "found": found,
        "problems": problems,
        "templates": sum(each.templates for each in found),
        "misfits": sum(len(each.misfits) for each in found),
    }
    return _page(request, "bases/impact.html", page)


@platform_console.page("bases/<int:pk>/release/", "platform_base_release", Role.ADMIN)
@require_POST
def released(request: HttpRequest, pk: int) -> HttpResponse:
    """One step of a release, by the name of its button."""
    base, step = _base(pk), _STEPS.get(request.POST.get("step", ""))
    if step is None:
        messages.error(request, "Say which step: use a button of the page.")
        return redirect("admin:platform_base", pk)
    try:
        messages.success(request, step(request, base))
    except Invalid as invalid:
        messages.error(request, " ".join(f"{each.message}." for each in invalid.problems[:3]))
    except (NotAllowed, Retailer.DoesNotExist) as refusal:
        messages.error(request, str(refusal))
    return redirect("admin:platform_base", pk)


# -- steps: each returns what was done, in words -----------------------------------------------------------------------
def _publish(request: HttpRequest, base: BaseTemplate) -> str:
    version = bases.publish(base, by=acting.current().name)
    return f"Version {version.number} is live: every retailer's next batch is made of it."


def _canary(request: HttpRequest, base: BaseTemplate) -> str:
    chosen = Retailer.objects.filter(pk__in=_numbers(request, "retailers"))
    chosen |= Retailer.objects.filter(group__in=_numbers(request, "groups"))
    ring = list(chosen.distinct().order_by("slug"))
    if not ring:
        raise NotAllowed("Choose the retailers that have it first, or a group.")
    version = bases.publish(base, by=acting.current().name, canary=ring)
    return f"Version {version.number} is a canary for {', '.join(map(str, ring))}."


def _promote(request: HttpRequest, base: BaseTemplate) -> str:
    return f"Version {bases.promote(base).number} is live for everybody."


def _roll_back(request: HttpRequest, base: BaseTemplate) -> str:
    live = bases.roll_back(base, to=_number(request, "version") or None)
    return f"Version {live.number} is what everybody has." if live else "The canary is withdrawn: nothing is live."


def _pin(request: HttpRequest, base: BaseTemplate) -> str:
    retailer, number = Retailer.objects.get(pk=_number(request, "retailer")), _number(request, "version")
    bases.pin(base, retailer, number, reason=request.POST.get("change_reason", ""))
    return f"{retailer} stays at version {number}."


def _unpin(request: HttpRequest, base: BaseTemplate) -> str:
    retailer = Retailer.objects.get(pk=_number(request, "retailer"))
    bases.unpin(base, retailer)
    return f"{retailer} follows what is published again."


def _kill(request: HttpRequest, base: BaseTemplate) -> str:
    version = bases.version(base, _number(request, "version"))
    bases.kill(version, reason=request.POST.get("change_reason", ""), force=bool(request.POST.get("force")))
    return f"Version {version.number} is killed: nobody uses it any more."


_STEPS: dict[str, Callable[[HttpRequest, BaseTemplate], str]] = {
    "publish": _publish,
    "canary": _canary,
    "promote": _promote,
    "roll back": _roll_back,
    "pin": _pin,
    "unpin": _unpin,
    "kill": _kill,
}


# -- the page ----------------------------------------------------------------------------------------------------------
def _shown(request: HttpRequest, form: BaseForm) -> HttpResponse:
    base = form.base
    page = {
        "title": f"{base.name}, over {base.key}" if form.is_layer else base.name,
        "base": base,
        "form": form,
        "retailers": _below(base),
        "groups": [] if base.group_id else Group.objects.order_by("name"),
        "pane": _pane(form, ""),
        "versions": _versions(base),
        "pins": base.pins.select_related("retailer", "version").order_by("retailer__name"),
        "ring": releases.ring(base),
        "draft_is": _published(form),
        "media": scripts("pane.js", "base_editor.js"),
    }
    return _page(request, "bases/edit.html", page)


def _published(form: BaseForm) -> BaseVersion | None:
    """The version in use that says what the draft says."""
    try:
        document = bases.document_of(form.base, form.draft)
    except Invalid:
        return None
    return next((each for each in (form.base.live, form.base.canary) if each and each.document == document), None)


def _pane(form: BaseForm, retailer: str) -> Pane:
    below = _below(form.base).select_related("group")
    chosen = below.filter(pk=retailer).first() if retailer.isdecimal() and len(retailer) < 10 else below.first()
    if chosen is None:
        return Pane("", Customer(), problem="There is no retailer to preview for yet.")
    try:
        return base_previews.pane(form.base, form.draft, chosen)
    except Invalid as invalid:
        told = (": ".join(filter(None, [each.field, each.message])) for each in invalid.problems)
        return Pane("", Customer(), problem=next(told))


def _versions(base: BaseTemplate) -> list[BaseVersion]:
    return list(base.versions.defer("document", "compiled").order_by("-number")[:MOST_VERSIONS])


def _below(base: BaseTemplate) -> QuerySet[Retailer]:
    """Whose templates may be built on it."""
    everybody = Retailer.objects.active().order_by("name")
    return everybody.filter(group_id=base.group_id) if base.group_id else everybody


def _base(pk: int) -> BaseTemplate:
    return get_object_or_404(BaseTemplate.objects.select_related("group", "live", "canary"), pk=pk)


def _number(request: HttpRequest, name: str) -> int:
    given = request.POST.get(name, "")
    return int(given) if given.isdecimal() and len(given) < 10 else 0


def _numbers(request: HttpRequest, name: str) -> list[int]:
    return [int(each) for each in request.POST.getlist(name) if each.isdecimal() and len(each) < 10]


def _page(request: HttpRequest, template: str, page: dict[str, Any]) -> HttpResponse:
    shared = platform_console.each_context(request) | {
        "may_change": may(request, Role.ADMIN),
        "home": reverse("admin:platform_bases"),
    }
    return render(request, f"console/{template}", shared | page)
