"""Whether replies and bounces can come back to a domain: it has MX, or an address (RFC 5321, RFC 7505)."""

from __future__ import annotations

from delivery.senders.findings import Finding, Record
from delivery.senders.lookup import Lookup


def look(domain: str, lookup: Lookup) -> list[Finding]:
    """Raises CouldNotLook."""
    servers = [str(each.exchange) for each in lookup.records(domain, "MX")]
    if servers == ["."]:
        message = f"{domain} says that it takes no mail (a null MX): receivers refuse senders that cannot be answered"
        return [Finding("existence", "error", message, "publish the MX of your mail server", _mx(domain))]
    if servers:
        return [Finding("existence", "ok", f"{domain} takes mail at {servers[0].rstrip('.')}")]
    if lookup.records(domain, "A") or lookup.records(domain, "AAAA"):
        message = f"{domain} has no MX: replies and bounces go to its address, where a mail server must listen"
        return [Finding("existence", "hint", message, "publish the MX of your mail server", _mx(domain))]
    message = f"{domain} does not exist in DNS, or has neither MX nor an address: receivers refuse mail from it"
    return [Finding("existence", "error", message, "publish the MX of your mail server", _mx(domain))]


def _mx(domain: str) -> Record:
    return Record(domain, "MX", f"10 mail.{domain}.")
