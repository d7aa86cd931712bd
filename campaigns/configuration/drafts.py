"""What a campaign's author writes: kept as drafts, each number once, inside the policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from campaigns import checks, history, resolution, reviews
from campaigns.config import layers
from campaigns.config.campaign import CampaignConfig
from campaigns.config.gate import Invalid, Problem
from campaigns.differences import Difference
from campaigns.models import Campaign
from tenants import acting, audit


class Conflict(ValueError):
    """Somebody else changed the campaign meanwhile: load it again and repeat your change."""

    def __init__(self, by: str = "", changed: Sequence[Difference] = ()) -> None:
        self.by, self.changed = by, list(changed)
        super().__init__((self.__doc__ or "").replace("Somebody else", by or "Somebody else"))


@transaction.atomic
def save_draft(data: Any, *, campaign: Campaign | None = None, draft_number: int | None = None) -> Campaign:
    """Create or replace a draft. `draft_number` is the one its author read: any other means a lost update.

    The draft says what it wants to say itself; layers below fill in the rest. It must come to the right shape inside
    the policy, but may still refer to what does not exist: `checks.check` and `publish` look at that. Raises Invalid
    or Conflict.
    """
    data = resolution.pinned(data)
    resolved = resolution.resolve(data)
    config, draft = resolved.config, layers.own_part(data, resolved.config)
    if problems := checks.draft_breaches(config):
        raise Invalid(problems)
    if campaign is None:
        return _create(config, draft)
    if config.key != campaign.key:
        raise Invalid([Problem("key", f"a campaign keeps its key: it is {campaign.key!r}", "immutable")])
    expected = campaign.draft_number if draft_number is None else draft_number
    locked = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    if locked.draft_number != expected:
        raise _conflict(locked, expected)
    before = locked.draft
    locked.name, locked.draft, locked.draft_number = config.name, draft, expected + 1
    locked.authors = sorted({*locked.authors, acting.current().identity})
    locked.save(update_fields=["name", "draft", "draft_number", "authors", "updated_at"])
    if before != draft:
        reviews.void(locked, now=locked.updated_at)
        audit.note("edit", "campaign", locked.key, before=before, after=draft, number=locked.draft_number)
    campaign.refresh_from_db()
    return campaign


def restore(campaign: Campaign, number: int, *, draft_number: int | None = None) -> Campaign:
    """Make the draft what version `number` was published from. Raises Invalid or Conflict."""
    version = campaign.versions.filter(number=number).first()
    if version is None:
        latest = campaign.versions.count()
        known = f"it has 1 to {latest}" if latest else "it was never published"
        raise Invalid([Problem("version", f"{campaign.key!r} has no version {number}: {known}", "unknown")])
    return save_draft(version.draft or version.config, campaign=campaign, draft_number=draft_number)


def _create(config: CampaignConfig, draft: dict[str, Any]) -> Campaign:
    if Campaign.objects.filter(key=config.key).exists():
        raise Invalid([Problem("key", f"there is already a campaign {config.key!r}: choose another key", "unique")])
    authors = [acting.current().identity]
    made = Campaign.objects.create(key=config.key, name=config.name, draft=draft, authors=authors)
    audit.note("create", "campaign", made.key, after=draft, number=1)
    return made


def _conflict(locked: Campaign, read: int) -> Conflict:
    changed = history.since(locked, read)
    return Conflict(changed.by, changed.changes)
