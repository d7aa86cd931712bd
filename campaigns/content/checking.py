"""What keeps a template from being published: mistakes in its sources, and what does not fit its base."""

from __future__ import annotations

import re

from campaigns import attachments, bases, channelled, editions, examination
from campaigns.config import locales
from campaigns.config.gate import Invalid, Problem, parse, read
from campaigns.config.template import STRUCTURED, TEMPLATE, TemplateDocument, written
from campaigns.layering import Fill
from campaigns.models import Template
from tenants import context


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
        return _no_files(template) + examination.spoken({name: getattr(template, name) for name in channelled.FIELDS})
    if re.search(r"[\r\n]", document.subject):
        return [Problem("subject", "a subject is one line", "line_break")]
    found = attachments.problems(template.attachments) if template.attachments else []
    return found + (_of_base(document) if document.base else examination.problems(document))


def _no_files(template: Template) -> list[Problem]:
    if not template.attachments:
        return []
    return [Problem("attachments", "files go along with e-mails only: remove them", "not_here")]


def _of_base(document: TemplateDocument) -> list[Problem]:
    """What a template says over a base, judged by the base as it counts for the retailer now."""
    try:
        below = editions.below(bases.standing(context.current(), document.base))
    except bases.Unavailable as unavailable:
        return [Problem("base", str(unavailable), "unknown")]
    own = [
        Problem(name, f"the base brings the {name}: leave this blank, and fill slots and blocks", "not_here")
        for name in ("html", "text") if getattr(document, name)
    ]  # fmt: skip
    return own or examination.unfit(below.base, below.fills, Fill.of(editions.OWN, document))
