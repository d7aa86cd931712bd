"""The form of a campaign: it composes the draft's configuration, and shows what the gate says at its fields."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.html import format_html, format_html_join
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns import configuration
from campaigns.config.gate import Invalid, Problem, parse_campaign
from campaigns.forms import drafts, texts
from campaigns.forms.fields import CHANGED_MEANWHILE, KeyField
from campaigns.forms.variants import VariantsField
from campaigns.models import Campaign, Segment, Template


class CampaignForm(forms.ModelForm):  # type: ignore[type-arg]
    as_of: datetime  # set by the door, which reads the clock and knows the retailer
    zone: tzinfo
    draft_number = forms.IntegerField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget())
    key = KeyField()
    include = forms.ChoiceField(
        label="Send to",
        widget=UnfoldAdminSelectWidget(),
        error_messages={"required": "Choose a segment, or everyone."},
    )
    exclude = forms.ChoiceField(label="But not to", required=False, widget=UnfoldAdminSelectWidget())
    holdout = forms.DecimalField(
        label="Hold back %",
        min_value=0,
        max_value=90,
        required=False,
        help_text="A random share that gets nothing: comparing them with the rest shows what the campaign did.",
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "class": "c-number"}),
    )
    template = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget(), error_messages={"required": "Choose a template, or write one first."}
    )
    variants = VariantsField(help_text="With several variants, people are dealt to them at random in equal shares.")
    when = forms.ChoiceField(label="Start", widget=UnfoldAdminRadioSelectWidget())
    rhythm = forms.ChoiceField(
        label="How often", required=False, choices=list(drafts.RHYTHMS.items()), widget=UnfoldAdminSelectWidget()
    )
    at = forms.CharField(
        label="Date and time",
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local", "class": "c-date"}),
    )
    topic = forms.SlugField(
        max_length=63,
        widget=UnfoldAdminTextInputWidget(),
        help_text="What kind of message this is: people may one day unsubscribe from one topic and keep another.",
    )

    class Meta:
        model = Campaign
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before: dict[str, Any] = self.instance.draft if self.instance.pk else drafts.NEW
        shown = drafts.values(self.before, zone=self.zone)
        self.initial = {**self.initial, **shown, "draft_number": self.instance.draft_number}
        self._offer_segments()
        self._offer_templates()
        kinds = [
            ("api", "When somebody presses Launch, or the API asks"),
            ("schedule", "Once, at a date and time"),
            ("recurring", "Again and again, from a date and time on"),
        ]
        if self.initial["when"] == drafts.KEPT:
            said = drafts.trigger_words(self.before["trigger"], self.zone)
            kinds.append((drafts.KEPT, f"As set up elsewhere: {said}"))
        self.fields["when"].choices = kinds  # type: ignore[attr-defined]
        self.fields["at"].help_text = f"Wall-clock time in {self.zone}."
        if self.instance.pk and not self.is_bound:
            self._say_what_is_missing()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.instance.pk and cleaned.get("draft_number") != self.instance.draft_number:
            self.add_error(None, CHANGED_MEANWHILE)
        if cleaned.get("when") in ("schedule", "recurring") and "at" in cleaned:
            self._check_instant(cleaned["at"])
        if not self.errors:
            self._compose(cleaned | {"key": self.instance.key or cleaned["key"]})
        return cleaned

    def _compose(self, given: dict[str, Any]) -> None:
        """`config` is what the fields ask for, or the gate's problems stand at them."""
        self.config = drafts.compose(self.before, given, zone=self.zone)
        try:
            parse_campaign(self.config)
            if not self.instance.pk and Campaign.objects.filter(key=given["key"]).exists():
                raise Invalid([Problem("key", "another campaign has this key: choose another")])
        except Invalid as invalid:
            for problem in invalid.problems:
                self.add_error(drafts.place(problem), drafts.words(problem))

    def _check_instant(self, at: str) -> None:
        try:
            instant = datetime.fromisoformat(at).replace(tzinfo=self.zone)
        except ValueError:
            self.add_error("at", "Choose a date and a time.")
            return
        if at != self.initial["at"] and instant <= self.as_of:
            self.add_error("at", "That moment has passed: choose a later one.")

    def _offer_segments(self) -> None:
        segments = [(key, name) for key, name in Segment.objects.order_by("name").values_list("key", "name")]
        audience = self.before["audience"]
        for field, first in (("include", (drafts.EVERYONE, "Everyone")), ("exclude", ("", "Nobody left out"))):
            kept = [(drafts.KEPT, drafts.rule_words(audience[field]))] if self.initial[field] == drafts.KEPT else []
            chosen = self.initial[field]
            gone = [] if chosen in ("", drafts.KEPT, first[0], *dict(segments)) else [(chosen, f"{chosen} (missing)")]
            empty = [("", "Choose a segment")] if field == "include" and not chosen else []
            self.fields[field].choices = [*empty, *kept, *gone, first, *segments]  # type: ignore[attr-defined]

    def _offer_templates(self) -> None:
        found = list(Template.objects.filter(channel="email").select_related("live").order_by("name"))
        chosen = self.data.get("template") or self.initial["template"]
        offered = [(each.key, each.name if each.live else f"{each.name} (not published)") for each in found]
        if chosen and chosen not in dict(offered):
            offered.append((chosen, f"{chosen} (missing)"))
        self.fields["template"].choices = [("", "Choose a template"), *offered]  # type: ignore[attr-defined]
        widget: Any = self.fields["variants"].widget
        widget.names_by_template = {each.key: texts.of_template(each) for each in found}
        widget.names = widget.names_by_template.get(chosen, [])

    def _say_what_is_missing(self) -> None:
        """A saved draft may not be ready to launch: each field says why."""
        for field, problems in missing(self.instance, as_of=self.as_of).items():
            said = format_html_join("", '<span class="c-problem">{}</span>', ((problem,) for problem in problems))
            if field in self.fields:
                self.fields[field].help_text = format_html("{}{}", said, self.fields[field].help_text)


def missing(campaign: Campaign, *, as_of: datetime) -> dict[str, list[str]]:
    """What keeps a draft from being launched, by the form field it belongs to."""
    try:
        problems = configuration.check(parse_campaign(campaign.draft), as_of=as_of)
    except Invalid as invalid:
        problems = invalid.problems
    found: dict[str, list[str]] = {}
    for problem in problems:
        field = drafts.place(problem)
        said = drafts.words(problem) if field else f"{problem.field}: {problem.message}"
        found.setdefault(field or NON_FIELD_ERRORS, []).append(said)
    return found
