"""The form of a template: what it checks is what publishing checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from campaigns import content
from campaigns.config.template import TEMPLATE, TemplateDocument
from campaigns.forms.fields import CHANGED_MEANWHILE, KeyField
from campaigns.models import Template, TemplateVersion

_PREHEADER = re.compile(re.escape(content.PREHEADER).replace(re.escape("{text}"), "(.*?)"), re.DOTALL)


class TemplateForm(forms.ModelForm):  # type: ignore[type-arg]
    key = KeyField()
    read_at = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Template
        fields = ["name", "key", "subject", "preheader", "html", "text"]
        labels = {"html": "HTML", "preheader": "Preview text", "text": "Plain text"}
        help_texts = {
            "subject": "A campaign's variants may each say their own.",
            "preheader": "What inboxes show beside the subject.",
        }
        widgets = {
            "subject": UnfoldAdminTextInputWidget(attrs={"class": "c-wide"}),
            "preheader": UnfoldAdminTextInputWidget(attrs={"class": "c-wide"}),
            "html": UnfoldAdminTextareaWidget(attrs={"class": "c-code c-tall", "spellcheck": "false", "wrap": "off"}),
            "text": UnfoldAdminTextareaWidget(attrs={"class": "c-code", "rows": 6}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["read_at"].initial = self.instance.updated_at.isoformat()

    def clean_read_at(self) -> str:
        """Two people at one template: the second to save is told, instead of undoing the first one's work."""
        read_at: str = self.cleaned_data["read_at"]
        if self.instance.pk and read_at and read_at != self.instance.updated_at.isoformat():
            self.add_error(None, CHANGED_MEANWHILE)
        return read_at

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            for problem in content.check(self.instance) or content.check_policy(self.instance):
                self.add_error(problem.field if problem.field in self.fields else None, problem.message.capitalize())


def written_in(posted: Mapping[str, str]) -> Template:
    """What a form says that was not sent for good, as a template."""
    template = Template(**{name: posted.get(name, "") for name in ("subject", "preheader", "html", "text")})
    template.key = posted.get("key", "") or posted.get("template_key", "")
    return template


def take_over(template: Template, version: TemplateVersion) -> None:
    """Make an earlier version's content the one that is edited."""
    for name, value in (said(version) or _read_back(version)).items():
        setattr(template, name, value)
    template.save()


def said(version: TemplateVersion) -> dict[str, Any]:
    """What its draft said; blank for a version of before drafts were kept."""
    if not version.document:
        return {}
    document: TemplateDocument = TEMPLATE.validate_python(version.document)
    return document.model_dump(mode="json")


def _read_back(version: TemplateVersion) -> dict[str, Any]:
    found = _PREHEADER.search(version.html)
    html = version.html.replace(found[0], "", 1) if found else version.html
    text = "" if version.text == content.plain_text(version.html) else version.text
    return {"subject": version.subject, "preheader": found[1] if found else "", "html": html, "text": text}
