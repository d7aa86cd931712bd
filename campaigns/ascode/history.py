"""Configurations as they stood before each change, numbered 1, 2, 3 ...; change N is undone by going back to N."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.ascode import folder
from campaigns.ascode.documents import Configuration, Fault, Given, Refused, Source, fingerprint
from campaigns.ascode.kinds import KINDS, templates
from campaigns.models import ConfigSnapshot

KEPT = 100  # changes that can be undone


@dataclass(frozen=True)
class Reason:
    """Who makes a change, why and when."""

    by: str
    text: str
    now: datetime


def keep(configuration: Configuration, reason: Reason) -> int:
    """Keep the configuration as it stands before a change. Returns the number of that change."""
    newest = ConfigSnapshot.objects.order_by("-number").values_list("number", flat=True).first() or 0
    ConfigSnapshot.objects.filter(number__lte=newest + 1 - KEPT).delete()
    snapshot = ConfigSnapshot.objects.create(
        number=newest + 1,
        documents=configuration,
        live=templates.live(),
        content_hash=fingerprint(configuration),
        made_at=reason.now,
        made_by=reason.by[:200],
        reason=reason.text[:500],
    )
    return snapshot.number


def before_change(number: int | None) -> ConfigSnapshot:
    """The snapshot of that number, or the newest. Raises Refused where there is none."""
    snapshots = ConfigSnapshot.objects.order_by("-number")
    found = (snapshots if number is None else snapshots.filter(number=number)).first()
    if found is None:
        known = ", ".join(str(n) for n in snapshots.values_list("number", flat=True)[:20]) or "none yet"
        what = "nothing was changed yet" if number is None else f"there is no change {number}"
        raise Refused([Fault("", "", f"{what}: the changes that can be undone are {known}")])
    return found


def since(instant: datetime) -> ConfigSnapshot | None:
    """The snapshot of how things stood at `instant`, or None where nothing was changed since. Raises Refused where
    that is longer ago than is kept.
    """
    snapshots = ConfigSnapshot.objects.order_by("number")
    found = snapshots.filter(made_at__gte=instant).first()
    if found and found.number > 1 and not snapshots.filter(number__lt=found.number).exists():
        raise Refused([Fault("", "", f"only what was changed from {found.made_at.isoformat()} on is still known")])
    return found


def newest_change() -> datetime | None:
    return ConfigSnapshot.objects.order_by("-number").values_list("made_at", flat=True).first()


def given(snapshot: ConfigSnapshot) -> Given:
    """The snapshot's configuration, to be applied."""
    sources = {
        kind.name: {
            key: Source(folder.file_of(kind, key), document, texts=folder.text_files(kind, key))
            for key, document in snapshot.documents.get(kind.name, {}).items()
        }
        for kind in KINDS
    }
    return Given(sources)
