"""People who sign in, and keys that integrators call with. A key or link is shown once, on the page that makes it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.encoding import force_bytes
from django.utils.html import format_html
from django.utils.http import urlsafe_base64_encode
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminRadioSelectWidget

from tenants import addresses, context, people
from tenants.accounts.models import ApiKey, Role, User
from tenants.console import AdministratorsOnly, needs, platform_console, retailer_console


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ["email", "first_name", "last_name", "role", "is_active"]
        labels = {"email": "E-mail", "is_active": "May sign in"}
        help_texts = {
            "role": "Each role may also do what the ones above it may. Nobody approves what they wrote themselves.",
            "is_active": "Untick to lock somebody out without forgetting what they did.",
        }
        widgets = {"role": UnfoldAdminRadioSelectWidget()}

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if User.objects.filter(email=email).exclude(pk=self.instance.pk).exists():
            raise ValidationError("Somebody with this address is here already: find them in the list.")
        return email


class UserAdmin(AdministratorsOnly):
    called = "People"
    form = UserForm
    list_display = ("address", "first_name", "last_name", "what_they_may", "may_sign_in", "last_login")
    list_filter = ("role",)
    search_fields = ("email", "first_name", "last_name")
    ordering = ("email",)
    fields = ("email", "first_name", "last_name", "role", "is_active")
    asks_why = True
    change_form_template = "console/user.html"

    @admin.display(description="E-mail", ordering="email")
    def address(self, user: User) -> str:
        return user.email

    @admin.display(description="Role", ordering="role")
    def what_they_may(self, user: User) -> str:
        return Role(user.role).label.partition(":")[0]

    @admin.display(description="May sign in", boolean=True)
    def may_sign_in(self, user: User) -> bool:
        return user.is_active

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.fields if obj else self.fields[:-1]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Nobody locks themselves out."""
        return ("role", "is_active") if obj and obj.pk == request.user.pk else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # what they published names them

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        people.save_person(obj)

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: Any = None) -> HttpResponse:
        return self._link_page(request, obj)

    def new_link(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._link_page(request, get_object_or_404(User, pk=pk, is_active=True))

    def _link_page(self, request: HttpRequest, user: User) -> HttpResponse:
        made = {"title": f"Login link for {user.email}", "link": self._base_url() + _login_path(user), "person": user}
        return render(request, "console/login_link.html", self.admin_site.each_context(request) | made)

    def _base_url(self) -> str:
        is_platform = self.admin_site is platform_console
        return addresses.platform_url() if is_platform else addresses.base_url(context.current())

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(needs(Role.ADMIN, require_POST(self.new_link)))
        return [path("<int:pk>/link/", view, name="accounts_user_link"), *super().get_urls()]


retailer_console.register(User, UserAdmin)
platform_console.register(User, UserAdmin)


@admin.register(ApiKey, site=retailer_console)
class ApiKeyAdmin(AdministratorsOnly):
    list_display = ("name", "prefix", "scope", "status", "created", "last_used_at")
    search_fields = ("name", "prefix")
    ordering = ("-created",)
    readonly_fields = ("prefix", "created", "last_used_at")
    when_empty = "No keys yet. A till, a shop or a warehouse needs one to send customers and events."
    add_label = "Make an API key"

    @admin.display(description="Status")
    def status(self, key: ApiKey) -> SafeString:
        state = "revoked" if key.revoked else "expired" if key.has_expired else "active"
        return format_html('<span class="c-badge c-state-{}">{}</span>', state, state)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ("name", "scope", "expiry_date")
        return ("name", "prefix", "scope", "expiry_date", "created", "last_used_at", "revoked")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.readonly_fields, "scope", "expiry_date") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # revoke it: then the list still tells that it was there

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            people.save_key(obj)
        else:
            request.made_key = people.make_key(obj)  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: Any = None) -> HttpResponse:
        made = {"title": f"API key {obj.name}", "key": request.made_key, "made": obj}  # type: ignore[attr-defined]
        return render(request, "console/api_key.html", self.admin_site.each_context(request) | made)


def _login_path(user: User) -> str:
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("login_by_link", args=[uid, default_token_generator.make_token(user)])
