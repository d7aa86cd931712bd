"""Whether replies and bounces can come back to a domain: it has MX, or an address (RFC 5321, RFC 7505)."""

from __future__ import annotations

from delivery.senders import reserved
from delivery.senders.findings import Finding, Record
from delivery.senders.lookup import CouldNotLook, Lookup, lookup


def look(domain: str, asked: Lookup) -> list[Finding]:
    """Raises CouldNotLook."""
    servers = [str(each.exchange) for each in asked.records(domain, "MX")]
    if servers == ["."]:
        message = f"{domain} says that it takes no mail (a null MX): receivers refuse senders that cannot be answered"
        return [Finding("existence", "error", message, "publish the MX of your mail server", _mx(domain))]
    if servers:
        return [Finding("existence", "ok", f"{domain} takes mail at {servers[0].rstrip('.')}")]
    if asked.records(domain, "A") or asked.records(domain, "AAAA"):
        message = f"{domain} has no MX: replies and bounces go to its address, where a mail server must listen"
        return [Finding("existence", "hint", message, "publish the MX of your mail server", _mx(domain))]
    message = f"{domain} does not exist in DNS, or has neither MX nor an address: receivers refuse mail from it"
    return [Finding("existence", "error", message, "publish the MX of your mail server", _mx(domain))]


def leads_anywhere(host: str) -> bool | None:
    """Whether DNS has an address for a host; None where it did not answer, and for a name that it cannot know."""
    if reserved.why(host):
        return None
    try:
        asked = lookup()
        return bool(asked.records(host, "A") or asked.records(host, "AAAA"))
    except CouldNotLook:
        return None


def _mx(domain: str) -> Record:
    return Record(domain, "MX", f"10 mail.{domain}.")
