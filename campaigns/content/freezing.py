"""A draft's content as it would be published: compiled, and named by its hash."""

from __future__ import annotations

from typing import Any

from campaigns import attachments, channelled, publishing
from campaigns.config import locales
from campaigns.config.gate import content_hash, dump
from campaigns.config.template import TEMPLATE, TemplateDocument, Translation, written
from campaigns.models import Template, TemplateVersion

_NAMED = (
    "from_name",
    "from_email",
    "reply_to",
    "payload",
    "attachments",
)  # what a hash covers where a template says it


def freeze(template: Template) -> TemplateVersion:
    """The version that publishing the draft would make, not saved. Of a draft without problems (`checking.check`)."""
    document: TemplateDocument = TEMPLATE.validate_python(written(template))
    said, whole = dump(document), document.model_dump(mode="json")
    if document.channel in channelled.CHANNELS:
        return TemplateVersion(
            template=template, content_hash=channelled.fingerprint(said), subject=document.subject, html="",
            text=document.text, document=whole,
        )  # fmt: skip
    files = {"attachments": found} if (found := attachments.described(template.attachments)) else {}
    if document.base:
        return TemplateVersion(
            template=template,
            content_hash=content_hash(said),
            subject=document.subject,
            html="",
            text="",
            document=whole,
            compiled=files,
        )
    html = publishing.with_preheader(_html(document.html, document), document.preheader)
    text = document.text or publishing.text(html) if html else document.text
    translations = {locale: _translated(document, locale, each) for locale, each in document.translations.items()}
    more = {name: said[name] for name in _NAMED if name in said} | ({"in": translations} if translations else {})
    digest = content_hash([document.subject, html, text, *([more] if more else [])])
    return TemplateVersion(
        template=template, content_hash=digest, subject=document.subject, html=html, text=text, document=whole,
        compiled={"links": [link._asdict() for link in publishing.links(html)]} | files
        | ({"translations": translations} if translations else {}),
    )  # fmt: skip


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
