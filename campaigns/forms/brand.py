"""The brand's voice as fields: lists are written one per line."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from campaigns import policies
from campaigns.config import bans
from campaigns.config import voice as voices
from campaigns.config.gate import Invalid
from campaigns.forms.texting import TextingFields
from campaigns.models import Brand
from tenants import context

TOPICS = "|"  # between a sentence and the topics that it belongs to


class Lines(forms.CharField):
    """A list, one per line."""

    def __init__(self, *, placeholder: str, **kwargs: Any) -> None:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 4, "placeholder": placeholder})
        super().__init__(required=False, widget=widget, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(self.line, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = (line.strip() for line in (super().to_python(value) or "").splitlines())
        return [self.read(line) for line in lines if line]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or []))

    def line(self, each: Any) -> str:
        return str(each)

    def read(self, line: str) -> Any:
        return line


class DisclaimerLines(Lines):
    """`Drink responsibly. | wine, beer`"""

    def line(self, each: Any) -> str:
        topics = each.get("topics") or []
        return f"{each['text']} {TOPICS} {', '.join(topics)}" if topics else str(each["text"])

    def read(self, line: str) -> dict[str, Any]:
        text, _, topics = line.rpartition(TOPICS) if TOPICS in line else (line, "", "")
        named = [topic.strip() for topic in topics.split(",") if topic.strip()]
        return {"text": text.strip(), "topics": named}


class BrandForm(TextingFields, forms.ModelForm):  # type: ignore[type-arg]
    banned_words = Lines(
        label="Never says",
        placeholder="cheap\nbuy now",
        help_text="Words and phrases, one per line. A campaign that says one is not published.",
    )
    disclaimers = DisclaimerLines(
        label="Always says",
        placeholder="While stocks last.\nDrink responsibly. | wine, beer",
        help_text="Sentences that messages must carry, one per line; behind | the topics, where it is not all.",
    )
    avoided_phrases = Lines(
        label="Avoids",
        placeholder="hey guys\nno worries",
        help_text="Phrases that are not its tone, such as first names where it is formal. One per line.",
    )

    class Meta:
        model = Brand
        fields: list[str] = []  # the screen names them
        labels = {"exclamation_marks": "Exclamation marks are allowed"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.show_texting(self.instance.texting)

    def clean_from_email(self) -> str:
        """The policy may name the domains that mail comes from."""
        address: str = self.cleaned_data["from_email"]
        policy = policies.effective(context.current())
        if problems := bans.of_sender(address, policy):
            raise ValidationError([problem.message.capitalize() for problem in problems])
        return address

    def clean(self) -> dict[str, Any]:
        """The voice and what is said of SMS as a whole, each problem at its field."""
        cleaned = super().clean() or {}
        texting = self.read_texting(cleaned)
        self.instance.texting = self.instance.texting if texting is None else texting
        said = {name: cleaned[name] for name in voices.FIELDS if name in cleaned}
        try:
            voices.read(said)
        except Invalid as invalid:
            for problem in invalid.problems:
                name, _, place = problem.field.partition(".")
                which = f"line {int(place.split('.')[0]) + 1}: " if place.split(".")[0].isdecimal() else ""
                words = f"{which}{problem.message}"
                self.add_error(name if name in self.fields else None, words[:1].upper() + words[1:])
        return cleaned
