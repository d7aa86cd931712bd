"""What an SMS, a push notification and a webhook say: their sources, and what keeps them from being published. Pure.

An SMS is its `text`; a notification has a title (`subject`), a body (`text`) and in its payload an image, a link, a
collapse id and data; a webhook's payload is the JSON document that is sent, whose texts are templates. None of it is
HTML: what is printed is not escaped, and JSON is built as a structure, never as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from campaigns import language, sms
from campaigns.config import locales
from campaigns.config.gate import Invalid, Problem, content_hash, parse
from campaigns.config.template import PAYLOADS
from campaigns.language import grammar
from campaigns.language.syntax import Text

CHANNELS = ("sms", "push", "webhook")
LABELS = {"sms": "an SMS", "push": "a push notification", "webhook": "a webhook"}
PUSH_BYTES = 4000  # of APNs' and FCM's 4,096, with room for what wraps them
COLLAPSE_BYTES = 64  # APNs' bound on apns-collapse-id
WEBHOOK_BYTES = 64 * 1024
WEBHOOK_DEPTH = 12
Path = tuple[str | int, ...]  # where a text stands: ("payload", "data", "sku")
_WEB_LINK = re.compile(r"https://[^\s/]\S*\Z")
_APP_LINK = re.compile(r"[a-z][a-z0-9+.-]{0,40}://\S+\Z", re.IGNORECASE)
_NOT_AN_APP = ("http", "javascript", "data", "file", "vbscript", "blob", "about", "ftp", "ws", "wss")
_TAG = re.compile(r"{{.*?}}|{%.*?%}", re.DOTALL)
_OUR_LINKS = frozenset(language.OUR_LINKS)
# What FCM keeps for itself in a message's data.
_RESERVED = re.compile(r"from\Z|message_type\Z|google|gcm")


FIELDS = ("channel", "subject", "preheader", "html", "text", "base", "slots", "blocks", "translations", "payload")


class Written(Protocol):
    """A template as its fields say it."""

    channel: str
    subject: str
    preheader: str
    html: str
    text: str
    base: str
    slots: dict[str, Any]
    blocks: dict[str, Any]
    translations: dict[str, Any]
    payload: dict[str, Any]


@dataclass(frozen=True)
class Said:
    """One message's sources in one language."""

    channel: str
    subject: str = ""
    text: str = ""
    payload: Any = None

    def sources(self) -> dict[Path, str]:
        """Every text that is a template, by where it stands."""
        found: dict[Path, str] = {}
        if self.channel == "push":
            found["subject",] = self.subject
        if self.channel in ("sms", "push"):
            found["text",] = self.text
        return found | {("payload", *path): text for path, text in leaves(self.payload) if text}


def said(template: Written) -> Said:
    return Said(template.channel, template.subject, template.text, template.payload)


def in_language(document: Mapping[str, Any], locale: str) -> Said:
    """What a published document says to somebody of that locale: in their language, or as it was written first."""
    known = document.get("translations") or {}
    said = [*(known[each] for each in locales.chain(known, locale)), document]
    blank: dict[str, Any] = {"subject": "", "text": "", "payload": {}}
    told = {name: next((each[name] for each in said if each.get(name)), blank[name]) for name in blank}
    return Said(document["channel"], **told)


def translation_for(document: Mapping[str, Any], locale: str) -> str:
    """Which translation is somebody's: `fr-CA`, else `fr`, else none (empty)."""
    return locales.first(document.get("translations") or {}, locale)


def problems(template: Written) -> list[Problem]:
    """Everything that keeps a template of these channels from being published, with its field and cure."""
    found = [*_out_of_place(template), *_of(said(template))]
    for locale, translation in template.translations.items():
        if not isinstance(translation, dict):
            continue  # the shape of translations is checked with the template's document
        other = in_language({**_written(template), "translations": template.translations}, locale)
        here = [Problem(f"translations.{locale}.{p.field}", p.message, p.code) for p in _of(other)]
        known = {(p.field, p.message) for p in found}
        found += [p for p in here if (p.field.split(".", 2)[2], p.message) not in known]
    return found


