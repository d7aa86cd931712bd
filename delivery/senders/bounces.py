"""Where what cannot be delivered comes back: a domain of an account's own, whose SPF receivers ask for in place of the
From domain's (RFC 7208, 2.4).
"""

from __future__ import annotations

from collections.abc import Sequence

from delivery.senders import dmarc, existence, reserved, spf
from delivery.senders.findings import Finding
from delivery.senders.lookup import Lookup


def look(domain: str, asked: Lookup, bounce_domains: Sequence[str], wanted: Sequence[str]) -> list[Finding]:
    """`wanted` are the SPF mechanisms of the accounts that send. What is well is not told. Raises CouldNotLook."""
    told: list[Finding] = []
    for each in bounce_domains:
        if each == domain or reserved.why(each):
            continue
        told += existence.look(each, asked)
        told += spf.look(each, asked, wanted)
        told += dmarc.return_path(domain, asked, each)
    return [finding for finding in told if finding.severity != "ok"]
