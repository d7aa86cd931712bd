"""A template's own sources as they are published: HTML compiled, a text part, links, in every language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from campaigns import publishing
from campaigns.config import locales
from campaigns.config.template import TemplateDocument, Translation


@dataclass(frozen=True)
class Compiled:
    """`links` are those of the HTML, as plain data; `translations` hold the parts that a language says itself."""

    html: str
    text: str
    links: list[dict[str, Any]]
    translations: dict[str, dict[str, Any]]


def compiled(document: TemplateDocument) -> Compiled:
    """Of a template without a base and without problems (`judging.problems`)."""
    html = publishing.with_preheader(_html(document.html, document), document.preheader)
    return Compiled(
        html=html,
        text=document.text or publishing.text(html) if html else document.text,
        links=[link._asdict() for link in publishing.links(html)],
        translations={locale: _translated(document, locale, each) for locale, each in document.translations.items()},
    )


def _translated(document: TemplateDocument, locale: str, said: Translation) -> dict[str, Any]:
    """A language's own parts. Text is made of its HTML, and its preview text stands in the HTML that it has or not."""
    nearest = [document.translations[each] for each in locales.chain(document.translations, locale)]
    source, preheader = (
        next((source for each in nearest if (source := getattr(each, name))), getattr(document, name))
        for name in ("html", "preheader")
    )
    html = publishing.with_preheader(_html(source, document), preheader)
    made = {"subject": said.subject, "html": html if said.html or said.preheader else "", "text": said.text}
    if said.html and not said.text:
        made["text"] = publishing.text(html)
    return {name: value for name, value in made.items() if value}


def _html(source: str, document: TemplateDocument) -> str:
    return publishing.html(source, document.source_format)[0]
