"""What keeps a template from being published: mistakes in its sources, and what does not fit its base."""

from __future__ import annotations

import re
from collections.abc import Iterator

from campaigns import attachments, bases, channelled, editions, language, layering, publishing
from campaigns.config import locales
from campaigns.config.gate import Invalid, Problem, parse, read
from campaigns.config.template import STRUCTURED, TEMPLATE, TemplateDocument, Translation, written
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
        return _no_files(template) + channelled.problems(template)
    if re.search(r"[\r\n]", document.subject):
        return [Problem("subject", "a subject is one line", "line_break")]
    found = attachments.problems(template.attachments) if template.attachments else []
    return found + (_of_base(document) if document.base else list(_of_sources(document)))


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
