"""What inboxes show beside the subject: hidden at the top of the body."""

from __future__ import annotations

import re

PREHEADER = '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">{text}</div>'
_BODY = re.compile(r"<body[^>]*>", re.IGNORECASE)


def with_preheader(html: str, preheader: str) -> str:
    if not preheader:
        return html
    hidden = PREHEADER.format(text=preheader)
    body = _BODY.search(html)
    return html[: body.end()] + hidden + html[body.end() :] if body else hidden + html
