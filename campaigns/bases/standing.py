"""Which version of a base counts for a retailer: the one it is pinned to, else its ring's canary, else the live one.

A killed version counts for nobody. Asked anew for every batch, in one query; what a version says is read once per
process, for it never changes.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection

from tenants.models import BaseVersion, Retailer


class Unavailable(LookupError):
    """No version of the base counts for the retailer; the message says the cure."""


@dataclass(frozen=True)
class Standing:
    """What a retailer's templates on one base are made of now. `group_version_id`: what its group says over it."""

    base_version_id: int
    group_version_id: int | None = None


@dataclass(frozen=True)
class Place:
    """Where a retailer stands with one row of bases, the platform's or its group's: the version that counts, None where
    none does. `is_halted` where its last version was killed by force.
    """

    key: str
    retailer_id: int
    group_id: int | None
    version_id: int | None
    is_halted: bool


@dataclass(frozen=True)
class Frozen:
    """A published version: what its author wrote, and what a batch needs of it (layering.Base as plain data)."""

    document: dict[str, Any]
    compiled: dict[str, Any]


def standing(retailer: Retailer, key: str) -> Standing:
    """One query, from any schema. Raises Unavailable."""
    return _counts(key, places([key], [retailer.pk]))


def standings(retailers: Collection[int], keys: Collection[str]) -> dict[tuple[int, str], Standing]:
    """The same of many, by retailer and key, in one query as well: a base that does not count there is left out."""
    by_place: dict[tuple[int, str], list[Place]] = {}
    for place in places(keys, retailers):
        by_place.setdefault((place.retailer_id, place.key), []).append(place)
    found = {}
    for (retailer_id, key), held in by_place.items():
        with suppress(Unavailable):
            found[retailer_id, key] = _counts(key, held)
    return found


def places(keys: Collection[str], retailers: Collection[int]) -> list[Place]:
    """Of each of the retailers and each row of those keys that lies above it: the version that counts."""
    if not keys or not retailers:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_PLACES, {"keys": list(keys), "retailers": list(retailers)})
        return [Place(*row) for row in cursor.fetchall()]


@lru_cache(maxsize=128)
def document(version_id: int) -> Frozen:
    """Do not change what you are given: it is everybody's."""
    version = BaseVersion.objects.only("document", "compiled").get(pk=version_id)
    return Frozen(version.document, version.compiled)


def _counts(key: str, found: Collection[Place]) -> Standing:
    if any(place.group_id is not None and place.is_halted and place.version_id is None for place in found):
        cure = "the group has to publish another one"
        raise Unavailable(f"What the group says in base template {key!r} was killed: {cure}.")
    rows = {place.group_id is not None: place.version_id for place in found}
    if not rows:
        raise Unavailable(f"There is no base template {key!r} any more: build the template on another one.")
    over = rows.pop(True, None)
    base = rows.get(False) if rows else over  # a key that the platform does not use is the group's own base
    if base is None:
        cure = "the platform has to publish it, or make an earlier version live"
        raise Unavailable(f"No version of the base template {key!r} counts here: {cure}.")
    return Standing(base, over if rows else None)


# Tables are named in full: a retailer's schema is not searched for them.
_PLACES = """
SELECT base.key, retailer.id, base.group_id, coalesce(pinned.id, canary.id, live.id), base.is_halted
FROM public.tenants_retailer retailer
JOIN public.tenants_basetemplate base
    ON base.key = ANY(%(keys)s) AND (base.group_id IS NULL OR base.group_id = retailer.group_id)
LEFT JOIN public.tenants_basepin pin ON pin.base_id = base.id AND pin.retailer_id = retailer.id
LEFT JOIN public.tenants_baseversion pinned ON pinned.id = pin.version_id AND pinned.killed_at IS NULL
LEFT JOIN public.tenants_basetemplate_canary_retailers ring
    ON ring.basetemplate_id = base.id AND ring.retailer_id = retailer.id
LEFT JOIN public.tenants_baseversion canary
    ON ring.id IS NOT NULL AND canary.id = base.canary_id AND canary.killed_at IS NULL
LEFT JOIN public.tenants_baseversion live ON live.id = base.live_id AND live.killed_at IS NULL
WHERE retailer.id = ANY(%(retailers)s)
"""
