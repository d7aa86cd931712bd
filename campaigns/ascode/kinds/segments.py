from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import cache

from campaigns import compiler, editing
from campaigns.ascode.documents import Configuration, Document
from campaigns.ascode.kinds import references
from campaigns.ascode.kinds.kept import tidy
from campaigns.ascode.kinds.rows import RowKind
from campaigns.config.gate import Invalid, Problem, dump, parse_rule
from campaigns.config.rules import AllOf, InSegment, Rule
from campaigns.models import Segment


class SegmentKind(RowKind):
    name = "segments"
    noun = "segment"
    model = Segment
    fields = ("key", "name", "description", "rule")
    structured = ("rule",)

    def shaped(self, data: Document) -> Document:
        shaped = super().shaped({"rule": None, **data})
        try:
            return {**shaped, "rule": tidy(dump(parse_rule(shaped.get("rule"))))}
        except Invalid as invalid:
            raise Invalid(editing.within("rule", invalid.problems)) from None

    def problems(self, document: Document, target: Configuration, now: datetime) -> list[Problem]:
        found = self.column_problems(document)
        if found:
            return found
        try:
            compiler.compile_rule(InSegment(segment=document["key"]), as_of=now, segment=_rules(target[self.name]))
        except Invalid as invalid:
            return editing.within("rule", invalid.problems)
        return []

    def kept_by(self, keys: Collection[str], target: Configuration) -> dict[str, str]:
        return references.kept_by(keys, references.users_of_segments(target))

    def in_order(self, keys: Iterable[str], configuration: Configuration) -> list[str]:
        """Segments after those they refer to."""
        wanted, ordered = set(keys), dict[str, None]()

        def put(key: str, above: tuple[str, ...]) -> None:
            if key in ordered or key in above:
                return
            for inner in sorted(references.segments_in(configuration[self.name].get(key))):
                put(inner, (*above, key))
            ordered[key] = None

        for key in sorted(wanted):
            put(key, ())
        return [key for key in ordered if key in wanted]

    def save(self, document: Document, *, now: datetime) -> None:
        row = Segment.objects.filter(key=document["key"]).first() or Segment()
        editing.save_segment(self.filled(row, document), now=now)

    def remove(self, key: str) -> None:
        editing.remove_segment(Segment.objects.get(key=key))


def _rules(segments: dict[str, Document]) -> Callable[[str], Rule]:
    """The segments of a whole configuration, as the compiler asks for them."""

    @cache
    def rule(key: str) -> Rule:
        if key not in segments:
            known = ", ".join(sorted(segments)[:20]) or "none"
            raise Invalid([Problem("segment", f"there is no segment {key!r}; known: {known}", "unknown_segment")])
        try:
            return parse_rule(segments[key].get("rule"))
        except Invalid:  # told where that segment stands
            return AllOf(all=[])

    return rule
