"""What inboxes show beside the subject: hidden at the top of the body."""

from __future__ import annotations

import re

from campaigns.language import tokens

PREHEADER = '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">{text}</div>'
_BODY = re.compile(r"<body[^>]*>", re.IGNORECASE)


def with_preheader(html: str, preheader: str) -> str:
    if not preheader:
        return html
    hidden = PREHEADER.format(text=_text(preheader))
    body = _BODY.search(html)
    return html[: body.end()] + hidden + html[body.end() :] if body else hidden + html


def _text(preheader: str) -> str:
    """It is text: no element begins or ends in it."""
    written, position = list[str](), 0
    for tag in tokens.tags(preheader):
        is_live = tag.piece is not None and tag.piece.kind != "text"
        said = preheader[tag.start : tag.end]
        written += (_bare(preheader[position : tag.start]), said if is_live else _bare(said))
        position = tag.end
    return "".join([*written, _bare(preheader[position:])])


def _bare(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;")
