"""What a policy does not allow of a template, in any of its languages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from campaigns import channelled, editions, language, policies
from campaigns.config import bans
from campaigns.config import policy as rules
from campaigns.config.attached import Described
from campaigns.config.campaign import Variant
from campaigns.config.gate import Problem
from campaigns.config.policy import Policy
from campaigns.content import freezing
from campaigns.editions import PLAIN, Published
from campaigns.models import Template, TemplateVersion
from tenants import context

_Used = tuple[frozenset[str], frozenset[str]]


def check_policy(template: Template, policy: Policy | None = None) -> list[Problem]:
    """What a policy, else the one in force, does not allow of a template without problems as it is written."""
    return check_version(freezing.freeze(template), policy)


def check_version(version: TemplateVersion, policy: Policy | None = None) -> list[Problem]:
    """The same of what was published once."""
    policy = policies.effective(context.current()) if policy is None else policy
    if policy == rules.OPEN and not version.compiled.get("attachments"):
        return []
    try:
        return breaches(editions.of_version(version, context.current()), policy)
    except editions.Unpublished as unpublished:
        return [Problem("base", str(unpublished), "unknown")]


def breaches(published: Published, policy: Policy, variants: Iterable[Variant] = ()) -> list[Problem]:
    """What a policy does not allow of what is published, as it stands and as these variants say it."""
    document = published.version.document
    is_mail = document.get("channel", "email") not in channelled.CHANNELS
    found = _by_mail(document.get("base", ""), document.get("from_email", ""), policy) if is_mail else []
    found += attached(published, policy)
    if any(problem.field == "base" for problem in found):
        return found
    if not is_mail:  # e-mails alone have a footer
        policy = policy.model_copy(update={"footer": []})
    if policy.template_features is None and not policy.footer:
        return found
    return found + list(_of_all(published, policy, variants, is_mail=is_mail))


def attached(published: Published, policy: Policy) -> list[Problem]:
    """What a policy does not allow of the files that go along with it."""
    files = published.version.compiled.get("attachments", ())
    return bans.of_attachments((Described(each["name"], each["type"], each["bytes"]) for each in files), policy)


def _by_mail(base: str, from_email: str, policy: Policy) -> list[Problem]:
    found = bans.of_base(base, policy)
    return found + (bans.of_sender(from_email, policy) if from_email else [])


def _of_all(published: Published, policy: Policy, variants: Iterable[Variant], *, is_mail: bool) -> Iterator[Problem]:
    """What is the same in several languages or variants once, and where it was found first."""
    told = set[str]()
    for variant in (PLAIN, *(each for each in variants if each.subject or each.content)):
        for locale in _languages(published, is_mail=is_mail):
            for problem in _of_one(_sources(published, variant, locale, is_mail=is_mail), policy):
                if problem.message not in told:
                    told.add(problem.message)
                    at = [f"in {locale}"] if locale else []
                    at += [f"variant {variant.key}"] if variant is not PLAIN else []
                    where = f" ({', '.join(at)})" if at else ""
                    yield Problem(problem.field, f"{problem.message}{where}", problem.code)


def _languages(published: Published, *, is_mail: bool) -> list[str]:
    spoken = published.locales if is_mail else published.version.document.get("translations") or ()
    return ["", *sorted(spoken)]


def _sources(published: Published, variant: Variant, locale: str, *, is_mail: bool) -> tuple[tuple[str, ...], str]:
    """All sources of a message, and the one that is its HTML."""
    if is_mail:
        made = published.sources(variant, locale)
        return (made.subject, made.html, made.text), made.html
    said = channelled.in_language(published.version.document, locale)
    return (*said.sources().values(), variant.subject or ""), ""


def _of_one(sources: tuple[tuple[str, ...], str], policy: Policy) -> list[Problem]:
    try:
        return bans.of_content(*_uses(*sources), policy)
    except language.Mistaken as mistaken:  # published under other rules: what it uses cannot be told
        return [Problem("html", f"it cannot be read any more: {mistaken}: correct and publish it", "template")]


@lru_cache(maxsize=512)
def _uses(sources: tuple[str, ...], html: str) -> _Used:
    """A feature counts wherever it is used, a variable where everybody sees it in the HTML."""
    return frozenset(feature for source in sources for feature in language.features(source)), language.seen(html)
