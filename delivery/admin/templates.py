"""Templates: an editor with a live preview for a real customer. Saving publishes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.forms import Media
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from campaigns import content, editing, references
from campaigns.admin.removal import RemovedByItsOwner
from campaigns.config.gate import Invalid
from campaigns.forms import channelled, starters, templates
from campaigns.forms.templates import Shape
from campaigns.models import Template
from campaigns.references import Reference
from delivery.views import looking, template_preview
from tenants import held
from tenants.accounts.models import Role
from tenants.console import needs, retailer_console, scripts


@admin.register(Template, site=retailer_console)
class TemplateAdmin(RemovedByItsOwner):
    form = templates.TemplateForm
    list_display = ("name", "channel", "says", "published", "changed")
    list_filter = ("channel",)
    search_fields = ("name", "key", "subject")
    ordering = ("name",)
    when_empty = "A template is how a message looks. Begin with a ready-made one and put your own words in."
    add_label = "Write a template"
    asks_why = True
    prepopulated_fields = {"key": ("name",)}
    compressed_fields = False

    @property
    def media(self) -> Media:
        return super().media + scripts("pane.js", "template_preview.js", "template_fill.js", "sms_counter.js")

    @admin.display(description="Says", ordering="subject")
    def says(self, template: Template) -> str:
        words = template.subject or template.text
        return words if len(words) <= 80 else f"{words[:79]}…"

    @admin.display(description="Live version")
    def published(self, template: Template) -> SafeString:
        if template.live is None:
            return format_html('<span class="c-badge">not published</span>')
        return format_html('<span class="c-badge c-good">version {}</span>', template.live.number)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("live")

    @admin.display(description="Changed", ordering="updated_at")
    def changed(self, template: Template) -> datetime:
        return template.updated_at

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Each channel has a form of its own."""
        form = channelled.FORMS.get(_channel(request, obj), templates.TemplateForm)
        fixed = [name for name in self.get_readonly_fields(request, obj) if name in form.declared_fields]
        changed: dict[str, Any] = dict.fromkeys(fixed)
        if request.POST:  # which reads it: by then a file was let in, or not
            changed["refusal"] = getattr(request, "upload_refusal", "")
        kwargs["form"] = type(form.__name__, (form,), changed)
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        form = channelled.FORMS.get(_channel(request, obj))
        if form is None:
            asked = request.POST if request.method == "POST" else request.GET
            shown = _FIELDSETS[Shape.of(obj.base if obj else asked.get("base", ""))]
            return (*shown, _files(obj)) if templates.takes_files(obj or Template()) else shown
        return [(None, {"fields": ("read_at", ("name", "key"), *form.shown)})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("key",) if obj else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return super().get_changeform_initial_data(request) | starters.initial(request.GET.get("starter", ""))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "GET":
            return super().changeform_view(request, *args, **kwargs)
        with held.held():
            return super().changeform_view(request, *args, **kwargs)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        template = kwargs.get("obj") or Template(channel=_channel(request))
        if template.channel == "email":
            context["adminform"].form.also_in(request.GET.get("language", ""))
        with held.held():
            shown = template_preview.panel(template, request)
        response: HttpResponse = super().render_change_form(request, context | shown, **kwargs)
        return response

    def save_model(self, request: HttpRequest, obj: Template, form: Any, change: bool) -> None:
        editing.save_template(obj)
        version = content.publish(obj, by=request.user)  # type: ignore[arg-type]
        messages.info(request, f"Version {version.number} is live: the next messages sent use it.")

    def users(self, obj: Template) -> list[Reference]:
        return references.to_templates().get(obj.key, [])

    def remove(self, obj: Template) -> None:
        editing.remove_template(obj)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("preview/", view(require_POST(template_preview.preview)), name="campaigns_template_preview"),
            path("people/", view(looking.find), name="campaigns_template_people"),
            path("convert/", view(require_POST(template_preview.convert)), name="campaigns_template_convert"),
            path(
                "<int:pk>/restore/<int:number>/",
                view(needs(Role.EDITOR, require_POST(restore))),
                name="campaigns_template_restore",
            ),
            *super().get_urls(),
        ]


def _channel(request: HttpRequest, obj: Template | None = None) -> str:
    """A template's channel is for good; that of a new one is chosen in the address."""
    return obj.channel if obj else request.GET.get("channel", "email")


_HIDDEN = ("read_at", "base")
_SENDER = ("Sender", {"fields": (("from_name", "from_email"), "reply_to"), "classes": ("collapse",)})


def _files(template: Template | None) -> Any:
    fields = ("attached", "attach") if template and template.attachments else ("attach",)
    return ("Files that go along", {"fields": fields, "classes": () if len(fields) > 1 else ("collapse",)})


_FIELDSETS: dict[Shape, Any] = {
    Shape.OWN: (
        (None, {"fields": (*_HIDDEN, ("name", "key"), "source_format", "subject", "preheader", "html")}),
        ("Plain text", {"fields": ("text",), "classes": ("collapse",)}),
        ("Other languages", {"fields": ("fill",)}),
        _SENDER,
    ),
    Shape.BASED: ((None, {"fields": (*_HIDDEN, ("name", "key"), "subject", "preheader", "fill")}), _SENDER),
}


def restore(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    template = get_object_or_404(Template, pk=pk)
    try:
        templates.take_over(template, editing.roll_back_template(template, number))
    except Invalid as invalid:
        messages.error(request, str(invalid))
    else:
        messages.success(request, f"Version {number} is live again, and is what you edit now.")
    return redirect("admin:campaigns_template_change", pk)
