"""Deleting what may be in use: the module that owns the rule decides, and says who uses it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from campaigns.lifecycle import NotAllowed
from campaigns.references import Reference
from tenants.console import ConsoleAdmin


class RemovedByItsOwner(ConsoleAdmin):
    """`remove` does the deed, and raises NotAllowed where it must not be done. Its page says what goes, in words.

    What is in use (`users`) is not offered to be removed: its form says by what.
    """

    delete_confirmation_template = "console/removal.html"
    removal, removal_says = "Delete", "It is gone for good; what was sent with it stays in the ledger."

    def remove(self, obj: Any) -> None:
        raise NotImplementedError

    def users(self, obj: Any) -> list[Reference]:
        """Who refers to it."""
        return []

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        users = self.users(kwargs["obj"]) if kwargs.get("obj") else []
        context |= {"users": users} | ({"show_delete": False} if users else {})
        response: HttpResponse = super().render_change_form(request, context, **kwargs)
        return response

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.remove(obj)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        told = {"title": self.removal, "removal_says": self.removal_says, "asks_why": self.asks_why}
        try:
            response: HttpResponse = super().delete_view(request, object_id, told | (extra_context or {}))
        except NotAllowed as refusal:
            messages.error(request, str(refusal))
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", object_id)
        return response

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The object alone: what belongs to it goes with it, and may be thousands of rows."""
        return [str(obj) for obj in objs], {self.opts.verbose_name_plural: len(objs)}, set(), []
