"""What the retailer says for all its campaigns: bounds and defaults. Each exists once, and may be empty."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from campaigns import blast, checks, policies
from campaigns.ascode.documents import Configuration, Document, Kind
from campaigns.ascode.kinds import bounds, references
from campaigns.ascode.kinds.kept import tidy
from campaigns.ascode.kinds.rows import locked
from campaigns.config.gate import Invalid, Problem, dump_written
from tenants import context
from tenants.models import Layer

MOST_TOLD = 20  # drafts that a policy forbids


class LayerKind(Kind):
    """An empty document says nothing; it has no file. A file that is left out leaves what is said as it is."""

    single = True

    def rows(self, *, lock: bool) -> dict[str, Document]:
        found = list(locked(Layer.objects.filter(retailer_id=context.current().pk), lock))
        return {self.name: getattr(found[0], self.name) if found else {}}

    def shaped(self, data: Document) -> Document:
        shaped: Document = tidy(dump_written(self.parsed(data)))
        return shaped

    def parsed(self, data: Document) -> Any:
        """Raises Invalid."""
        raise NotImplementedError

    def remove(self, key: str) -> None:
        raise NotImplementedError("what exists once is never removed: an empty document says nothing")


class PolicyKind(LayerKind):
    """The retailer's own policy, which tightens what the platform and its group say."""

    name = "policy"
    noun = "policy"

    def parsed(self, data: Document) -> Any:
        return policies.parse_policy(data)

    def problems(self, document: Document, target: Configuration, now: datetime) -> list[Problem]:
        try:
            policies.check(context.current(), document)
        except Invalid as invalid:
            return invalid.problems
        return []

    def save(self, document: Document, *, now: datetime) -> None:
        policies.save(context.current(), policy=document)

    def notes(self, changed: Collection[str], removed: Collection[str], target: Configuration) -> Iterator[str]:
        """What it does to campaigns that are left as they are: it stops what is live, and forbids to publish drafts."""
        if not changed:
            return
        for hit in blast.radius(context.current(), target[self.name].get(self.name, {})):
            yield f"policy {hit.effect} the live campaign {hit.campaign_key!r}: {'; '.join(hit.problems)}"
        now, then = policies.effective(context.current()), bounds.policy_of(target)
        told = 0
        for key, document in sorted(target["campaigns"].items()):
            broken = bounds.campaign_problems(document, target, then)
            if broken and not bounds.campaign_problems(document, target, now) and (told := told + 1) <= MOST_TOLD:
                yield f"policy keeps campaigns/{key} from being published as it is: {checks.reason(broken)}"
        if told > MOST_TOLD:
            yield f"policy keeps {told - MOST_TOLD} more campaigns from being published as they are"


class DefaultsKind(LayerKind):
    """What the retailer's campaigns get that leave it out."""

    name = "defaults"
    noun = "set of defaults"

    def parsed(self, data: Document) -> Any:
        return policies.parse_defaults(data)

    def problems(self, document: Document, target: Configuration, now: datetime) -> list[Problem]:
        return []

    def save(self, document: Document, *, now: datetime) -> None:
        policies.save(context.current(), defaults=document)

    def notes(self, changed: Collection[str], removed: Collection[str], target: Configuration) -> Iterator[str]:
        for key in changed:
            named = references.segments_in(target[self.name][key]) - target["segments"].keys()
            yield from (f"defaults refer to the segment {other!r}, which does not exist" for other in sorted(named))
