"""A draft's content as it would be published: compiled, and named by its hash."""

from __future__ import annotations

from campaigns import attachments, channelled, examination
from campaigns.config.gate import content_hash, dump
from campaigns.config.template import TEMPLATE, TemplateDocument, written
from campaigns.models import Template, TemplateVersion

_NAMED = (
    "from_name",
    "from_email",
    "reply_to",
    "payload",
    "attachments",
)  # what a hash covers where a template says it


def freeze(template: Template) -> TemplateVersion:
    """The version that publishing the draft would make, not saved. Of a draft without problems (`checking.check`).

    Raises Invalid where compiling it takes too much.
    """
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
    made = examination.compiled(document)
    translations = made.translations
    more = {name: said[name] for name in _NAMED if name in said} | ({"in": translations} if translations else {})
    digest = content_hash([document.subject, made.html, made.text, *([more] if more else [])])
    return TemplateVersion(
        template=template, content_hash=digest, subject=document.subject, html=made.html, text=made.text,
        document=whole,
        compiled={"links": made.links} | files | ({"translations": translations} if translations else {}),
    )  # fmt: skip
