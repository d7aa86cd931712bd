"""How far a message that is rendered again reads as it did when it was sent.

Its version, template and products are kept, what the brand said then is found in the audit trail, and what was known of
the person in campaigns.past. Where that cannot be told, what the message says of them is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from campaigns import channelled, language, past
from campaigns.config.campaign import Variant
from campaigns.editions import Published
from campaigns.models import Customer
from campaigns.past import Known

_PERSON, _ATTRIBUTE = "customer.", "customer.attributes."


@dataclass(frozen=True)
class Likeness:
    """`changed_at` is when the person's data changed after it was sent: it is shown with that of before.

    `may_differ` is what it says of the person, in words, where it is not known whether `doubtful_at` came before.
    """

    sent_at: datetime
    changed_at: datetime | None = None
    doubtful_at: datetime | None = None
    may_differ: tuple[str, ...] = ()

    @property
    def is_exact(self) -> bool:
        return not self.may_differ


def known(customer: Customer, sent_at: datetime) -> Known:
    """`sent_at` is when the outcome was put down: it was rendered at most a lease before."""
    return past.known(customer, sent_at - timedelta(seconds=settings.LEASE_SECONDS), sent_at)


def of(template: Published, variant: Variant, then: Known, sent_at: datetime) -> Likeness:
    """Of a message that is shown to `then`, as `known` tells."""
    if then.doubtful_at is None:
        return Likeness(sent_at, then.changed_at)
    return Likeness(sent_at, then.changed_at, then.doubtful_at, tuple(_said(template, variant)))


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
