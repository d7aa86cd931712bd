"""Templates and brand: what messages say. Publishing checks a template and freezes it under a content hash."""

from __future__ import annotations

import re
from functools import lru_cache

from django.db import transaction
from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

from campaigns import channelled, language, policies
from campaigns.config import policy as rules
from campaigns.config import voice as voices
from campaigns.config.gate import Invalid, Problem, content_hash, parse
from campaigns.config.policy import Policy
from campaigns.config.template import STRUCTURED, TEMPLATE, written
from campaigns.config.texting import TEXTING, Texting
from campaigns.config.voice import Voice
from campaigns.models import Brand, Template, TemplateVersion
from tenants import audit, changes, context
from tenants.accounts.models import User
from tenants.models import Retailer

_TEXT = ParserConfig(css=CSS_PROFILES["strict"], display_links=True)
# What inboxes show beside the subject.
PREHEADER = '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">{text}</div>'


def brand() -> Brand:
    """The retailer's brand; made from its name when nobody has edited it yet."""
    found = Brand.objects.order_by("pk").first()
    if found:
        return found
    retailer = context.current()
    name = {"name": retailer.name, "from_name": retailer.name}
    return Brand.objects.get_or_create(pk=1, defaults=name | {"from_email": first_sender(retailer)})[0]


def texting(brand: Brand) -> Texting:
    """What SMS cost the retailer, and how it words the way out."""
    found: Texting = parse(TEXTING, brand.texting)
    return found


def first_sender(retailer: Retailer) -> str:
    """The address that mail is sent from until somebody writes another."""
    return f"hello@{retailer.slug}.example"


def voice(brand: Brand) -> Voice:
    """How the brand speaks. Raises Invalid, naming the brand's field."""
    return voices.read({name: getattr(brand, name) for name in voices.FIELDS})


def check(template: Template) -> list[Problem]:
    """Everything that keeps a template from being published, with field, line and cure."""
    if misshapen := check_shape(template):
        return misshapen
    if template.channel in channelled.CHANNELS:
        return channelled.problems(template)
    problems = [
        Problem(field, str(mistake), "template")
        for field in ("subject", "preheader", "html", "text")
        for mistake in language.mistakes(getattr(template, field), is_html=field == "html")
    ]
    if not template.html.strip():
        problems.append(Problem("html", "a template needs some content", "blank"))
    if re.search(r"[\r\n]", template.subject):
        problems.append(Problem("subject", "a subject is one line", "line_break"))
    if not problems and not template.text and language.mistakes(plain_text(template.html)):
        problems.append(Problem("text", "no text part can be made from this HTML: write one", "text_needed"))
    return problems


def check_shape(template: Template) -> list[Problem]:
    """What is wrong with the form of slots, blocks, translations and payload, each by its path."""
    try:
        parse(TEMPLATE, {name: getattr(template, name) for name in STRUCTURED})
    except Invalid as invalid:
        return invalid.problems
    return []


def breaches(subject: str, html: str, text: str, policy: Policy, *, channel: str = "email") -> list[Problem]:
    """What a policy does not allow of a message's content. An e-mail alone has a footer."""
    if channel in channelled.CHANNELS:
        policy = policy.model_copy(update={"footer": []})
    if policy.template_features is None and not policy.footer:
        return []
    try:
        used = _uses(subject, html, text)
    except language.Mistaken as mistaken:  # published under other rules: what it uses cannot be told
        return [Problem("html", f"it cannot be read any more: {mistaken}: correct and publish it", "template")]
    return rules.content_breaches(*used, policy)


@transaction.atomic
def publish(template: Template, *, by: User | None = None) -> TemplateVersion:
    """Freeze the template's content as its live version; publishing the same content again changes nothing.

    Raises Invalid with the problems that `check` finds, or what the policy does not allow.
    """
    if problems := check(template) or check_policy(template):
        raise Invalid(problems)
    html = _with_preheader(template.html, template.preheader)
    text, document = template.text or plain_text(template.html), written(template)
    digest = content_hash([template.subject, html, text])
    if template.channel in channelled.CHANNELS:
        text, digest = template.text, channelled.fingerprint(document)
    Template.objects.select_for_update().get(pk=template.pk)
    version = template.versions.filter(content_hash=digest).first()
    if version is None:
        number = template.versions.count() + 1
        said = {"subject": template.subject, "html": html, "text": text, "document": document}
        version = template.versions.create(number=number, content_hash=digest, published_by=by, **said)
    if template.live_id != version.pk:
        Template.objects.filter(pk=template.pk).update(live=version)
        audit.note("publish", "template", template.key, after={"version": version.number, "content_hash": digest})
        changes.announce(context.current(), f"template {template.key} version {version.number}")
    template.live = version
    return version


def check_policy(template: Template) -> list[Problem]:
    """What the policy in force does not allow of a template as it is written."""
    policy = policies.effective(context.current())
    if template.channel in channelled.CHANNELS:
        return breaches("", "", channelled.whole(written(template)), policy, channel=template.channel)
    return breaches(template.subject, template.html, template.text, policy)


def plain_text(html: str) -> str:
    """The text part of an HTML body, links written out; template tags pass through untouched."""
    return get_text(html, _TEXT).strip() + "\n"


def _with_preheader(html: str, preheader: str) -> str:
    if not preheader:
        return html
    hidden = PREHEADER.format(text=preheader)
    body = re.search(r"<body[^>]*>", html, re.IGNORECASE)
    return html[: body.end()] + hidden + html[body.end() :] if body else hidden + html


@lru_cache(maxsize=512)
def _uses(subject: str, html: str, text: str) -> tuple[frozenset[str], frozenset[str]]:
    """A feature counts wherever it is used, a variable where the HTML prints it."""
    features = frozenset(feature for source in (subject, html, text) for feature in language.features(source))
    return features, frozenset(language.names(html))
