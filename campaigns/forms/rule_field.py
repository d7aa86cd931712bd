"""The rule builder as a Django form field: rows in, a validated rule out. Works without JavaScript, row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from campaigns.config.gate import Invalid, parse_rule
from campaigns.forms import builder
from campaigns.forms.builder import Group, Tree
from campaigns.forms.rows import Row
from campaigns.forms.suggestions import Suggestions
from tenants.console import scripts

KINDS = (
    ("attribute", "Customer field"),
    ("event", "What they did"),
    ("consent", "Consent"),
    ("segment", "Another segment"),
    ("sample", "Random share"),
)
OPERATORS = (
    ("eq", "is"),
    ("ne", "is not"),
    ("in", "is one of"),
    ("not_in", "is none of"),
    ("gt", "is more than"),
    ("gte", "is at least"),
    ("lt", "is less than"),
    ("lte", "is at most"),
    ("between", "is between"),
    ("contains", "contains"),
    ("starts_with", "starts with"),
    ("known", "is known"),
    ("unknown", "is not known"),
)
MATCHES = (("all", "all"), ("any", "any"), ("none", "none"))
BOUNDS = (("gte", "at least"), ("lte", "at most"), ("eq", "exactly"))
UNITS = (("d", "days"), ("w", "weeks"), ("h", "hours"))
CHANNELS = (("email", "e-mail"), ("sms", "SMS"), ("push", "push"))


class RuleWidget(forms.Widget):
    """Groups of condition rows. `offer` is asked for suggestions when the builder is drawn, not before."""

    def __init__(self, offer: Callable[[], Suggestions] | None = None, *, count_url: str = "") -> None:
        super().__init__()
        self.offer, self.count_url = offer, count_url

    @property
    def media(self) -> forms.Media:
        return scripts("rule_builder.js")

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Tree:
        return builder.read(data, name)

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return f"{name}-0-match" not in data

    def id_for_label(self, id_: str) -> str:
        return ""  # the builder has many inputs, each with a label of its own

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        tree = value if isinstance(value, Tree) else _tree(value)
        builder.judge(tree)
        offered = self.offer() if self.offer else Suggestions({}, {})
        return render_to_string(
            "console/rule_builder.html", _context(name, tree, offered) | {"count_url": self.count_url}
        )


class RuleField(forms.Field):
    """Cleans to the rule as plain data, as the gate read it."""

    widget = RuleWidget

    def clean(self, value: Tree) -> dict[str, Any]:
        try:
            rule = builder.compose(value)
            parse_rule(rule)
        except Invalid as invalid:
            raise ValidationError(
                [f"{p.field.capitalize()}: {p.message}".removeprefix(": ") for p in invalid.problems]
            ) from None
        return rule

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(builder.compose(data) != initial)
        except Invalid:
            return True


def _tree(rule: Any) -> Tree:
    return builder.tree_of(parse_rule(rule)) if rule else Tree(Group(rows=[Row("attribute")]))


def _context(name: str, tree: Tree, offered: Suggestions) -> dict[str, Any]:
    if not tree.top.rows and not tree.groups:
        tree.top.rows.append(Row("attribute"))
    return {
        "name": name,
        "groups": [
            {"number": number, "match": group.match, "rows": list(enumerate(group.rows))}
            for number, group in enumerate(tree.all_groups)
        ],
        "blank_group": {"number": "GROUP", "match": "any", "rows": [("ROW", Row("attribute"))]},
        "blank_row": Row("attribute"),
        "kinds": KINDS,
        "operators": OPERATORS,
        "matches": MATCHES,
        "bounds": BOUNDS,
        "units": UNITS,
        "channels": CHANNELS,
        "offered": offered,
        "suggestions": {"fields": offered.fields, "events": offered.events},
    }
