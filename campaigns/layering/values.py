"""The values of slots: what fits a slot as its base declares it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import TypeAdapter

from campaigns import language
from campaigns.config.gate import Invalid, Problem, parse
from campaigns.config.template import (
    Button,
    ButtonSlot,
    ColourSlot,
    Image,
    ImageSlot,
    Picks,
    ProductsSlot,
    RichTextSlot,
    Slot,
    TextSlot,
)
from campaigns.language import Mistake, tokens
from campaigns.layering import aside, fragments

_IMAGE: TypeAdapter[Image] = TypeAdapter(Image)
_BUTTON: TypeAdapter[Button] = TypeAdapter(Button)
_PICKS: TypeAdapter[Picks] = TypeAdapter(Picks)
_LINK = re.compile(r"(?:https?://[^\s\"'<>]+|mailto:[^\s\"'<>]+|tel:[+\d() -]+)\Z", re.IGNORECASE)
MERGED = 8  # characters that a value is counted as, where the length of a text is bounded
_PRINT, _STATEMENT = re.compile(r"{{.*?}}", re.DOTALL), re.compile(r"{%.*?%}|{#.*?#}", re.DOTALL)
_TAG = re.compile(r"{[{%#]")
PARTS = {
    "text": ("",),
    "rich_text": ("",),
    "colour": ("",),
    "image": ("url", "alt"),
    "button": ("label", "url"),
    "products": ("count",),
}


def default_of(slot: Slot) -> Any:
    """What fills a slot where nobody does, as plain data; None where nothing does."""
    default = slot.default
    return default if default is None or isinstance(default, str) else default.model_dump()


def in_order(names: Iterable[str], source: str) -> list[str]:
    """Slots as they come in a source, for the database keeps no order of theirs; those that are not printed last."""
    places = {name: re.search(rf"\bcontent\.{re.escape(name)}\b", source) for name in names}
    return sorted(places, key=lambda name: (found.start() if (found := places[name]) else len(source), name))


def has_tags(value: str) -> bool:
    """Whether a text says something of the person it is for."""
    return _TAG.search(value) is not None


def widened(slot: Slot, value: Any, below: Any) -> Any:
    """A variant says most things as one text: the rest of an image or button stays as the layers below have it."""
    if isinstance(slot, ImageSlot) and isinstance(value, str):
        return {**(below or {}), "url": value}
    if isinstance(slot, ButtonSlot) and isinstance(value, str):
        return {**(below or {}), "label": value}
    if isinstance(slot, ProductsSlot) and isinstance(value, int):
        return {"count": value}
    return value


def problems(slot: Slot, value: Any, field: str) -> list[Problem]:
    """What keeps a value from filling a slot, each with the field and the cure."""
    return list(_problems(slot, value, field))


def _problems(slot: Slot, value: Any, field: str) -> Iterator[Problem]:
    match slot:
        case TextSlot():
            yield from _text(value, field, slot.max)
        case RichTextSlot():
            yield from _rich_text(value, field, slot.max)
        case ColourSlot():
            yield from _colour(slot, value, field)
        case ImageSlot():
            yield from _parsed(_IMAGE, value, field) or [
                *_link(value["url"], f"{field}.url"), *_text(value.get("alt", ""), f"{field}.alt", 500)
            ]  # fmt: skip
        case ButtonSlot():
            yield from _parsed(_BUTTON, value, field) or [
                *_text(value["label"], f"{field}.label", slot.max), *_link(value["url"], f"{field}.url")
            ]  # fmt: skip
        case ProductsSlot():
            if not (found := _parsed(_PICKS, value, field)) and value["count"] > slot.most:
                found = [
                    Problem(f"{field}.count", f"at most {slot.most} products have room here: lower it", "too_many")
                ]
            yield from found


def _parsed(adapter: TypeAdapter[Any], value: Any, field: str) -> list[Problem]:
    try:
        parse(adapter, value)
    except Invalid as invalid:
        return [Problem(f"{field}.{p.field}".rstrip("."), p.message, p.code) for p in invalid.problems]
    return []


def _text(value: Any, field: str, longest: int) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem(field, "this is a text: write it in quotes", "type")
    elif mistakes := _mistakes(value):
        yield from (Problem(field, str(mistake), "template") for mistake in mistakes)
    elif (length := len(_plain(value, "x" * MERGED))) > longest:
        yield Problem(field, f"{length} characters, at most {longest} have room: shorten it", "too_long")


def _mistakes(value: str) -> list[Mistake]:
    """What a slot's value may not say: it is spliced into the base, so a slot of it leads nowhere but in circles."""
    if found := language.mistakes(value):
        return found
    told = [Mistake(message, *tokens.place(value, at)) for message, at in aside.out_of_place(value)]
    named = sorted(name for name in language.names(value) if name.partition(".")[0] == "content")
    return told or [Mistake(f"{name} is a slot itself, and a slot cannot show another: write it out") for name in named]


def _rich_text(value: Any, field: str, longest: int) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem(field, "this is a text: write it in quotes", "type")
    elif len(value) > longest:
        yield Problem(field, f"{len(value)} characters, at most {longest} have room: shorten it", "too_long")
    else:
        mistakes = fragments.clean(value, fragments.RICH_TEXT)[1] or _mistakes(value)
        yield from (Problem(field, str(mistake), "html") for mistake in mistakes)


def _colour(slot: ColourSlot, value: Any, field: str) -> Iterator[Problem]:
    if not isinstance(value, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        yield Problem(field, "a colour is # and six hexadecimal digits, such as #2457d6", "colour")
    elif slot.choices and value.lower() not in [each.lower() for each in slot.choices]:
        yield Problem(field, f"{value} is none of the colours to choose from: {', '.join(slot.choices)}", "choice")


def _link(value: str, field: str) -> Iterator[Problem]:
    """A link may say something of the person, but not where it leads to: unless it is wholly a value."""
    if found := _mistakes(value):
        yield from (Problem(field, str(mistake), "template") for mistake in found)
    elif not re.match(r"\s*{{[^{}]*}}", value) and not _LINK.match(_plain(value)):
        yield Problem(field, "begin it with https:// (or http://, mailto:, tel:)", "link")


def _plain(value: str, merged: str = "x") -> str:
    """The text with something in place of each value, and nothing in place of the rest."""
    return _STATEMENT.sub("", _PRINT.sub(merged, value))
