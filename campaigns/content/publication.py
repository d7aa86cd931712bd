"""Making a draft's content live."""

from __future__ import annotations

from django.db import transaction

from campaigns.config.gate import Invalid
from campaigns.content import checking, freezing, policing
from campaigns.models import Template, TemplateVersion
from tenants import audit, changes, context
from tenants.accounts.models import User


@transaction.atomic
def publish(template: Template, *, by: User | None = None) -> TemplateVersion:
    """Freeze the draft, as it is saved, as its live version; publishing the same content again changes nothing.

    Raises Invalid with the problems that `check` finds, or what the policy does not allow.
    """
    # The caller may have read it before somebody else saved and published.
    template.refresh_from_db(from_queryset=Template.objects.select_for_update())
    if problems := checking.check(template):
        raise Invalid(problems)
    made = freezing.freeze(template)
    if problems := policing.check_version(made):
        raise Invalid(problems)
    # What compiles to the same from another source is a version too: restoring it brings its own source back.
    version = template.versions.filter(content_hash=made.content_hash, document=made.document).first()
    if version is None:
        made.number, made.published_by = template.versions.count() + 1, by
        made.save()
        version = made
    if template.live_id != version.pk:
        Template.objects.filter(pk=template.pk).update(live=version)
        after = {"version": version.number, "content_hash": version.content_hash}
        audit.note("publish", "template", template.key, after=after)
        changes.announce(context.current(), f"template {template.key} version {version.number}")
    template.live = version
    return version
