"""What a campaign's messages are written as, each in each of its languages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from campaigns import channelled
from campaigns.config.campaign import Variant
from campaigns.editions import Published


@dataclass(frozen=True)
class Written:
    """The sources of one message, and the values of its `content.*` as JSON, so that it can be compared."""

    channel: str
    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    content: str = "{}"
    left_out: tuple[tuple[str, str, str], ...] = ()

    def values(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.content)
        return found

    def sources(self) -> dict[str, str]:
        return {"subject": self.subject, "html": self.html, "text": self.text}


def written_by(template: Published, channel: str, variant: Variant) -> Iterator[Written]:
    """What a variant says by a published template, in each language."""
    values = json.dumps(dict(variant.content))
    if channel in channelled.CHANNELS:
        document = {"channel": channel, **template.version.document}
        for locale in ("", *sorted(document.get("translations") or {})):
            said = channelled.in_language(document, locale)
            yield Written(channel, variant.subject or said.subject, text=said.text, content=values)
        return
    for locale in ("", *sorted(template.locales)):
        sources = template.sources(variant, locale)
        values = json.dumps(dict(sources.content))
        yield Written(channel, sources.subject, "", sources.html, sources.text, values, sources.left_out)
