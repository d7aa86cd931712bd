"""Policy and defaults as they stand: the layers above a retailer's campaigns, read anew whenever they are needed.

Reads    Layer (platform, group, retailer), Retailer, Group
Writes   Layer, through `save`
Promise  what is in force is the meet of all layers; a layer that would loosen another is refused
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q
from pydantic import TypeAdapter

from campaigns.config import policy as rules
from campaigns.config.gate import Invalid, dump_written, parse
from campaigns.config.layers import Defaults
from campaigns.config.policy import Policy
from tenants import audit, changes, context, held, kept
from tenants.models import Group, Layer, Retailer

_POLICY: TypeAdapter[Policy] = TypeAdapter(Policy)
_DEFAULTS: TypeAdapter[Defaults] = TypeAdapter(Defaults)
Owner = Retailer | Group | None  # None is the platform
OWN = "retailer"  # the name of the retailer's own layer
PLATFORM = "platform"


class ChangedMeanwhile(ValueError):
    """Somebody else changed the policy or defaults meanwhile: load them again and repeat your change."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True)
class Said:
    """What one layer says. `name` is for people: `platform`, `group grocers`, `retailer`."""

    name: str
    policy: Policy
    defaults: dict[str, Any]


def said(owner: Owner) -> list[Said]:
    """The layers from the platform's down to the owner's own; a layer that never said anything is not told."""
    question = ("layers", type(owner).__name__, owner.pk if owner else None)
    return held.once(question, lambda: _said(owner))


def _said(owner: Owner) -> list[Said]:
    mine = Q(group=None, retailer=None)
    retailer_id, group_id = _heights(owner)
    if retailer_id is not None:
        mine |= Q(retailer_id=retailer_id)
    if group_id is not None:
        mine |= Q(group_id=group_id)
    rows = sorted(Layer.objects.filter(mine).select_related("group"), key=_height)
    return [Said(_name(row), parse_policy(row.policy), row.defaults) for row in rows]


def effective(owner: Owner) -> Policy:
    """What bounds the campaigns below the owner now."""
    question = ("policy", type(owner).__name__, owner.pk if owner else None)
    return held.once(question, lambda: kept.while_same(question, _STAND, [*_heights(owner)], lambda: _effective(owner)))


def _effective(owner: Owner) -> Policy:
    return meet(_said(owner))


def meet(layers: Iterable[Said]) -> Policy:
    """The same, of layers that were just read. What only the platform can allow, nobody else does."""
    told = list(layers)
    made = rules.meet_all(each.policy for each in told)
    allowed = [each.policy for each in told if each.name == PLATFORM]
    denied = [
        name
        for name in rules.GRANTED
        if getattr(made, name) is not None and not any(getattr(policy, name) for policy in allowed)
    ]
    return made.model_copy(update=dict.fromkeys(denied)) if denied else made


def sources(owner: Owner) -> dict[str, list[tuple[str, str]]]:
    """Of each bound in force: which layers say something, and what, in words."""
    told: dict[str, list[tuple[str, str]]] = {}
    for each in said(owner):
        for field, words in rules.words(each.policy).items():
            told.setdefault(field, []).append((each.name, words))
    return told


def above(owner: Owner) -> Policy:
    """What `owner` may only tighten."""
    wanted = Q(group=None, retailer=None)
    if isinstance(owner, Retailer) and owner.group_id:
        wanted |= Q(group_id=owner.group_id)
    rows = [] if owner is None else Layer.objects.filter(wanted)
    return rules.meet_all(parse_policy(row.policy) for row in rows)


def layer_of(owner: Owner) -> Layer:
    """The owner's own layer; a blank one, not saved, where it never said anything."""
    found = Layer.objects.filter(**_owned(owner)).first()
    return found or Layer(**_owned(owner))


def parse_policy(data: Any) -> Policy:
    """Raises Invalid."""
    found: Policy = parse(_POLICY, data)
    return found


def parse_defaults(data: Any) -> Defaults:
    """Raises Invalid."""
    found: Defaults = parse(_DEFAULTS, data)
    return found


def check(owner: Owner, policy: Any) -> Policy:
    """The owner's policy as it would stand. Raises Invalid for what is no policy or would loosen what is above it."""
    parsed = parse_policy(policy)
    if owner is None:
        return parsed
    stands = above(owner)
    if loose := [*rules.not_its_own(parsed), *rules.not_granted(stands, parsed), *rules.loosenings(stands, parsed)]:
        raise Invalid(loose)
    return parsed


@transaction.atomic
def save(owner: Owner, *, policy: Any = None, defaults: Any = None, number: int | None = None) -> Layer:
    """Replace what the owner says; what is None stays. `number` is the one its author read.

    Raises Invalid or ChangedMeanwhile. It is in force for the next batch of every worker.
    """
    with context.on_platform():
        Layer.objects.get_or_create(**_owned(owner))
        row = Layer.objects.select_for_update().get(**_owned(owner))
        if number is not None and number != row.number:
            raise ChangedMeanwhile
        before = {"policy": row.policy, "defaults": row.defaults}
        if policy is not None:
            row.policy = dump_written(check(owner, policy))
        if defaults is not None:
            row.defaults = dump_written(parse_defaults(defaults))
        after = {"policy": row.policy, "defaults": row.defaults}
        if after == before and row.number:
            return row
        row.number += 1
        row.save()
        key = owner.slug if isinstance(owner, Retailer) else _name(row)
        audit.note("change", "policy", key, before=before, after=after, number=row.number)
        changes.announce(owner if isinstance(owner, Retailer) else None, f"policy of {_name(row)}")
    if isinstance(owner, Retailer):
        with context.in_retailer(owner):
            audit.note("change", "policy", before=before, after=after, number=row.number)
    return row


def _owned(owner: Owner) -> Mapping[str, Any]:
    return {
        "group": owner if isinstance(owner, Group) else None,
        "retailer": owner if isinstance(owner, Retailer) else None,
    }


def _heights(owner: Owner) -> tuple[int | None, int | None]:
    """The retailer and the group whose layers count, above them the platform's."""
    if isinstance(owner, Retailer):
        return owner.pk, owner.group_id
    return None, owner.pk if owner is not None else None


def _height(row: Layer) -> int:
    return 2 if row.retailer_id else 1 if row.group_id else 0


def _name(row: Layer) -> str:
    if row.retailer_id:
        return OWN
    return f"group {row.group.key}" if row.group else PLATFORM


_STAND = """
SELECT id, xmin::text, ctid::text FROM public.tenants_layer
WHERE retailer_id = %s::bigint OR group_id = %s::bigint OR retailer_id IS NULL AND group_id IS NULL ORDER BY id
"""
