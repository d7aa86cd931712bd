"""Seed lists: named addresses that tests go to, colleagues' and those of mailboxes at the providers that matter.

Reads    SeedList
Writes   SeedList
Promise  a list holds addresses as customers' are stored, each once; nothing else is ever sent to it
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from campaigns import suppressions
from campaigns.config.gate import Invalid, Problem
from campaigns.models import SeedList
from campaigns.models.customers import Channel
from tenants import audit

MOST = 50  # addresses of a list
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_NAME = 200  # characters


def read(addresses: Iterable[Any], *, field: str = "addresses", most: int = MOST) -> list[str]:
    """The addresses in normal form, each once. Raises Invalid, naming the one that is none."""
    found: dict[str, None] = {}
    problems: list[Problem] = []
    given = list(addresses)
    for place, address in enumerate(given[: most + 1]):
        try:
            found[suppressions.normal(Channel.EMAIL, str(address))] = None
        except Invalid as invalid:
            told = f"“{str(address)[:100]}” {invalid.problems[0].message}"
            problems.append(Problem(f"{field}.{place}", told, "invalid"))
    if not given:
        problems.append(Problem(field, "name at least one address", "required"))
    if len(given) > most:
        problems.append(Problem(field, f"at most {most} addresses: make several lists", "too_many"))
    if problems:
        raise Invalid(problems)
    return list(found)


@transaction.atomic
def save(seed_list: SeedList) -> None:
    """Create or replace. Raises Invalid."""
    problems = []
    if not _KEY.fullmatch(seed_list.key):
        cure = "write it in lower-case letters, digits, - and _, beginning with a letter or digit"
        problems.append(Problem("key", cure, "key"))
    if not 0 < len(seed_list.name.strip()) <= _NAME:
        problems.append(Problem("name", f"give it a name of at most {_NAME} characters", "required"))
    if not isinstance(seed_list.addresses, list):
        problems.append(Problem("addresses", "write a list of addresses", "invalid"))
    if problems:
        raise Invalid(problems)
    seed_list.addresses = read(seed_list.addresses)
    before = _told(SeedList.objects.filter(pk=seed_list.pk).first())
    seed_list.save()
    action = "create" if before is None else "edit"
    audit.note(action, "seed list", seed_list.key, before=before, after=_told(seed_list))


@transaction.atomic
def remove(seed_list: SeedList) -> None:
    audit.note("delete", "seed list", seed_list.key, before=_told(seed_list))
    seed_list.delete()


def called(key: str) -> SeedList:
    """Raises Invalid."""
    found = SeedList.objects.filter(key=key).first()
    if found is None:
        known = ", ".join(SeedList.objects.order_by("key").values_list("key", flat=True)[:20]) or "none yet"
        raise Invalid([Problem("seed_list", f"there is no seed list {key!r}; known: {known}", "unknown")])
    return found


def _told(seed_list: SeedList | None) -> dict[str, Any] | None:
    """The audit trail outlives addresses, so it says how many there are."""
    return None if seed_list is None else {"name": seed_list.name, "addresses": len(seed_list.addresses)}
