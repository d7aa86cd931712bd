"""The domains that a retailer's mail is sent from: the brand's, and those of templates that say another.

Reads    Brand, Template
Writes   SenderDomain: a row for each, once
"""

from __future__ import annotations

from collections.abc import Iterable

from campaigns import content
from campaigns.config.gate import Invalid, Problem
from campaigns.models import Template
from delivery.models import SenderDomain
from delivery.senders.lookup import is_label
from tenants import audit

MOST_SELECTORS = 10


def domains() -> list[str]:
    said = Template.objects.filter(channel="email").exclude(from_email="").values_list("from_email", flat=True)
    addresses = [content.brand().from_email, *said]
    return sorted({address.rpartition("@")[2].lower() for address in addresses if "@" in address})


def known() -> None:
    """Each has a row from now on."""
    new = set(domains()) - set(SenderDomain.objects.values_list("domain", flat=True))
    SenderDomain.objects.bulk_create([SenderDomain(domain=domain) for domain in sorted(new)], ignore_conflicts=True)


def set_selectors(sender: SenderDomain, selectors: Iterable[str]) -> None:
    """The names of the DKIM keys that sign for a domain, where we cannot know them. Raises Invalid."""
    wanted = list(dict.fromkeys(each.strip().lower() for each in selectors if each.strip()))
    wrong = [each for each in wanted if len(each) > 63 or not is_label(each)]
    if wrong:
        cure = f"{wrong[0]!r} is no selector: write the part before ._domainkey, such as s1"
        raise Invalid([Problem("selectors", cure)])
    if len(wanted) > MOST_SELECTORS:
        raise Invalid([Problem("selectors", f"{MOST_SELECTORS} are plenty")])
    before = {"selectors": list(sender.selectors)}
    sender.selectors = wanted
    sender.save(update_fields=["selectors"])
    audit.note("edit", "sender domain", sender.domain, before=before, after={"selectors": wanted})