def variant_problems(document: Mapping[str, Any], subject: str, content: Iterable[str]) -> list[Problem]:
    """What is wrong where a campaign's variant says its own title, and gives `content.*` of these names."""
    told = in_language(document, "")
    if subject and told.channel != "push":
        return [Problem("subject", f"{LABELS[told.channel]} has no subject: leave it out", "out_of_place")]
    sources = Said(told.channel, subject or told.subject, told.text, told.payload).sources()
    return [
        Problem("subject" if path == ("subject",) else "content", mistake.message, "template")
        for path, source in sources.items()
        for mistake in language.mistakes(source, content=content)
    ]


def fingerprint(document: Mapping[str, Any]) -> str:
    """The content hash of what a template of these channels says."""
    named = ("channel", "subject", "text", "payload", "translations")
    return content_hash([document.get(name) for name in named])


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text of a JSON value, by where it stands."""
    pending: list[tuple[Path, Any]] = [(path, value)]
    while pending:
        at, each = pending.pop()
        if isinstance(each, str):
            yield at, each
        elif isinstance(each, dict):
            pending += [((*at, name), each[name]) for name in reversed(each)]
        elif isinstance(each, list):
            pending += [((*at, n), each[n]) for n in reversed(range(len(each)))]


def filled(value: Any, texts: Mapping[Path, str], path: Path = ()) -> Any:
    """The JSON value with other texts, by where they stand; the rest as it is."""
    if isinstance(value, dict):
        return {name: filled(each, texts, (*path, name)) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, texts, (*path, n)) for n, each in enumerate(value)]
    return texts.get(path, value) if isinstance(value, str) else value


def is_web_link(url: str) -> bool:
    return url.isprintable() and bool(_WEB_LINK.match(url))


def is_app_link(url: str) -> bool:
    """A link into an app, such as `shop://basket`."""
    return url.isprintable() and bool(_APP_LINK.match(url)) and url.partition(":")[0].lower() not in _NOT_AN_APP


def _written(template: Written) -> dict[str, Any]:
    return {name: getattr(template, name) for name in ("channel", "subject", "text", "payload")}


def _out_of_place(template: Written) -> Iterator[Problem]:
    label = LABELS[template.channel]
    parts = {"html": "HTML", "preheader": "preview text", "base": "base", "slots": "slots", "blocks": "blocks"}
    if template.channel != "push":
        parts["subject"] = "subject"
    if template.channel == "webhook":
        parts["text"] = "text: it is the JSON of its payload"
    for field, words in parts.items():
        if getattr(template, field):
            yield Problem(field, f"{label} has no {words}: leave it out", "out_of_place")
    for locale, translation in template.translations.items():
        for field in ("html", "preheader", "slots", "blocks"):
            if isinstance(translation, dict) and translation.get(field):
                yield Problem(f"translations.{locale}.{field}", f"{label} has none: leave it out", "out_of_place")


def _of(message: Said) -> list[Problem]:
    try:
        parse(PAYLOADS[message.channel], message.payload)
    except Invalid as invalid:
        return [Problem(f"payload.{p.field}".rstrip("."), p.message, p.code) for p in invalid.problems]
    found = [problem for path, source in message.sources().items() for problem in _of_source(message, path, source)]
    return found + list(_RULES[message.channel](message))


def _of_source(message: Said, path: Path, source: str) -> Iterator[Problem]:
    field = ".".join(map(str, path))
    mistakes = language.mistakes(source)
    yield from (Problem(field, str(mistake), "template") for mistake in mistakes)
    if not mistakes and (used := language.names(source) & _OUR_LINKS):
        way_out = "people reply STOP" if message.channel == "sms" else "people turn it off on their device"
        cure = "take it out" if message.channel == "webhook" else f"{way_out}: take it out"
        yield Problem(field, f"{{{{ {min(used)} }}}} is for e-mails alone; {cure}", "out_of_place")


def _of_sms(message: Said) -> Iterator[Problem]:
    if not message.text.strip():
        yield Problem("text", "say something: an SMS needs a text", "blank")
    fixed = sms.measure(fixed_text(message.text))
    if fixed.segments > sms.MAX_SEGMENTS:
        yield Problem("text", f"{fixed.segments} parts; at most {sms.MAX_SEGMENTS}: write less", "too_long")


def _of_push(message: Said) -> Iterator[Problem]:
    for field, words in (("subject", "title"), ("text", "body")):
        if not getattr(message, field).strip():
            yield Problem(field, f"say something: a notification needs a {words}", "blank")
    if re.search(r"[\r\n]", message.subject):
        yield Problem("subject", "a title is one line", "line_break")
    yield from _links(message.payload)
    if len(fixed_text(message.payload.get("collapse_id", "")).encode()) > COLLAPSE_BYTES:
        yield Problem("payload.collapse_id", f"at most {COLLAPSE_BYTES} bytes: shorten it", "too_long")
    for name in filter(_RESERVED.match, message.payload.get("data", {})):
        yield Problem(f"payload.data.{name}", "this name is kept for the push service: choose another", "reserved")
    size = sum(len(fixed_text(source).encode()) for source in message.sources().values())
    if size > PUSH_BYTES:
        yield Problem("text", f"{size} bytes; a notification holds {PUSH_BYTES}: write less", "too_long")


def _links(payload: Mapping[str, Any]) -> Iterator[Problem]:
    image, link = payload.get("image", ""), payload.get("link", "")
    if image and not _may_become(image, is_web_link):
        yield Problem("payload.image", "write an address that begins with https://", "link")
    if link and not _may_become(link, lambda url: is_web_link(url) or is_app_link(url)):
        yield Problem("payload.link", "write https://..., or a link of your app such as shop://basket", "link")


def _of_webhook(message: Said) -> Iterator[Problem]:
    if not message.payload:
        yield Problem("payload", "say something: a webhook sends a JSON object", "blank")
    size = 0
    for path, name in _names(message.payload):
        size += len(name.encode())
        if "{{" in name or "{%" in name:
            yield Problem(".".join(("payload", *map(str, path))), "only values may hold variables, not names", "name")
        if len(path) == WEBHOOK_DEPTH + 1:
            yield Problem("payload", f"nested deeper than {WEBHOOK_DEPTH} levels: make it flatter", "too_deep")
    size += sum(len(fixed_text(text).encode()) for _, text in leaves(message.payload))
    if size > WEBHOOK_BYTES:
        yield Problem("payload", f"larger than {WEBHOOK_BYTES // 1024} KB: send less", "too_long")


_RULES = {"sms": _of_sms, "push": _of_push, "webhook": _of_webhook}


def fixed_text(source: str) -> str:
    """What everybody reads of a source, at least: without what is printed and decided for each."""
    return "".join(fixed_pieces(source))


def fixed_pieces(source: str) -> list[str]:
    """The same, piece by piece."""
    try:
        return [node.text for node in grammar.parse(source) if isinstance(node, Text)]
    except language.Mistaken:
        return []


def _may_become(source: str, is_fine: Callable[[str], bool]) -> bool:
    """Whether a link may be fine: one that begins with a variable is looked at when it is rendered."""
    return source.lstrip().startswith(("{{", "{%")) or is_fine(_TAG.sub("x", source).strip())


def _names(value: Any) -> Iterator[tuple[Path, str]]:
    """Every name and place of a JSON value; a list's places have no name."""
    pending: list[tuple[Path, Any]] = [((), value)]
    while pending:
        path, each = pending.pop()
        inner = each.items() if isinstance(each, dict) else enumerate(each) if isinstance(each, list) else ()
        for name, child in inner:
            yield (*path, name), name if isinstance(name, str) else ""
            pending.append(((*path, name), child))
