from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from campaigns import configuration, editing, resolution
from campaigns.ascode.documents import Configuration, Document, Kind
from campaigns.ascode.kinds import bounds, references
from campaigns.ascode.kinds.kept import in_order, tidy
from campaigns.ascode.kinds.rows import locked
from campaigns.config.gate import Problem
from campaigns.models import Campaign


class CampaignKind(Kind):
    """Drafts. Publishing and launching stay the marketer's."""

    name = "campaigns"
    noun = "campaign"

    def rows(self, *, lock: bool) -> dict[str, Document]:
        return {row.key: row.draft for row in locked(Campaign.objects.order_by("key"), lock)}

    def shaped(self, data: Document) -> Document:
        shaped: Document = tidy(resolution.shaped(data))
        for step in shaped.get("steps", []):
            if "when" in step:
                step["when"] = in_order(step["when"])
            for variant in step.get("variants", []):
                if "content" in variant:
                    variant["content"] = in_order(variant["content"])
        return shaped

    def problems(self, document: Document, target: Configuration, now: datetime) -> list[Problem]:
        """A draft may refer to what does not exist yet: `notes` says so."""
        return bounds.campaign_problems(document, target, bounds.policy_of(target))

    def kept_by(self, keys: Collection[str], target: Configuration) -> dict[str, str]:
        ran = Campaign.objects.filter(key__in=keys, runs__isnull=False).values_list("key", flat=True)
        return dict.fromkeys(ran, "it has runs, whose history is kept: keep the file")

    def notes(self, changed: Collection[str], removed: Collection[str], target: Configuration) -> Iterator[str]:
        for key in sorted(changed):
            document = bounds.whole(target[self.name][key], target)
            for word, named in (
                ("segment", references.segments_in(document) - target["segments"].keys()),
                ("template", references.templates_in(document) - target["templates"].keys()),
            ):
                yield from (
                    f"campaigns/{key} refers to the {word} {other!r}, which does not exist" for other in sorted(named)
                )
        scheduled = Campaign.objects.filter(key__in=removed, state=Campaign.State.SCHEDULED).order_by("key")
        for key in scheduled.values_list("key", flat=True):
            yield f"campaigns/{key} is scheduled: deleted, it will not be sent"

    def save(self, document: Document, *, now: datetime) -> None:
        row = Campaign.objects.filter(key=document["key"]).first()
        configuration.save_draft(document, campaign=row)

    def remove(self, key: str) -> None:
        editing.remove_campaign(Campaign.objects.get(key=key))
