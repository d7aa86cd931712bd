"""A sender's domain looked up in DNS, and what was found kept for a while.

Reads    Provider, DNS
Writes   SenderDomain (`findings`, `checked_at`)
Promise  an answer within lookup.SECONDS; where DNS fails, it says so and blocks nothing

Shape of what is kept: {state, words, asked, findings: [{check, severity, message, cure, record}]}. `state` is `ok`,
`hint`, `warning`, `unknown`, `error`, or `skipped` for a local or reserved name; `record` is {name, type, value}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import dns.resolver

from delivery.models import SenderDomain
from delivery.senders import accounts, bounces, dkim, dmarc, existence, findings, freemail, reserved, spf
from delivery.senders.accounts import Senders
from delivery.senders.findings import Finding
from delivery.senders.lookup import CouldNotLook, Lookup, lookup

FRESH = timedelta(minutes=10)
SOON = timedelta(minutes=1)  # after DNS failed
SKIPPED = "skipped"
_CHECKS = {
    "existence": "whether it exists",
    "spf": "SPF",
    "dkim": "DKIM",
    "dmarc": "DMARC",
    "bounces": "the bounce domain",
}


def of(
    domain: str, *, now: datetime, anew: bool = False, resolver: dns.resolver.Resolver | None = None
) -> dict[str, Any]:
    """What is known of the domain; looked up where that is older than FRESH, or who sends has changed."""
    if reason := reserved.why(domain):
        return {"domain": domain, "state": SKIPPED, "words": f"{reason}.", "asked": "", "findings": []}
    sending = accounts.of(domain)
    row = SenderDomain.objects.filter(domain=domain).first()
    if row and not anew and _is_fresh(row, sending, now):
        return {"domain": domain, **row.findings}
    found = _looked_up(domain, sending, resolver)
    SenderDomain.objects.update_or_create(domain=domain, defaults={"findings": found, "checked_at": now})
    return {"domain": domain, **found}


def all_of(domains: Iterable[str], *, now: datetime) -> list[dict[str, Any]]:
    return [of(domain, now=now) for domain in sorted(set(domains))]


def lines(found: dict[str, Any]) -> list[str]:
    """For a person to read; a record as a zone file has it."""
    told = [f"{found['domain']}: {found['words']}"]
    for each in found["findings"]:
        cure = f" Cure: {each['cure']}." if each["cure"] else ""
        told.append(f"  {each['severity']:<8} {each['message']}.{cure}")
        if each["record"]:
            told.append(f"           {findings.Record(**each['record'])}")
    return told


def _is_fresh(row: SenderDomain, sending: Senders, now: datetime) -> bool:
    if row.checked_at is None or row.findings.get("asked") != repr(sending):
        return False
    lasts = SOON if any(each["severity"] == "unknown" for each in row.findings["findings"]) else FRESH
    return row.checked_at > now - lasts


def _looked_up(domain: str, sending: Senders, resolver: dns.resolver.Resolver | None) -> dict[str, Any]:
    told = sorted(_findings(domain, sending, resolver), key=lambda each: -findings.ORDER.index(each.severity))
    state = findings.heaviest(told)
    return {
        "state": state,
        "words": _words(told, state),
        "asked": repr(sending),
        "findings": [each.as_data() for each in told],
    }


def _findings(domain: str, sending: Senders, resolver: dns.resolver.Resolver | None) -> list[Finding]:
    told = freemail.look(domain)
    try:
        asking = lookup(resolver)
    except CouldNotLook as failure:
        return told + [_unknown(check, failure) for check in _CHECKS if check != "bounces" or sending.bounces]
    looks: dict[str, Callable[[Lookup], list[Finding]]] = {
        "existence": lambda asks: existence.look(domain, asks),
        "spf": lambda asks: spf.look(domain, asks, sending.spf),
        "dkim": lambda asks: dkim.look(domain, asks, sending.keys, sending.unknown),
        "dmarc": lambda asks: dmarc.look(domain, asks, sending.keys),
        "bounces": lambda asks: bounces.look(domain, asks, sending.bounces, sending.spf),
    }
    for check, look in looks.items():
        try:
            told += look(asking)
        except CouldNotLook as failure:
            told.append(_unknown(check, failure))
    return told


def _unknown(check: str, failure: CouldNotLook) -> Finding:
    return Finding(check, "unknown", f"Could not look at {_CHECKS[check]}: {failure}", "check again in a while")


def _words(told: list[Finding], state: str) -> str:
    wrong = list(dict.fromkeys(each.check.upper() for each in told if each.severity == "error"))
    if wrong:
        return f"{' and '.join(wrong).replace('EXISTENCE', 'MX')} must be put right."
    if state == "unknown":
        return "DNS could not be asked for everything."
    if state == "warning":
        return "It works, and should be better."
    return "SPF, DKIM and DMARC are as receivers ask for."
