"""What keeps a template from being published: mistakes in its sources, what does not fit its base, and the policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from campaigns import bases, channelled, editions, language, layering, policies, publishing
from campaigns.config import locales
from campaigns.config import policy as rules
from campaigns.config.gate import Invalid, Problem, parse, read
from campaigns.config.policy import Policy
from campaigns.config.template import STRUCTURED, TEMPLATE, TemplateDocument, Translation, written
from campaigns.content import freezing
from campaigns.language import Mistake
from campaigns.layering import Fill
from campaigns.models import Template
from tenants import context

_SOURCES = ("subject", "preheader", "html", "text")


def check(template: Template) -> list[Problem]:
    """Everything that keeps a template from being published, with field, line and cure."""
    try:
        parse(TEMPLATE, {name: getattr(template, name) for name in STRUCTURED})  # within the gate's bounds
        document: TemplateDocument = read(TEMPLATE, written(template))
    except Invalid as invalid:
        return invalid.problems
    if twice := locales.twice(template.translations):
        told = [(each, locales.normal(each)) for each in twice]
        return [Problem(f"translations.{each}", f"this is {one}, which stands twice: say it once", "twice")
                for each, one in told]  # fmt: skip
    if template.channel in channelled.CHANNELS:
        return channelled.problems(template)
    if re.search(r"[\r\n]", document.subject):
        return [Problem("subject", "a subject is one line", "line_break")]
    return _of_base(document) if document.base else list(_of_sources(document))


def check_policy(template: Template, policy: Policy | None = None) -> list[Problem]:
    """What a policy, else the one in force, does not allow of a template without problems as it is written."""
    policy = policies.effective(context.current()) if policy is None else policy
    if policy == rules.OPEN:
        return []
    if template.channel in channelled.CHANNELS:
        return breaches("", "", channelled.whole(written(template)), policy, channel=template.channel)
    made = editions.of_version(freezing.freeze(template), context.current()).sources()
    found = breaches(made.subject, made.html, made.text, policy, base=template.base)
    if template.from_email:
        found += [Problem("from_email", p.message, p.code) for p in rules.sender_breaches(template.from_email, policy)]
    return found


def breaches(
    subject: str, html: str, text: str, policy: Policy, *, channel: str = "email", base: str | None = None
) -> list[Problem]:
    """What a policy does not allow of a message's content. An e-mail alone has a footer, and a `base` (blank for a
    template on its own; None where that is not asked).
    """
    if channel in channelled.CHANNELS:
        policy = policy.model_copy(update={"footer": []})
    elif base is not None and (found := rules.base_breaches(base, policy)):
        return found
    if policy.template_features is None and not policy.footer:
        return []
    try:
        used = _uses(subject, html, text)
    except language.Mistaken as mistaken:  # published under other rules: what it uses cannot be told
        return [Problem("html", f"it cannot be read any more: {mistaken}: correct and publish it", "template")]
    return rules.content_breaches(*used, policy)


def _of_base(document: TemplateDocument) -> list[Problem]:
    """What a template says over a base, judged by the base as it counts for the retailer now."""
    try:
        below = editions.below(context.current(), document.base)
    except bases.Unavailable as unavailable:
        return [Problem("base", str(unavailable), "unknown")]
    own = [
        Problem(name, f"the base brings the {name}: leave this blank, and fill slots and blocks", "not_here")
        for name in ("html", "text") if getattr(document, name)
    ]  # fmt: skip
    return own or layering.check_fill(below.base, below.fills, Fill.of(editions.OWN, document))


def _of_sources(document: TemplateDocument) -> Iterator[Problem]:
    for name in ("slots", "blocks"):
        if getattr(document, name):
            yield Problem(name, f"only a template on a base has {name}: name its base, or remove them", "not_here")
    if not document.html.strip():
        yield Problem("html", "a template needs some content", "blank")
        return
    yield from _of_parts(document, "", document.source_format)
    for locale, said in document.translations.items():
        yield from _of_parts(said, f"translations.{locale}.", document.source_format)
        for name in ("slots", "blocks"):
            if getattr(said, name):
                yield Problem(f"translations.{locale}.{name}", f"only a template on a base has {name}", "not_here")


def _of_parts(said: TemplateDocument | Translation, path: str, source_format: str) -> Iterator[Problem]:
    html, problems = publishing.html(said.html, source_format) if said.html else ("", [])
    problems = problems or publishing.images(said.html)[1]
    problems = [Problem(f"{path}{problem.field}", problem.message, problem.code) for problem in problems] or [
        Problem(f"{path}{name}", str(mistake), "template")
        for name in _SOURCES
        for mistake in _mistakes(said, name, html)
    ]
    yield from problems
    if html and not problems and not said.text and language.mistakes(publishing.text(html)):
        yield Problem(f"{path}text", "no text part can be made from this HTML: write one", "text_needed")


def _mistakes(said: TemplateDocument | Translation, name: str, html: str) -> list[Mistake]:
    """Each with its place in what was written, whatever that was compiled to."""
    if name != "html":
        return language.mistakes(getattr(said, name))
    return [publishing.traced(mistake, html, said.html) for mistake in language.mistakes(html, is_html=True)]


@lru_cache(maxsize=512)
def _uses(subject: str, html: str, text: str) -> tuple[frozenset[str], frozenset[str]]:
    """A feature counts wherever it is used, a variable where the HTML prints it."""
    features = frozenset(feature for source in (subject, html, text) for feature in language.features(source))
    return features, frozenset(language.names(html))
