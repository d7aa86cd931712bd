"""The form of a segment."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms

from campaigns import compiler
from campaigns.config import rules
from campaigns.config.gate import Invalid, Problem, parse_rule
from campaigns.config.rules import Rule
from campaigns.forms.fields import KeyField
from campaigns.forms.rule_field import RuleField
from campaigns.models import Segment


class SegmentForm(forms.ModelForm):  # type: ignore[type-arg]
    key = KeyField()
    rule = RuleField(label="Who is in")

    class Meta:
        model = Segment
        fields = ["name", "key", "description", "rule"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "rule" in cleaned:
            key = self.instance.key or cleaned.get("key", "")
            try:
                check_rule(parse_rule(cleaned["rule"]), key=key, as_of=self.as_of)
            except Invalid as invalid:
                self.add_error("rule", [problem.message.capitalize() for problem in invalid.problems])
        return cleaned

    as_of: datetime  # set by the door: the clock is read there


def check_rule(rule: Rule, *, key: str, as_of: datetime) -> None:
    """Raises Invalid when the rule cannot be evaluated, for example because it leads back to the segment itself."""

    def load(name: str) -> Rule:
        if name == key:
            return rule
        found = Segment.objects.filter(key=name).first()
        if found is None:
            raise Invalid([Problem("segment", f"there is no segment “{name}”: choose another", "unknown_segment")])
        return parse_rule(found.rule)

    compiler.compile_rule(rules.InSegment(segment=key) if key else rule, as_of=as_of, segment=load)
