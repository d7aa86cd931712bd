"""Choosing a first password: who came by a link has no old one to name."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import PasswordChangeView
from unfold.widgets import INPUT_CLASSES


class FirstPasswordForm(SetPasswordForm):  # type: ignore[type-arg]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = " ".join(INPUT_CLASSES)


class FirstPasswordView(PasswordChangeView):
    form_class = FirstPasswordForm  # type: ignore[assignment]  # the view asks a form only to take a user and save
    template_name = "console/first_password.html"
