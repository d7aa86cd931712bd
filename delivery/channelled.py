"""A person's SMS, notification or webhook: what was rendered becomes what a channel takes. Pure.

What a template cannot promise when it is published, because it depends on whom it is for, is held here: links that are
links, sizes that providers take, the line that says how to opt out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from campaigns import channelled, sms
from campaigns.channelled import Said
from campaigns.config.texting import Texting
from delivery import rendering
from delivery.channels.base import Content, PushContent, SmsContent, WebhookContent
from delivery.rendering import RenderError

_CURE = ": values in it take | urlencode"
_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")


class Renderer:
    """One message in one language."""

    def __init__(self, said: Said, texting: Texting) -> None:
        self.channel = said.channel
        self._said = said
        self._texting = texting
        self._paths = list(said.sources())
        self._fixed = channelled.fixed_pieces(said.text) if said.channel == "sms" else []
        self.sources = {f"{'.'.join(map(str, path))} text": source for path, source in said.sources().items()}

    def render(self, context: Mapping[str, Any], *, address: str = "") -> Content:
        """`context` as rendering.Parts takes it; an SMS's `address` tells the country that it goes to.

        Raises RenderError.
        """
        return self.finished(self.compile().render(context), address=address)

    def compile(self) -> rendering.Parts:
        """Kept per process. Raises rendering.Unreadable."""
        return _parts(tuple(self.sources.items()))

    def finished(self, texts: Sequence[str], *, address: str = "") -> Content:
        """What the channel takes, of the rendered sources in order. Raises RenderError."""
        found = dict(zip(self._paths, texts, strict=True))
        if self._said.channel == "sms":
            return self._sms(found["text",], address)
        if self._said.channel == "push":
            return self._push(found)
        return self._webhook(found)

    def _sms(self, text: str, address: str) -> SmsContent:
        text = _paragraphs(text)
        if not text:
            raise RenderError("the text is blank")
        if len(text) > sms.MAX_SEGMENTS * 160:  # before it is looked at closely
            raise RenderError(f"longer than {sms.MAX_SEGMENTS} parts")
        country = sms.country_of(address) if address else ""
        line = self._texting.stop_line(country) or sms.stop_line(country)
        text = sms.with_stop_line(text, line, fixed=self._fixed)
        if (self._said.payload or {}).get("smart_encoding"):
            text = sms.smart(text)
        if len(sms.parts(text)) > sms.MAX_SEGMENTS:
            raise RenderError(f"longer than {sms.MAX_SEGMENTS} parts")
        return SmsContent(text)

    def _push(self, found: Mapping[channelled.Path, str]) -> PushContent:
        title, body = rendering.one_line(found["subject",]), _paragraphs(found["text",])
        if not title or not body:
            raise RenderError(f"the {'body' if title else 'title'} is blank")
        payload = channelled.filled(self._said.payload, {path[1:]: text for path, text in found.items()})
        image, link, collapse_id = (str(payload.get(name, "")).strip() for name in ("image", "link", "collapse_id"))
        if image and not channelled.is_web_link(image):
            raise RenderError(f"the image's address is not https:// without blanks{_CURE}")
        if link and not (channelled.is_web_link(link) or channelled.is_app_link(link)):
            raise RenderError(f"the link is neither https:// nor one of an app, without blanks{_CURE}")
        if len(collapse_id.encode()) > channelled.COLLAPSE_BYTES:
            raise RenderError(f"the collapse id is longer than {channelled.COLLAPSE_BYTES} bytes")
        data = payload.get("data", {})
        size = len(json.dumps([title, body, image, link, collapse_id, data], ensure_ascii=False).encode())
        if size > channelled.PUSH_BYTES:
            raise RenderError(f"{size} bytes; a notification holds {channelled.PUSH_BYTES}")
        return PushContent(title, body, image, link, collapse_id, data)

    def _webhook(self, found: Mapping[channelled.Path, str]) -> WebhookContent:
        body = channelled.filled(self._said.payload, {path[1:]: text for path, text in found.items()})
        size = len(json.dumps(body, ensure_ascii=False).encode())
        if size > channelled.WEBHOOK_BYTES:
            raise RenderError(f"larger than {channelled.WEBHOOK_BYTES // 1024} KB once rendered")
        return WebhookContent(body)


class Speaker:
    """A variant of a published template, to everybody in their language. `title` is the variant's own.

    Raises rendering.Unreadable.
    """

    def __init__(self, document: Mapping[str, Any], texting: Texting, *, title: str = "") -> None:
        self._document = document
        spoken = ["", *(document.get("translations") or {})]
        told = {name: channelled.in_language(document, name) for name in spoken}
        self._renderers = {
            name: Renderer(replace(said, subject=title or said.subject), texting) for name, said in told.items()
        }
        for each in self._renderers.values():
            each.compile()

    def to(self, locale: str) -> Renderer:
        return self._renderers[channelled.translation_for(self._document, locale)]

    def render(self, context: Mapping[str, Any], *, address: str = "") -> Content:
        """In the language of the customer of the context. Raises RenderError."""
        return self.to(context["customer"].get("locale", "")).render(context, address=address)


@lru_cache(maxsize=256)
def _parts(sources: tuple[tuple[str, str], ...]) -> rendering.Parts:
    return rendering.Parts(dict(sources))


def _paragraphs(text: str) -> str:
    """Without what cannot be seen; line breaks stay."""
    if not text.isprintable():
        text = _UNSEEN.sub(" ", text.replace("\r\n", "\n"))
    return text.strip()
