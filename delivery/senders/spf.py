"""SPF (RFC 7208): which servers may send for a domain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from delivery.senders.findings import Finding, Record, Severity
from delivery.senders.lookup import Lookup

MOST_LOOKUPS = 10  # RFC 7208, 4.6.4: more is a permanent error at every receiver
_ASKS = re.compile(r"include:|redirect=|exists:|(a|mx|ptr)([:/]|$)")
_ALL: dict[str, tuple[Severity, str]] = {
    "+": ("error", "lets every server in the world send for it: anybody may forge its mail"),
    "?": ("warning", "says nothing of servers that it does not name"),
}


@dataclass
class _Walk:
    lookup: Lookup
    asked: int = 0
    named: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    all: str = ""


def look(domain: str, lookup: Lookup, wanted: Sequence[str]) -> list[Finding]:
    """`wanted` are the mechanisms of the accounts that send, such as include:amazonses.com. Raises CouldNotLook."""
    found = _records(lookup, domain)
    record = Record(domain, "TXT", " ".join(["v=spf1", *wanted, "~all"]) if wanted else "v=spf1 mx ~all")
    if not found:
        cure = "publish the record, with every server that sends for the domain"
        return [Finding("spf", "error", f"{domain} has no SPF record", cure, record)]
    if len(found) > 1:
        cure = "put all of them together into one record and remove the others"
        return [Finding("spf", "error", f"{domain} has {len(found)} SPF records, and receivers then use none", cure)]
    walk = _Walk(lookup)
    _follow(found[0], domain, walk, top=True)
    told = [*_troubles(domain, walk), *_unnamed(found[0], domain, walk, wanted)]
    good = f"{domain} has an SPF record that takes {walk.asked} of {MOST_LOOKUPS} look-ups"
    return told or [Finding("spf", "ok", good)]


def _records(lookup: Lookup, domain: str) -> list[str]:
    return [text for text in lookup.txt(domain) if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]


def _follow(text: str, domain: str, walk: _Walk, *, top: bool) -> None:
    """Count what a receiver must ask; a redirect counts where the record ends without `all`."""
    terms = text.lower().split()[1:]
    ends = [term for term in terms if term.lstrip("+-~?") == "all"]
    if top and ends:
        walk.all = ends[0][0] if ends[0][0] in "+-~?" else "+"
    for term in terms:
        plain = term.lstrip("+-~?")
        if not _ASKS.match(plain) or (plain.startswith("redirect=") and ends):
            continue
        walk.asked += 1
        if walk.asked > MOST_LOOKUPS:
            return
        if plain.startswith(("include:", "redirect=")):
            _into(plain, walk, top=top and plain.startswith("redirect="))


def _into(term: str, walk: _Walk, *, top: bool) -> None:
    name = term[len("include:") :] if term.startswith("include:") else term[len("redirect=") :]
    if "%" in name or name in walk.named:  # a macro is known at delivery only
        return
    walk.named.add(name)
    found = _records(walk.lookup, name)
    if len(found) != 1:
        walk.broken.append(name)
        return
    _follow(found[0], name, walk, top=top)


def _troubles(domain: str, walk: _Walk) -> list[Finding]:
    told = []
    if walk.asked > MOST_LOOKUPS:
        cure = "remove includes of services that no longer send, or name their addresses by ip4: instead"
        message = f"The SPF record of {domain} takes more than {MOST_LOOKUPS} look-ups, and receivers then use none"
        told.append(Finding("spf", "error", message, cure))
    told += [
        Finding("spf", "error", f"The SPF record of {domain} includes {name}, which has none", f"remove include:{name}")
        for name in walk.broken
    ]
    if walk.all in _ALL:
        severity, words = _ALL[walk.all]
        cure = "end the record with ~all or -all"
        told.append(Finding("spf", severity, f"The SPF record of {domain} {words}", cure))
    elif not walk.all and walk.asked <= MOST_LOOKUPS:
        message = f"The SPF record of {domain} has no end: servers that it does not name are neither good nor bad"
        told.append(Finding("spf", "warning", message, "end the record with ~all or -all"))
    return told


def _unnamed(text: str, domain: str, walk: _Walk, wanted: Sequence[str]) -> list[Finding]:
    """Services that send for us and are not named. Their own return path may pass all the same, so it is a hint."""
    mine = {term.lstrip("+") for term in text.lower().split()}
    lacking = [each for each in wanted if each not in mine and each.removeprefix("include:") not in walk.named]
    if not lacking:
        return []
    terms = text.split()
    at = next((n for n, term in enumerate(terms) if term.lower().lstrip("+-~?") == "all"), len(terms))
    record = Record(domain, "TXT", " ".join([*terms[:at], *lacking, *terms[at:]]))
    message = f"The SPF record of {domain} does not name {', '.join(lacking)}, by which we send"
    return [
        Finding("spf", "hint", message, "replace the record, unless the service uses a return path of its own", record)
    ]
