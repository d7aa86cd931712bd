"""The rule builder as a Django form field: rows in, a validated rule out. Works without JavaScript, row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from campaigns.config.gate import Invalid, parse_rule
from campaigns.forms import builder, rule_words
from campaigns.forms.builder import Group, Tree
from campaigns.forms.rows import Row
from campaigns.forms.suggestions import Suggestions
from tenants.console import scripts


class RuleWidget(forms.Widget):
    """Groups of condition rows. `offer` is asked for suggestions when the builder is drawn, not before."""

    def __init__(self, offer: Callable[[], Suggestions] | None = None, *, count_url: str = "") -> None:
        super().__init__()
        self.offer, self.count_url = offer, count_url

    @property
    def media(self) -> forms.Media:
        return scripts("rule_builder.js", "rule_values.js", "rule_count.js")

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Tree:
        return builder.read(data, name)

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return f"{name}-0-match" not in data

    def id_for_label(self, id_: str) -> str:
        return ""  # the builder has many inputs, each with a label of its own

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        tree = value if isinstance(value, Tree) else _tree(value)
        if not tree.asked:
            builder.judge(tree)
        offered = self.offer() if self.offer else Suggestions()
        return render_to_string(
            "console/rule_builder.html", _context(name, tree, offered) | {"count_url": self.count_url}
        )


class RuleField(forms.Field):
    """Cleans to the rule as plain data, as the gate read it."""

    widget = RuleWidget

    def clean(self, value: Tree) -> dict[str, Any]:
        if value.asked:
            raise ValidationError("Nothing is saved yet: fill in what was added, then save.")
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
    return builder.tree_of(parse_rule(rule)) if rule else Tree()


def _context(name: str, tree: Tree, offered: Suggestions) -> dict[str, Any]:
    if not tree.top.parts:
        tree.top.parts.append(Row("attribute"))
    blank = Group("any", [Row("attribute")])
    return {
        "name": name,
        "top": _group_shown(name, tree.top, count(), inside=0),
        "blank_group": _group_shown(name, blank, iter(["GROUP"]), inside="INSIDE", row="ROW"),
        "blank_row": _row_shown(f"{name}-GROUP-ROW", Row("attribute")) | {"number": "ROW", "group": "GROUP"},
        "blank_where": {"part": "wWHERE_", "given": {}},
        "words": rule_words,
        "offered": offered,
        "suggestions": offered.data(),
    }


def _group_shown(name: str, group: Group, numbers: Any, *, inside: Any, row: Any = None) -> dict[str, Any]:
    """A group as the templates draw it: every group has a number of its own, every row one within its group."""
    number = next(numbers)
    shown: list[dict[str, Any]] = []
    for index, part in enumerate(group.parts):
        if isinstance(part, Group):
            shown.append(_group_shown(name, part, numbers, inside=number))
        else:
            at = index if row is None else row
            shown.append(_row_shown(f"{name}-{number}-{at}", part) | {"number": at, "group": number})
    return {"is_group": True, "number": number, "inside": inside, "match": group.match, "parts": shown}


def _row_shown(prefix: str, row: Row) -> dict[str, Any]:
    """A row, with the details of its event and a blank one to write the next into."""
    wheres = [{"part": f"w{number}_", "given": given} for number, given in enumerate([*row.wheres, {}])]
    return {"prefix": prefix, "row": row, "wheres": wheres}
