"""How far a message that is rendered again reads as it did when it was sent.

Its version, template and products are kept, and what the brand said then is found in the audit trail. Of a person only
today's data is known: whether any of it changed since, and what the message says of them, tells what to make of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from campaigns import channelled, language
from campaigns.config.campaign import Variant
from campaigns.editions import Published
from campaigns.models import Customer

_PERSON, _ATTRIBUTE = "customer.", "customer.attributes."


@dataclass(frozen=True)
class Likeness:
    """`may_differ` is what the message says of the person, in words, where their data changed after it was sent."""

    sent_at: datetime
    changed_at: datetime | None = None
    may_differ: tuple[str, ...] = ()

    @property
    def is_exact(self) -> bool:
        return not self.may_differ


def of(template: Published, variant: Variant, customer: Customer, sent_at: datetime) -> Likeness:
    """`sent_at` is when the outcome was put down: it was rendered at most a lease before."""
    rendered_at = sent_at - timedelta(seconds=settings.LEASE_SECONDS)
    if customer.updated_at <= max(rendered_at, customer.created_at):
        return Likeness(sent_at)
    return Likeness(sent_at, customer.updated_at, tuple(_said(template, variant)))


def _said(template: Published, variant: Variant) -> list[str]:
    """What it says of a person, to anybody, in words."""
    names, is_local = set[str](), False
    for source in _sources(template, variant):
        try:
            names |= language.names(source)
            is_local = is_local or language.is_local(source)
        except language.Mistaken:  # published under other rules: what it says cannot be told
            return ["all of it"]
    found = {_words(name) for name in names if f"{name}.".startswith(_PERSON)}
    if is_local:
        found |= {"dates and amounts in their language and time zone"}
    return sorted(found | ({"language"} if _languages(template) else set()))


def _languages(template: Published) -> Iterable[str]:
    return template.version.document.get("translations") or () if _is_spoken(template) else template.locales


def _sources(template: Published, variant: Variant) -> set[str]:
    """Of every language."""
    locales = ("", *_languages(template))
    if _is_spoken(template):
        told = [channelled.in_language(template.version.document, locale) for locale in locales]
        return {source for said in told for source in said.sources().values()} | {variant.subject or ""}
    made = [template.sources(variant, locale) for locale in locales]
    return {source for said in made for source in (said.subject, said.html, said.text)}


def _is_spoken(template: Published) -> bool:
    return template.version.document.get("channel") in channelled.CHANNELS


def _words(name: str) -> str:
    return name.removeprefix(_ATTRIBUTE).removeprefix(_PERSON).replace("_", " ")
