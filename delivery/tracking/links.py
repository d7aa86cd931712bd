"""The stored links: put down before the first message carries them, looked up when one is clicked.

Reads    Link
Writes   Link
Promise  a link never changes, so a process asks for it once
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from campaigns.publishing import Link as Found
from delivery.models import Link
from tenants import context
from tenants.models import Retailer

HONEYPOT = 0  # the number of the link that nobody sees


@dataclass(frozen=True, slots=True)
class Stored:
    """`url` has template tags in it where `is_made` of values: the message's own link says where it leads."""

    number: int
    url: str

    @property
    def is_made(self) -> bool:
        return is_made(self.url)


def is_made(url: str) -> bool:
    return "{{" in url or "{%" in url


def store(template_hash: str, variant: str, links: Sequence[Found]) -> dict[int, int]:
    """The ids of links by their numbers; those that are known already are not stored again."""
    rows = {
        _digest(template_hash, variant, link): Link(
            digest=_digest(template_hash, variant, link),
            template_hash=template_hash,
            variant=variant,
            number=link.number,
            url=link.url,
            label=link.label[:100],
        )
        for link in links
    }
    known = Link.objects.filter(digest__in=list(rows))
    if known.count() < len(rows):
        Link.objects.bulk_create(rows.values(), ignore_conflicts=True)
    return dict(known.values_list("number", "id"))


def find(retailer: Retailer, link_id: int) -> Stored | None:
    """Of that retailer, for whom the caller need not act."""
    try:
        return _known(retailer, link_id)
    except Link.DoesNotExist:
        return None


@lru_cache(maxsize=10_000)
def _known(retailer: Retailer, link_id: int) -> Stored:
    """Raises Link.DoesNotExist, which is not remembered."""
    with context.in_retailer(retailer):
        return Stored(*Link.objects.values_list("number", "url").get(pk=link_id))


def _digest(template_hash: str, variant: str, link: Found) -> uuid.UUID:
    said = f"{template_hash}\x1f{variant}\x1f{link.number}\x1f{link.url}"
    return uuid.UUID(bytes=hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=16).digest())
