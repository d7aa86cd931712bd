"""DMARC (RFC 7489, and the tree walk of its successor): what receivers do with mail that only pretends to be ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from delivery.senders.dkim import Key
from delivery.senders.findings import Finding, Record
from delivery.senders.lookup import Lookup

_NEXT = "go on to p=quarantine once the reports show nothing of your own that fails"
_MOST_LABELS = 5  # above which a walk goes on from there: no name costs more than a few questions


def look(domain: str, lookup: Lookup, keys: Sequence[Key]) -> list[Finding]:
    """Raises CouldNotLook."""
    at, tags, number = _policy(domain, lookup)
    record = Record(f"_dmarc.{domain}", "TXT", f"v=DMARC1; p=none; rua=mailto:dmarc@{domain}")
    if number == 0:
        cure = f"publish the record; {_NEXT}"
        return [Finding("dmarc", "error", f"{domain} has no DMARC policy", cure, record)]
    if number > 1:
        message = f"There are {number} DMARC policies at _dmarc.{at}, and receivers then use none"
        return [Finding("dmarc", "error", message, "leave one of them")]
    told = [*_policy_of(domain, at, tags), *_alignment(domain, tags, keys, organisation=at)]
    return told or [Finding("dmarc", "ok", f"{domain} has a DMARC policy: p={_asked(domain, at, tags)}")]


def return_path(domain: str, lookup: Lookup, bounce_domain: str) -> list[Finding]:
    """Whether SPF of the domain that mail comes back to counts for the From domain. Raises CouldNotLook."""
    at, tags, _ = _policy(domain, lookup)
    is_strict = tags.get("aspf", "r").lower() == "s"
    if _aligns(bounce_domain, domain, at, is_strict=is_strict):
        return []
    message = f"Mail from {domain} comes back to {bounce_domain}, whose SPF does not count for it: DKIM alone does"
    return [Finding("dmarc", "warning", message, f"take a bounce domain below {at}, such as bounces.{at}")]


def _policy(domain: str, lookup: Lookup) -> tuple[str, dict[str, str], int]:
    """Where the policy stands that counts for the domain, its tags, and how many there are."""
    for name in _walk(domain):
        texts = [text for text in lookup.txt(f"_dmarc.{name}") if text.replace(" ", "").upper().startswith("V=DMARC1")]
        if texts:
            return name, _tags(texts[0]), len(texts)
    return domain, {}, 0


def _walk(domain: str) -> Iterator[str]:
    """The domain, and those above it that are no top-level domain."""
    labels = domain.split(".")
    yield domain
    labels = labels[-_MOST_LABELS:] if len(labels) > _MOST_LABELS + 1 else labels[1:]
    while len(labels) > 1:
        yield ".".join(labels)
        labels = labels[1:]


def _asked(domain: str, at: str, tags: dict[str, str]) -> str:
    policy = tags.get("p", "").lower()
    return policy if domain == at else tags.get("sp", policy).lower()


def _policy_of(domain: str, at: str, tags: dict[str, str]) -> Iterator[Finding]:
    policy = _asked(domain, at, tags)
    if policy not in ("none", "quarantine", "reject"):
        message = f"The DMARC policy at _dmarc.{at} has no p= of none, quarantine or reject"
        yield Finding("dmarc", "error", message, "write p=none to begin with")
    elif policy == "none":
        message = f"The DMARC policy of {domain} is p=none: it watches, and forged mail arrives all the same"
        yield Finding(
            "dmarc", "hint", message, "go on to p=quarantine once the reports show nothing of your own that fails"
        )
    if "rua" not in tags:
        message = f"The DMARC policy at _dmarc.{at} asks for no reports"
        yield Finding("dmarc", "hint", message, f"add rua=mailto:dmarc@{at}")


def _alignment(domain: str, tags: dict[str, str], keys: Sequence[Key], *, organisation: str) -> Iterator[Finding]:
    """A signature counts for DMARC when its domain is the From address's; one of the same organisation, if relaxed."""
    is_strict = tags.get("adkim", "r").lower() == "s"
    aligned = [key for key in keys if _aligns(key.domain, domain, organisation, is_strict=is_strict)]
    if keys and not aligned:
        how = "exactly, as adkim=s asks" if is_strict else f"or of a domain of {organisation}"
        message = f"The DKIM signature is of {keys[0].domain} and does not count for mail from {domain}"
        yield Finding("dmarc", "error", message, f"sign with a key of {domain} {how}")


def _aligns(signing: str, domain: str, organisation: str, *, is_strict: bool) -> bool:
    if is_strict or signing == domain:
        return signing == domain
    return signing == organisation or signing.endswith(f".{organisation}") or domain.endswith(f".{signing}")


def _tags(text: str) -> dict[str, str]:
    parts = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, is_, value in parts if is_}
