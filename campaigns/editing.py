"""Segments and templates as marketers save and remove them, whatever door they come through; campaigns' removal.

Reads    Segment, Template, Campaign
Writes   Segment, Template
Promise  what is saved can be used, and what is in use is not removed; publishing is another step
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.db import transaction

from campaigns import audience, content, policies, references
from campaigns.config import bans, locales
from campaigns.config.gate import Invalid, Problem, dump, parse_rule
from campaigns.config.rules import InSegment
from campaigns.lifecycle import NotAllowed
from campaigns.models import Brand, Campaign, Segment, Template, TemplateVersion
from campaigns.references import Reference
from tenants import agenda, audit, changes, context

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@transaction.atomic
def save_segment(segment: Segment, *, now: datetime) -> None:
    """Create or replace. Raises Invalid for a rule that does not parse, or leads to no segment or back to itself."""
    _check_key(segment.key)
    before = _as_data(Segment.objects.filter(pk=segment.pk).first())
    try:
        rule = parse_rule(segment.rule)
        if problems := audience.mistyped(rule):
            raise Invalid(problems)
        segment.rule = dump(rule)
        segment.save()
        _note("segment", segment, before)
        audience.compile_rule(InSegment(segment=segment.key), as_of=now)
        _check_users(segment.key, now)
    except Invalid as invalid:
        raise Invalid(within("rule", invalid.problems)) from None


def _check_users(key: str, now: datetime) -> None:
    """The segments that lead to this one hold what it holds, and must not become too much by it. Raises Invalid."""
    referring, users, pending = references.to_segments(), set[str](), [key]
    while pending:
        found = {user.key for user in referring.get(pending.pop(), ()) if user.kind == "segment"} - users
        users |= found
        pending += found
    for user in sorted(users):
        try:
            audience.compile_rule(InSegment(segment=user), as_of=now)
        except Invalid as invalid:
            told = f"segment {user} would no longer hold: {invalid}"
            raise Invalid([Problem("", told, invalid.problems[0].code)]) from None


def remove_segment(segment: Segment) -> None:
    """Raises NotAllowed while another segment or a campaign refers to it."""
    users = references.to_segments().get(segment.key, [])
    _check_unused(f"segment “{segment.name}”", users)
    audit.note("delete", "segment", segment.key, before=_as_data(segment))
    segment.delete()


@transaction.atomic
def save_brand(brand: Brand) -> None:
    """Raises Invalid for a sender that the policy does not allow, and for a voice or prices that cannot be read."""
    for name, value in content.voice(brand).model_dump().items():
        setattr(brand, name, value)
    try:
        brand.texting = dump(content.texting(brand))
    except Invalid as invalid:
        raise Invalid(within("texting", invalid.problems)) from None
    policy = policies.effective(context.current())
    if problems := bans.of_sender(brand.from_email, policy):
        raise Invalid(problems)
    before = _as_data(Brand.objects.filter(pk=brand.pk).first())
    brand.save()
    _note("brand", brand, before)
    changes.announce(context.current(), "brand")


@transaction.atomic
def save_template(template: Template) -> None:
    """Create or replace the draft. Raises Invalid with what would keep it from being published."""
    _check_key(template.key)
    was = Template.objects.select_for_update(no_key=True).filter(pk=template.pk).first()
    if was and was.live_id and was.channel != template.channel:
        raise Invalid([Problem("channel", f"it was published for {was.channel}: write another one", "kept")])
    if problems := content.check(template) or content.check_policy(template):
        raise Invalid(problems)
    template.translations = locales.normalised(template.translations)
    before = _as_data(was)
    template.draft_number = was.draft_number + 1 if was else 1
    template.save()
    _note("template", template, before)


@transaction.atomic
def roll_back_template(template: Template, number: int) -> TemplateVersion:
    """Make an earlier version live again; the draft stays as it is. Raises Invalid, also for what the policy in
    force does not allow any more.
    """
    Template.objects.select_for_update().get(pk=template.pk)
    version = template.versions.filter(number=number).first()
    if version is None:
        latest = template.versions.count()
        known = f"it has 1 to {latest}" if latest else "it was never published"
        raise Invalid([Problem("version", f"{template.key!r} has no version {number}: {known}", "unknown")])
    if problems := content.check_version(version):
        raise Invalid(problems)
    Template.objects.filter(pk=template.pk).update(live=version)
    template.live = version
    audit.note("roll back", "template", template.key, after={"version": number})
    changes.announce(context.current(), f"template {template.key} version {number}")
    return version


@transaction.atomic
def remove_template(template: Template) -> None:
    """Remove it with its versions. Raises NotAllowed while a campaign refers to it."""
    users = references.to_templates().get(template.key, [])
    _check_unused(f"template “{template.name}”", users)
    audit.note("delete", "template", template.key, before=_as_data(template))
    Template.objects.filter(pk=template.pk).update(live=None)
    template.delete()


@transaction.atomic
def remove_campaign(campaign: Campaign) -> None:
    """Remove a campaign that never ran, and take it off the agenda. Raises NotAllowed: runs keep their history."""
    Campaign.objects.select_for_update().get(pk=campaign.pk)
    if campaign.runs.exists():
        raise NotAllowed(f"{campaign.key!r} has runs, whose history is kept: it cannot be removed any more.")
    agenda.drop(context.current(), "campaign", [campaign.pk])
    Campaign.objects.filter(pk=campaign.pk).update(live=None)
    audit.note("delete", "campaign", campaign.key, before=campaign.draft)
    campaign.delete()


def merged(document: Any, patch: Any) -> Any:
    """A JSON Merge Patch (RFC 7396): objects merge, null removes, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def within(field: str, problems: list[Problem]) -> list[Problem]:
    """The same problems, seen from the document that holds what they are about as `field`."""
    return [Problem(f"{field}.{p.field}".rstrip("."), p.message, p.code) for p in problems]


def _note(kind: str, row: Any, before: dict[str, Any] | None) -> None:
    after = _as_data(type(row).objects.get(pk=row.pk))  # as the database has it, with its defaults
    audit.note("create" if before is None else "edit", kind, getattr(row, "key", ""), before=before, after=after)


def _as_data(row: Any) -> dict[str, Any] | None:
    """The fields that people write."""
    if row is None:
        return None
    told = (field.name for field in row._meta.fields if not field.is_relation and field.editable)
    return {name: getattr(row, name) for name in told if name not in ("id", "updated_at")}


def _check_key(key: str) -> None:
    if not _KEY.fullmatch(key):
        cure = "write a key in lower-case letters, digits, - and _, beginning with a letter or digit"
        raise Invalid([Problem("key", f"{key!r} cannot be referred to: {cure}", "key")])


def _check_unused(what: str, users: list[Reference]) -> None:
    if users:
        named = ", ".join(dict.fromkeys(f"the {each.kind} “{each.name}” ({each.key})" for each in users[:5]))
        raise NotAllowed(f"The {what} is in use by {named}: change that first.")
