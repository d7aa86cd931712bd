"""The form of a template: what it checks is what publishing checks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from campaigns import attachments, bases, beneath, content, editions, policies
from campaigns.beneath import Beneath
from campaigns.config import attached
from campaigns.config.gate import Invalid, Problem
from campaigns.config.template import TEMPLATE, TemplateDocument, Translation
from campaigns.forms import filling
from campaigns.forms.fields import KeyField
from campaigns.forms.fill_field import FillField
from campaigns.forms.filling import Filled
from campaigns.forms.languages import LANGUAGES
from campaigns.forms.meanwhile import ReadAtForm
from campaigns.layering import Fill
from campaigns.models import Template, TemplateVersion
from tenants import context

_PREHEADER = re.compile(re.escape(content.PREHEADER).replace(re.escape("{text}"), "(.*?)"), re.DOTALL)


CODE = {"class": "c-code", "spellcheck": "false", "wrap": "off"}


class Shape(StrEnum):
    """What kind of e-mail is written: that decides which fields there are."""

    OWN = "own"  # of HTML or MJML
    BASED = "based"  # on a base

    @classmethod
    def of(cls, base: str) -> Shape:
        return cls.BASED if base else cls.OWN

    @property
    def texts(self) -> tuple[str, ...]:
        """What may be said in another language besides slots and blocks."""
        return ("subject", "preheader", "html", "text") if self is Shape.OWN else ("subject", "preheader")


class TemplateForm(ReadAtForm):
    refusal = ""  # why a file that was sent was not even read

    key = KeyField()
    attached = forms.MultipleChoiceField(
        required=False,
        label="Files that go along",
        help_text="Untick one to leave it out.",
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    attach = forms.FileField(required=False, label="Add a file")
    fill = FillField(required=False, label="Other languages")

    class Meta:
        model = Template
        fields = [
            "name", "key", "base", "source_format", "subject", "preheader", "html", "text", "from_name",
            "from_email", "reply_to",
        ]  # fmt: skip
        labels = {
            "html": "HTML", "preheader": "Preview text", "text": "Plain text", "source_format": "Written in",
            "from_name": "Sender's name", "from_email": "Sender's address", "reply_to": "Answers go to",
        }  # fmt: skip
        help_texts = {
            "subject": "A campaign's variants may each say their own.",
            "preheader": "What inboxes show beside the subject.",
            "from_name": "Blank: the brand's.",
        }
        widgets = {
            "base": forms.HiddenInput,
            "source_format": UnfoldAdminSelectWidget,
            "subject": UnfoldAdminTextInputWidget(attrs={"class": "c-wide"}),
            "preheader": UnfoldAdminTextInputWidget(attrs={"class": "c-wide"}),
            "html": UnfoldAdminTextareaWidget(attrs=CODE | {"class": "c-code c-tall"}),
            "text": UnfoldAdminTextareaWidget(attrs={"class": "c-code", "rows": 6}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = self.instance if self.instance.pk else None
        asked = self.data if self.is_bound else self.initial
        base = known.base if known else str(asked.get("base", ""))
        self.shape = Shape.of(base)
        if known and "base" in self.fields:
            self.fields["base"].disabled = True
        self._prepare_files()
        self._prepare_fill(base, filled_of(self.instance))

    def _prepare_files(self) -> None:
        if not takes_files(self.instance):
            del self.fields["attached"], self.fields["attach"]
            return
        given: Any = self.instance.attachments
        if given:
            field: Any = self.fields["attached"]
            field.choices = [(_file_value(each), each["name"]) for each in given]
            field.initial = [_file_value(each) for each in given]
        else:
            del self.fields["attached"]
        if allowed := policies.effective(context.current()).attachments:
            self.fields["attach"].help_text = f"Allowed: {attached.words(allowed)}."

    def clean_attach(self) -> list[dict[str, str]]:
        """What was sent, kept: its type is looked up in what is in it."""
        if self.refusal:
            raise forms.ValidationError(self.refusal)
        upload = self.cleaned_data["attach"]
        if not upload:
            return []
        try:
            kept = attachments.keep(upload.name, upload.read(attached.MOST_BYTES + 1))
        except Invalid as invalid:
            told = (problem.message for problem in invalid.problems)
            raise forms.ValidationError([each[:1].upper() + each[1:] for each in told]) from None
        return [{"name": upload.name, "digest": kept.digest}]

    def _put_files(self) -> None:
        """Those that are still ticked, and the new one; of the same name the new one counts."""
        if "attach" not in self.fields:
            return
        ticked, new = set(self.cleaned_data.get("attached") or ()), self.cleaned_data["attach"] or []
        names = {each["name"].lower() for each in new}
        kept = [each for each in self.instance.attachments if _file_value(each) in ticked]
        self.instance.attachments = [each for each in kept if each["name"].lower() not in names] + new

    def _prepare_fill(self, base: str, filled: Filled) -> None:
        spoken = filling.locales_in(self.data) if self.is_bound else list(filled.translations)
        lies = lying_beneath(base, spoken)
        lies = beneath.unsaid(lies, _slots_of(filling.read(self.data, lies.get("")) if self.is_bound else filled))
        widget: Any = self.fields["fill"].widget
        widget.beneath, widget.problems, self.lies = lies, {}, lies.get("")
        widget.own = {name: str(self.data.get(name) or getattr(self.instance, name)) for name in self.shape.texts}
        widget.languages = sorted(LANGUAGES.items(), key=lambda pair: pair[1])
        self.fields["fill"].initial = filled
        if self.shape is Shape.BASED:
            self.fields["fill"].label = "What it says"
        if self.lies:
            for name in ("subject", "preheader"):
                if name in self.fields:
                    self.fields[name].widget.attrs["placeholder"] = getattr(self.lies, name)

    def also_in(self, locale: str) -> None:
        """Offers a language that nothing is said in yet."""
        widget: Any = self.fields["fill"].widget
        widget.wanted = locale if locale in LANGUAGES else ""

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        put(self.instance, self.cleaned_data["fill"], self.shape)
        self._put_files()
        for problem in content.check(self.instance) or content.check_policy(self.instance):
            self._tell(problem)

    def _tell(self, problem: Problem) -> None:
        """At its field; of a slot, a block or a language at its input too."""
        said, root = problem.message[:1].upper() + problem.message[1:], problem.field.partition(".")[0]
        if problem.field in self.fields and not self.fields[problem.field].widget.is_hidden:
            self.add_error(problem.field, said)
        elif root == "attachments" and "attach" in self.fields:
            self.add_error("attach", said)
        elif root in ("slots", "blocks", "translations"):
            widget: Any = self.fields["fill"].widget
            widget.problems.setdefault(problem.field, []).append(said)
            self.add_error("fill", f"{problem.field.partition('.')[2]}: {said}")
        else:
            self.add_error(None, said)


def takes_files(template: Template) -> bool:
    """Whether the policy lets files go along, or some do already that it would rather not."""
    return bool(template.attachments) or policies.effective(context.current()).attachments is not None


def _file_value(each: Mapping[str, str]) -> str:
    return f"{each['digest']} {each['name']}"


def _files_in(posted: Any) -> list[dict[str, str]]:
    """Those that are ticked in a form that was not sent for good."""
    values = posted.getlist("attached") if hasattr(posted, "getlist") else []
    pairs = (value.split(" ", 1) for value in values if " " in value)
    known = [{"name": name, "digest": digest} for digest, name in pairs]
    return [{"name": each["name"], "digest": each["digest"]} for each in attachments.described(known)]


def put(template: Template, filled: Filled, shape: Shape) -> None:
    """What was typed beside the plain fields, into the template; what the form does not show of it stays."""
    template.slots, template.blocks = filled.slots, filled.blocks
    before, shown = template.translations, {*shape.texts, "slots", "blocks"}
    template.translations = {}
    for locale in {**before, **filled.translations}.keys() - filled.dropped:
        kept = {name: value for name, value in before.get(locale, {}).items() if name not in shown}
        if said_there := kept | filled.translations.get(locale, {}):
            template.translations[locale] = said_there


def filled_of(template: Template) -> Filled:
    translations = {locale: dict(said) for locale, said in template.translations.items()}
    return Filled(dict(template.slots), dict(template.blocks), translations)


def unsaid(template: Template) -> dict[str, str]:
    """Of a template on a base: what stands in its texts where it says nothing there itself."""
    lies = beneath.unsaid(lying_beneath(template.base), _slots_of(filled_of(template))).get("")
    return {name: getattr(lies, name) for name in Shape.BASED.texts} if lies else {}


def _slots_of(filled: Filled) -> Fill:
    """As they are: what does not fit is left out where layers are put together."""
    said = {
        locale: Translation.model_construct(slots=each.get("slots", {})) for locale, each in filled.translations.items()
    }
    return Fill(editions.OWN, slots=filled.slots, translations=said)


def lying_beneath(base: str, locales: Iterable[str] = ()) -> dict[str, Beneath]:
    """By language, the template's own first; nothing for a template on its own, or on a base that is gone."""
    try:
        return beneath.of_all(base, ["", *locales]) if base else {}
    except bases.Unavailable:
        return {}


def written_in(posted: Mapping[str, str]) -> Template:
    """What a form says that was not sent for good, as a template."""
    plain = ("subject", "preheader", "html", "text", "base", "from_name")
    template = Template(**{name: posted.get(name, "") for name in plain})
    template.key = posted.get("key", "") or posted.get("template_key", "")
    template.source_format = posted.get("source_format", "") or "html"
    lies = lying_beneath(template.base).get("")
    put(template, filling.read(posted, lies), Shape.of(template.base))
    template.attachments = _files_in(posted)
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
