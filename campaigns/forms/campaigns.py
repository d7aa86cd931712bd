"""The form of a campaign: it composes the draft's configuration, and shows what the gate says at its fields."""

from __future__ import annotations

import copy
from datetime import datetime, tzinfo
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import transaction
from django.utils.html import format_html, format_html_join
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns import configuration
from campaigns.config.gate import Invalid
from campaigns.configuration import Conflict
from campaigns.forms import counting, drafts, inheritance, pace, suggestions, texts, variants
from campaigns.forms.fields import HostsField, KeyField, PairsField, SuggestingInput
from campaigns.forms.inheritance import Standing
from campaigns.forms.variants import VariantsField
from campaigns.models import Campaign, Segment, Template

GIVE_UP = "use_inherited"  # paths whose inherited value is wanted again
OVERTAKEN = (
    "{by} saved this meanwhile, so nothing of yours is saved yet. What you wrote is still below: saving now puts it "
    "over theirs; open the page again to begin with theirs."
)


class CampaignForm(forms.ModelForm):  # type: ignore[type-arg]
    as_of: datetime  # set by the door, which reads the clock and knows the retailer
    zone: tzinfo
    conflict: Conflict | None = None  # what others saved while this was written
    problems: dict[str, list[str]] = {}  # what keeps the saved draft from being launched, by field
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
    event_name = forms.CharField(
        label="What they do",
        max_length=64,
        required=False,
        help_text="The name of an event, as your shop sends it.",
        widget=SuggestingInput(attrs={"placeholder": "order"}),
    )
    delay = forms.ChoiceField(label="Send it", required=False, widget=UnfoldAdminSelectWidget())
    once_per = forms.ChoiceField(label="Per customer", required=False, widget=UnfoldAdminSelectWidget())
    topic = forms.SlugField(
        max_length=63,
        widget=UnfoldAdminTextInputWidget(),
        help_text="What kind of message this is: people may one day unsubscribe from one topic and keep another.",
    )

    waves = forms.IntegerField(
        min_value=2,
        max_value=100,
        required=False,
        help_text=pace.WAVES,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric", "class": "c-number"}),
    )
    over = forms.ChoiceField(label="Spread over", required=False, widget=UnfoldAdminSelectWidget())
    lane = forms.ChoiceField(
        label="Its messages go",
        required=False,
        choices=pace.LANES,
        help_text=pace.LANE,
        widget=UnfoldAdminSelectWidget(),
    )

    opens = forms.ChoiceField(
        required=False, choices=counting.COUNTED, help_text=counting.OPENS, widget=UnfoldAdminSelectWidget()
    )
    clicks = forms.ChoiceField(
        required=False, choices=counting.COUNTED, help_text=counting.CLICKS, widget=UnfoldAdminSelectWidget()
    )
    utm = PairsField(label="Added to links")
    utm_domains = HostsField(label="Also to links of")

    class Meta:
        model = Campaign
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.standing = inheritance.standing(self.instance.draft if self.instance.pk else drafts.NEW)
        self.before = self.standing.document
        self.shown = drafts.values(self.before, zone=self.zone)
        self.initial = {**self.initial, **self.shown, "draft_number": self.instance.draft_number}
        self._offer_segments()
        self._offer_templates()
        self._offer_triggers()
        self._offer_lanes()
        self._say_where_from()
        if self.instance.pk and not self.is_bound:
            self._say_what_is_missing()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("when") in ("schedule", "recurring") and "at" in cleaned:
            self._check_instant(cleaned["at"])
        if cleaned.get("when") == "event" and not cleaned.get("event_name"):
            self.add_error("event_name", "Say what the customer does, such as order.")
        if not self.errors:
            channel = self.channels.get(cleaned["template"])
            self._compose(cleaned | {"key": self.instance.key or cleaned["key"], "channel": channel})
        return cleaned

    def _compose(self, given: dict[str, Any]) -> None:
        """`config` is what the fields ask for; saving it, without keeping that, tells what is wrong with it."""
        unchanged = {**self.shown, "variants": variants.variants(map(variants.row_of, self.shown["variants"]))}
        shown, wanted = (drafts.compose(self.before, each, zone=self.zone) for each in (unchanged, given))
        give_up = self.data.getlist(GIVE_UP) if hasattr(self.data, "getlist") else []
        self.config = inheritance.sparse(self.standing, shown, wanted, give_up=give_up)
        campaign, number = (copy.copy(self.instance), given["draft_number"]) if self.instance.pk else (None, None)
        try:
            with transaction.atomic():
                configuration.save_draft(self.config, campaign=campaign, draft_number=number)
                transaction.set_rollback(True)
        except Invalid as invalid:
            for problem in invalid.problems:
                self.add_error(drafts.place(problem), drafts.words(problem))
        except Conflict as conflict:
            self._tell_conflict(conflict)

    def _tell_conflict(self, conflict: Conflict) -> None:
        """What was written stays in the fields; saving it once more is a decision, so it is let through."""
        self.conflict = conflict
        by = conflict.by or "somebody else"
        self.add_error(None, OVERTAKEN.format(by=by if "@" in by else by[:1].upper() + by[1:]))
        current = Campaign.objects.values_list("draft_number", flat=True).get(pk=self.instance.pk)
        posted: Any = self.data
        self.data = {**posted.dict(), "draft_number": str(current)}

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
            self._choose(field, [*empty, *kept, *gone, first, *segments])

    def _offer_templates(self) -> None:
        """Of every channel: the template says by which one its step goes."""
        found = list(Template.objects.select_related("live").order_by("name"))
        self.channels = {each.key: each.channel for each in found}
        chosen = self.data.get("template") or self.initial["template"]
        offered = [(each.key, _title(each)) for each in sorted(found, key=lambda each: each.channel != "email")]
        if chosen and chosen not in dict(offered):
            offered.append((chosen, f"{chosen} (missing)"))
        self._choose("template", [("", "Choose a template"), *offered])
        widget: Any = self.fields["variants"].widget
        widget.names_by_template = {each.key: texts.of_template(each) for each in found}
        widget.names = widget.names_by_template.get(chosen, [])

    def _offer_triggers(self) -> None:
        kinds = [
            ("api", "When somebody presses Launch, or the API asks"),
            ("schedule", "Once, at a date and time"),
            ("recurring", "Again and again, from a date and time on"),
            ("event", "When a customer does something"),
        ]
        if self.initial["when"] == drafts.KEPT:
            said = drafts.trigger_words(self.before["trigger"], self.zone)
            kinds.append((drafts.KEPT, f"As set up elsewhere: {said}"))
        self._choose("when", kinds)
        self.fields["at"].help_text = f"Wall-clock time in {self.zone}."
        named: Any = self.fields["event_name"].widget
        named.offer = suggestions.event_names
        for field, known, words in (
            ("delay", drafts.DELAYS, drafts.delay_words),
            ("once_per", drafts.ONCE_PER, drafts.once_words),
            ("over", pace.OVER, pace.over_words),
        ):
            had = self.initial[field]
            self._choose(field, [*known.items(), *([] if had in known else [(had, words(had))])])

    def _offer_lanes(self) -> None:
        """Where the policy lets nobody go ahead, nobody is asked; a draft that does so all the same shows it."""
        if not self.standing.policy.transactional and self.initial["lane"] == pace.ORDINARY:
            self.fields["lane"].widget = forms.HiddenInput()

    def _choose(self, field: str, choices: list[tuple[str, str]]) -> None:
        self.fields[field].choices = choices  # type: ignore[attr-defined]

    def _say_where_from(self) -> None:
        """Beside each field, quietly: where its value comes from, and what bounds it."""
        for name, found in self.standing.fields().items():
            field, label = self.fields[name], self.fields[name].label or name.capitalize()
            kind = "c-own" if found.is_own else "c-from"
            told = [(kind, found.source), *(("c-bound", bound) for bound in found.bounds)]
            chips = format_html_join("", ' <span class="c-source {}">{}</span>', told)
            field.label = format_html('{}<span class="c-sources">{}</span>', label, chips)
            if found.instead:
                back = '<label class="c-back"><input type="checkbox" name="{}" value="{}"> Use {} instead</label>'
                field.help_text = format_html("{}" + back, field.help_text, GIVE_UP, found.path, found.instead)

    def _say_what_is_missing(self) -> None:
        """A saved draft may not be ready to launch: each field says why."""
        self.problems = missing(self.standing, as_of=self.as_of)
        for field, problems in self.problems.items():
            said = format_html_join("", '<span class="c-problem">{}</span>', ((problem,) for problem in problems))
            if field in self.fields:
                self.fields[field].help_text = format_html("{}{}", said, self.fields[field].help_text)


def _title(template: Template) -> str:
    by = "" if template.channel == "email" else f"{template.get_channel_display()}: "
    return f"{by}{template.name}{'' if template.live_id else ' (not published)'}"


def missing(stands: Standing, *, as_of: datetime) -> dict[str, list[str]]:
    """What keeps a draft from being launched, by the form field it belongs to."""
    try:
        problems = configuration.check(stands.resolved().config, as_of=as_of, policy=stands.policy)
    except Invalid as invalid:
        problems = invalid.problems
    found: dict[str, list[str]] = {}
    for problem in problems:
        field = drafts.place(problem)
        said = drafts.words(problem) if field else f"{problem.field}: {problem.message}"
        found.setdefault(field or NON_FIELD_ERRORS, []).append(said)
    return found
