"""The one preview: a message as somebody gets it, in every way it may be looked at.

The same pane stands beside a template, on a campaign's pages for each variant, and with a message of the ledger.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from campaigns import content, sms
from campaigns.config.attached import in_words
from campaigns.models import Customer
from delivery.channels.base import Content, PushContent, SmsContent
from delivery.previews import Preview
from delivery.showing import copies, marking

MOST_MARKED = 12  # differences that are looked for in the message, each by rendering it once more
_PREHEADER = re.compile(re.escape(content.PREHEADER).replace(re.escape("{text}"), "(.{0,500}?)"), re.DOTALL)


@dataclass(frozen=True)
class Difference:
    """Something that a layer says over the one below it. `below` and `here` are for people to read."""

    field: str  # its path: slots.headline
    label: str
    below: str  # blank where that is not known
    here: str
    whose: str = ""  # the layer below that says what is under it


@dataclass(frozen=True)
class Pane:
    """What is shown. The copies of its HTML stand in a frame without rights."""

    name: str
    customer: Customer
    channel: str = "email"
    sender: str = ""
    subject: str = ""
    preheader: str = ""
    text: str = ""
    light: str = ""
    dark: str = ""
    outlined: str = ""
    has_dark: bool = False
    differences: tuple[Difference, ...] = ()
    image: str = ""  # of a notification
    left_out: tuple[str, ...] = ()  # what a layer says that nobody reads
    attached: tuple[str, ...] = ()  # the files that go along
    note: str = ""  # what an SMS costs in parts, where a notification leads
    problem: str = ""

    def answer(self) -> dict[str, Any]:
        """For the page's script."""
        told = (
            "sender",
            "subject",
            "preheader",
            "text",
            "dark",
            "outlined",
            "has_dark",
            "problem",
            "channel",
            "note",
            "image",
            "left_out",
            "attached",
        )
        differences = [vars(each) for each in self.differences]
        return {name: getattr(self, name) for name in told} | {"html": self.light, "differences": differences}


Without = Callable[[str], Preview | None]  # the message without what is said in a field, if that can be


def pane(
    name: str,
    customer: Customer,
    preview: Preview,
    *,
    sender: str = "",
    differences: tuple[Difference, ...] = (),
    without: Without | None = None,
) -> Pane:
    """`preview` for people to look at; `differences` are found in it again by rendering it `without` each."""
    rendered = preview.rendered
    if preview.said is not None:
        return Pane(name, customer, sender=sender, differences=differences, **parts_of(preview.said))
    if rendered is None:
        return Pane(name, customer, differences=differences, problem=preview.problem)
    page = rendered.html
    others = _without_each(differences, without) if without else {}
    hidden = _PREHEADER.search(page)
    return Pane(
        name,
        customer,
        sender=sender,
        subject=rendered.subject,
        preheader=html.unescape(hidden[1]).strip() if hidden else "",
        text=rendered.text,
        light=copies.light(page),
        dark=copies.dark(page),
        outlined=copies.outlined(marking.marked(page, others)) if differences else "",
        has_dark=copies.has_dark(page),
        differences=differences,
        left_out=tuple(f"{whose[:1].upper()}{whose[1:]}, {field}: {why}" for field, whose, why in preview.left_out),
        attached=tuple(f"{name} ({in_words(size)})" for name, size in preview.attached),
    )


def parts_of(message: Content) -> dict[str, Any]:
    """What a pane shows of another channel than e-mail."""
    match message:
        case SmsContent():
            counted = sms.measure(message.text)
            parts = f"{counted.segments} parts are paid for" if counted.segments != 1 else "One part is paid for"
            return {
                "channel": "sms",
                "text": message.text,
                "note": f"{parts}: {counted.units} units of {counted.encoding}.",
            }
        case PushContent():
            leads = f"Opens {message.link}" if message.link else ""
            told = {"subject": message.title, "text": message.body, "image": message.image, "note": leads}
            return {"channel": "push"} | told
    return {"channel": "webhook", "text": json.dumps(message.body, ensure_ascii=False, indent=2)}


def _without_each(differences: tuple[Difference, ...], without: Without) -> dict[str, str]:
    made = ((each.label, without(each.field)) for each in islice(differences, MOST_MARKED))
    return {label: other.rendered.html for label, other in made if other and other.rendered}


def titled(name: str) -> str:
    """A slot's name for people to read: `Call to action`."""
    return name.replace("_", " ").capitalize()


def words(value: Any) -> str:
    """A slot's value for people to read."""
    match value:
        case None | "":
            return "nothing"
        case {"label": label, "url": url}:
            return f"{label} → {url}"
        case {"url": url}:
            return f"{url} ({value.get('alt') or 'no alternative text'})"
        case {"count": count}:
            return f"{count} products" if count != 1 else "one product"
        case str():
            return value if len(value) <= 300 else f"{value[:300]}…"
    return json.dumps(value, ensure_ascii=False)[:300]
