"""What is published of a base, for whom, and the ways back: each holds from the next batch of whom it concerns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max, QuerySet
from django.db.models.functions import Now

from campaigns.bases import drafts
from campaigns.config.gate import Invalid, Problem, content_hash, dump
from tenants import audit, changes, context
from tenants.models import BasePin, BaseTemplate, BaseVersion, Retailer


class NotAllowed(ValueError):
    """The step is not possible as things stand; the message says the cure."""


@transaction.atomic
def publish(base: BaseTemplate, *, by: str = "", canary: Sequence[Retailer] = ()) -> BaseVersion:
    """Freeze the draft as a version: for the canary retailers alone, or for everybody, which ends a canary.

    The same content is the same version. Nothing is copied to retailers: their next batch looks up what counts.
    Raises Invalid with what is wrong with the draft or the ring, or NotAllowed where this content was killed.
    """
    with context.on_platform():
        row = _locked(base)
        _check_ring(row, canary)
        made = _version(row, by)
        if canary:
            _begin_ring(row, made, canary)
        else:
            _make_live(row, made, "publish")
    return made


@transaction.atomic
def promote(base: BaseTemplate) -> BaseVersion:
    """What the ring has, for everybody. Raises NotAllowed where there is no canary."""
    with context.on_platform():
        row = _locked(base)
        if row.canary is None:
            raise NotAllowed(f"{drafts.name(row)} has no canary: publish one to some retailers first.")
        return _make_live(row, row.canary, "promote")


@transaction.atomic
def roll_back(base: BaseTemplate, to: int | None = None) -> BaseVersion | None:
    """Withdraw the canary; where there is none, make the newest earlier version live again, or the one named.

    Returns what is live now. Raises NotAllowed where there is nothing to go back to.
    """
    with context.on_platform():
        row = _locked(base)
        if to is not None:
            return _make_live(row, _alive(row, to), "roll back")
        if row.canary is not None:
            ring = _end_ring(row)
            _tell(row, "withdraw canary", ring, before={"canary": row.canary.number})
            BaseTemplate.objects.filter(pk=row.pk).update(canary=None, canary_since=None)
            return row.live
        earlier = _below(row, row.live)
        if earlier is None:
            raise NotAllowed(f"{drafts.name(row)} has no earlier version to go back to: correct it and publish it.")
        return _make_live(row, earlier, "roll back")


@transaction.atomic
def pin(base: BaseTemplate, retailer: Retailer, number: int, *, reason: str) -> BasePin:
    """Hold a retailer at one version, whatever is published. Raises NotAllowed, or Invalid where no reason is given."""
    if not reason.strip():
        raise Invalid([Problem("reason", "say why: whoever publishes next will ask", "blank")])
    with context.on_platform():
        row = _locked(base)
        _check_below(row, [retailer])
        held = _alive(row, number)
        before = row.pins.filter(retailer=retailer).select_related("version").first()
        said = {"version": held, "reason": reason.strip()[:500], "pinned_at": Now()}
        made, _ = BasePin.objects.update_or_create(base=row, retailer=retailer, defaults=said)
        was = {"version": before.version.number} if before else None
        _tell_one(row, retailer, "pin", was, {"version": held.number, "reason": reason.strip()[:500]})
    return made


@transaction.atomic
def unpin(base: BaseTemplate, retailer: Retailer) -> None:
    """Let it follow what is published again. Raises NotAllowed where it is not pinned."""
    with context.on_platform():
        row = _locked(base)
        found = row.pins.filter(retailer=retailer).select_related("version").first()
        if found is None:
            raise NotAllowed(f"{retailer.slug} is not pinned to any version of {drafts.name(row)}.")
        found.delete()
        _tell_one(row, retailer, "unpin", {"version": found.version.number}, None)


@transaction.atomic
def kill(version: BaseVersion, *, reason: str, force: bool = False) -> None:
    """Nobody uses it any more. Where it was live the newest one below it is; who was pinned to it, or in its ring,
    has what everybody has.

    Raises Invalid where no reason is given, and NotAllowed where nothing below it could take its place: by `force`
    it is killed all the same, and messages built on it wait until another is published.
    """
    if not reason.strip():
        raise Invalid([Problem("reason", "say why: it cannot be taken back", "blank")])
    with context.on_platform():
        row = _locked(version.base)
        found = row.versions.get(pk=version.pk)
        if found.killed_at is not None:
            return
        after: dict[str, Any] = {"version": found.number, "reason": reason.strip()[:500]}
        if row.live_id == found.pk:
            row.live = _below(row, found)
            if row.live is None and not force:
                raise NotAllowed(_only_one(row, found))
            row.is_halted = row.live is None
            after["live"] = row.live.number if row.live else None
        if row.canary_id == found.pk:
            _end_ring(row)
            row.canary = row.canary_since = None
        row.save(update_fields=["live", "is_halted", "canary", "canary_since"])
        row.versions.filter(pk=found.pk).update(killed_at=Now(), killed_because=after["reason"])
        _tell(row, "kill", after=after)
    version.refresh_from_db()


def version(base: BaseTemplate, number: int) -> BaseVersion:
    """Raises NotAllowed for a number that was never published."""
    found: BaseVersion | None = base.versions.filter(number=number).first()
    if found is None:
        known = ", ".join(map(str, _unkilled(base).order_by("number").values_list("number", flat=True))) or "none"
        raise NotAllowed(f"{drafts.name(base)} has no version {number}. It has: {known}.")
    return found


# -- one version, made or found ----------------------------------------------------------------------------------------
def _version(row: BaseTemplate, by: str) -> BaseVersion:
    written = drafts.parse(row, row.draft)
    base, problems = drafts.examined(row, written)
    if problems:
        raise Invalid(problems)
    document = dump(written)
    digest = content_hash(document)
    found: BaseVersion | None = row.versions.filter(content_hash=digest).first()
    if found is None:
        number = (row.versions.aggregate(most=Max("number"))["most"] or 0) + 1
        compiled = base.dump() if base else {}
        return row.versions.create(
            number=number, content_hash=digest, document=document, compiled=compiled, published_by=by[:200]
        )
    if found.killed_at is not None:
        raise NotAllowed(
            f"This content was killed as version {found.number} ({found.killed_because}): change it first."
        )
    return found


def _alive(row: BaseTemplate, number: int) -> BaseVersion:
    found = version(row, number)
    if found.killed_at is not None:
        raise NotAllowed(f"Version {number} of {drafts.name(row)} was killed ({found.killed_because}): take another.")
    return found


def _below(row: BaseTemplate, version: BaseVersion | None) -> BaseVersion | None:
    """The newest one below it that may still be used."""
    return None if version is None else _unkilled(row).filter(number__lt=version.number).order_by("-number").first()


def _unkilled(row: BaseTemplate) -> QuerySet[BaseVersion]:
    return BaseVersion.objects.filter(base=row, killed_at=None)


def _only_one(row: BaseTemplate, version: BaseVersion) -> str:
    return (
        f"No version below {version.number} of {drafts.name(row)} is left to take its place. Publish a corrected one "
        "first and kill this one then; or kill it by force, and messages built on it wait until you do."
    )


# -- who has it --------------------------------------------------------------------------------------------------------
def _make_live(row: BaseTemplate, version: BaseVersion, action: str) -> BaseVersion:
    before = _state(row)
    if before == {"live": version.number, "canary": None}:
        return version
    _end_ring(row)
    row.live, row.is_halted, row.canary, row.canary_since = version, False, None, None
    row.save(update_fields=["live", "is_halted", "canary", "canary_since"])
    _tell(row, action, before=before, after=_state(row))
    return version


def _begin_ring(row: BaseTemplate, version: BaseVersion, canary: Sequence[Retailer]) -> None:
    before, left = _state(row), _end_ring(row)
    row.canary_retailers.set(canary)
    BaseTemplate.objects.filter(pk=row.pk).update(canary=version, canary_since=Now())
    row.canary = version
    after = _state(row) | {"retailers": sorted(each.slug for each in canary)}
    _tell(row, "publish canary", [*left, *canary], before=before, after=after)


def _end_ring(row: BaseTemplate) -> list[Retailer]:
    """Returns who was in it."""
    left = list(row.canary_retailers.all())
    row.canary_retailers.clear()
    return left


def _state(row: BaseTemplate) -> dict[str, Any]:
    return {
        "live": row.live.number if row.live else None,
        "canary": row.canary.number if row.canary else None,
    }


def _check_ring(row: BaseTemplate, canary: Sequence[Retailer]) -> None:
    try:
        _check_below(row, canary)
    except NotAllowed as refusal:
        raise Invalid([Problem("canary", str(refusal), "canary")]) from None


def _check_below(row: BaseTemplate, retailers: Iterable[Retailer]) -> None:
    strange = sorted(each.slug for each in retailers if row.group_id and each.group_id != row.group_id)
    if strange:
        raise NotAllowed(f"{', '.join(strange)}: not in the group {row.group}, whose base this is.")


def _locked(base: BaseTemplate) -> BaseTemplate:
    rows = BaseTemplate.objects.select_related("group", "live", "canary")
    return rows.select_for_update(of=("self",)).get(pk=base.pk)


def _tell(
    row: BaseTemplate, action: str, whom: Iterable[Retailer] = (), *, before: Any = None, after: Any = None
) -> None:
    """In the trail, and to workers: one announcement for everybody, or one for each of the few it concerns."""
    audit.note(action, "base", drafts.name(row), before=before, after=after)
    what = f"{action} of base {drafts.name(row)}"
    for retailer in {each.pk: each for each in whom}.values() or (None,):
        changes.announce(retailer, what)


def _tell_one(row: BaseTemplate, retailer: Retailer, action: str, before: Any, after: Any) -> None:
    whose = {"retailer": retailer.slug}
    audit.note(action, "base", drafts.name(row), before=(before or {}) | whose, after=(after or {}) | whose)
    changes.announce(retailer, f"{action} of base {drafts.name(row)}")
    with context.in_retailer(retailer):
        audit.note(action, "base", drafts.name(row), before=before, after=after)
