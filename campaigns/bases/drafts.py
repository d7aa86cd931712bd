"""What is edited of a base: one draft for every door, guarded by the number its author read."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from pydantic import TypeAdapter

from campaigns import examination
from campaigns.bases.standing import document
from campaigns.config import template as language_of
from campaigns.config.gate import Invalid, Problem, dump, dump_written
from campaigns.config.gate import parse as parse_by
from campaigns.config.template import BaseDocument, LayerDocument
from campaigns.config.values import Key
from campaigns.layering import Base, Fill
from tenants import audit, context
from tenants.models import BaseTemplate, Group

_KEY: TypeAdapter[str] = TypeAdapter(Key)


class ChangedMeanwhile(ValueError):
    """Somebody else saved this base meanwhile: load it again and repeat your change."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def blank(key: str, group: Group | None = None) -> BaseTemplate:
    """A base that is not saved yet."""
    return BaseTemplate(key=key, group=group, name=key.replace("-", " ").replace("_", " ").capitalize())


def find(key: str, group: Group | None = None) -> BaseTemplate | None:
    return BaseTemplate.objects.filter(key=key, group=group).select_related("live", "canary", "group").first()


def listed() -> list[BaseTemplate]:
    """All of them: by key, the platform's own first."""
    rows = BaseTemplate.objects.select_related("live", "canary", "group")
    return sorted(rows, key=lambda row: (row.key, row.group.key if row.group else ""))


def name(base: BaseTemplate) -> str:
    """For the trail and for people: `standard`, `standard of group grocers`."""
    return f"{base.key} of group {base.group.key}" if base.group else base.key


def is_layer(base: BaseTemplate) -> bool:
    """Whether it is what a group says over the platform's base of that key, and not a base itself."""
    return base.group_id is not None and BaseTemplate.objects.filter(key=base.key, group=None).exists()


def parse(base: BaseTemplate, draft: Any) -> BaseDocument | LayerDocument:
    """Raises Invalid for what is no document of its kind."""
    adapter = language_of.LAYER if is_layer(base) else language_of.BASE
    found: BaseDocument | LayerDocument = parse_by(adapter, draft)
    return found


def document_of(base: BaseTemplate, draft: Any) -> dict[str, Any]:
    """What a version of the draft would hold. Raises Invalid."""
    return dump(parse(base, draft))


def check(base: BaseTemplate, draft: Any) -> list[Problem]:
    """What keeps a draft from being published, with line and column where a source is wrong."""
    try:
        return problems(base, parse(base, draft))
    except Invalid as invalid:
        return invalid.problems


def problems(base: BaseTemplate, written: BaseDocument | LayerDocument) -> list[Problem]:
    """The same of a draft that was read."""
    return examined(base, written)[1]


def examined(base: BaseTemplate, written: BaseDocument | LayerDocument) -> tuple[Base | None, list[Problem]]:
    """What a draft compiles to, nothing for what a group says over a base; and what keeps it from being published.

    Gone through apart (campaigns.examination), as what retailers write is.
    """
    if isinstance(written, BaseDocument):
        return examination.base(written)
    below = platforms(base.key)
    if below is None:
        told = f"the platform's {base.key} was not published yet: publish that first"
        return None, [Problem("", told, "base")]
    return None, examination.unfit(below, [], fill(base, written))


def platforms(key: str) -> Base | None:
    """The platform's base as it is live, which groups say something over."""
    live = BaseTemplate.objects.filter(key=key, group=None).values_list("live_id", flat=True).first()
    return None if live is None else Base.load(document(live).compiled)


def fill(base: BaseTemplate, written: LayerDocument) -> Fill:
    """What a group says, as a layer."""
    return Fill.of(f"group {base.group.key if base.group else ''}", written)


@transaction.atomic
def save(base: BaseTemplate, draft: Any, *, number: int | None = None) -> BaseTemplate:
    """Replace the draft, and the name as it stands in `base`. `number` is the one its author read.

    What is no document is refused; what only keeps it from being published may be saved. Raises Invalid or
    ChangedMeanwhile.
    """
    with context.on_platform():
        _check_key(base)
        row, is_new = BaseTemplate.objects.get_or_create(
            key=base.key, group=base.group, defaults={"name": base.name, "channel": base.channel}
        )
        row = BaseTemplate.objects.select_for_update(of=("self",)).select_related("group").get(pk=row.pk)
        if number is not None and number != row.number:
            raise ChangedMeanwhile
        before = None if is_new else {"name": row.name, "draft": row.draft}
        after = {"name": base.name, "draft": dump_written(parse(row, draft))}
        if after == before and row.number:
            return row
        row.name, row.draft, row.number = base.name, after["draft"], row.number + 1
        row.save(update_fields=["name", "draft", "number", "updated_at"])
        audit.note("create" if is_new else "edit", "base", name(row), before=before, after=after, number=row.number)
    return row


def _check_key(base: BaseTemplate) -> None:
    try:
        parse_by(_KEY, base.key)
    except Invalid:
        cure = "write lower-case letters, digits, - and _, beginning with a letter or digit"
        raise Invalid([Problem("key", f"{base.key!r} cannot be referred to: {cure}", "key")]) from None
    if not base.name.strip():
        raise Invalid([Problem("name", "give it a name", "blank")])
    if base.group_id is None:
        own = BaseTemplate.objects.filter(key=base.key, group__isnull=False)
        has_one = BaseTemplate.objects.filter(key=base.key, group=None).exists()
        if not has_one and (groups := list(own.values_list("group__key", flat=True).order_by("group__key"))):
            said = f"{', '.join(groups)} has a base of its own called {base.key!r}: choose another key"
            raise Invalid([Problem("key", said, "taken")])
