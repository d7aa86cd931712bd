"""What a template says over its base, and in other languages, as the inputs of a page: shown, and read back.

An input's name is its place: `fill..slot.hero.url`, `fill.de.block.offer`, `fill.pt-BR.text.subject`. What is left
blank is not said, so what lies beneath counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from campaigns.beneath import Beneath, BlockBeneath, SlotBeneath

_PLACE = re.compile(
    r"fill\.([A-Za-z0-9-]{0,35})\.(slot|block|text|drop)\.([a-z][a-z0-9_]{0,62})(?:\.(url|alt|label|count))?\Z"
)
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")
LABELS = {"subject": "Subject", "preheader": "Preview text", "html": "HTML", "text": "Plain text"}


@dataclass
class Filled:
    """As typed: by slot, by block, by language."""

    slots: dict[str, Any] = field(default_factory=dict)
    blocks: dict[str, str] = field(default_factory=dict)
    translations: dict[str, dict[str, Any]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)  # languages to be removed

    def said(self, locale: str) -> dict[str, Any]:
        """Slots, blocks and texts in one language; of the template itself where it is blank."""
        return {"slots": self.slots, "blocks": self.blocks} if not locale else self.translations.get(locale, {})


@dataclass(frozen=True)
class SlotInput:
    """`value` is what the template says there, `below` what counts when it says nothing, in the words of `whose`."""

    name: str  # of its inputs
    slot: SlotBeneath
    value: Any
    below: Any
    whose: str
    problems: list[str]

    @property
    def type(self) -> str:
        return self.slot.slot.type

    @property
    def parts(self) -> dict[str, Any]:
        """An image's and a button's parts, said and beneath."""
        value, below = (each if isinstance(each, dict) else {} for each in (self.value, self.below))
        return {name: (value.get(name, ""), below.get(name, "")) for name in ("url", "alt", "label", "count")}

    @property
    def lines(self) -> int:
        return 2 if (self.slot.limits.get("max") or 0) > 120 else 1

    @property
    def picture(self) -> str:
        """Where its picture is, when that is known before anybody's message is rendered."""
        url = str(self.parts["url"][0] or self.parts["url"][1])
        return url if url.startswith("https://") and "{" not in url else ""


@dataclass(frozen=True)
class BlockInput:
    name: str
    block: BlockBeneath
    value: str
    problems: list[str]

    @property
    def title(self) -> str:
        return self.block.name.replace("_", " ").capitalize()


@dataclass(frozen=True)
class TextInput:
    """A part of a message on its own, in another language."""

    name: str
    label: str
    value: str
    below: str
    is_long: bool
    problems: list[str]


@dataclass(frozen=True)
class Section:
    """One language; the template's own comes first and has a blank locale."""

    locale: str
    texts: list[TextInput]
    slots: list[SlotInput]
    blocks: list[BlockInput]

    @property
    def says(self) -> int:
        inputs: tuple[TextInput | SlotInput | BlockInput, ...] = (*self.texts, *self.slots, *self.blocks)
        return sum(bool(each.value) for each in inputs)


def read(posted: Mapping[str, Any], beneath: Beneath | None) -> Filled:
    """What was typed. A button or image of which one part was typed keeps the other part from beneath."""
    found, parts = Filled(), dict[tuple[str, str], dict[str, str]]()
    for name in posted:
        match = _PLACE.match(name) if isinstance(name, str) else None
        if match is None:
            continue
        locale, kind, what, part = match.groups()
        typed = str(posted[name])
        if kind == "drop":
            found.dropped.add(locale)
        elif not typed.strip():
            continue
        elif part:
            parts.setdefault((locale, what), {})[part] = typed.strip()
        else:
            _put(found, locale, kind, what, typed if kind == "block" or what == "html" else typed.strip())
    for (locale, what), given in parts.items():
        _put(found, locale, "slot", what, _whole(given, found, beneath.slot(what) if beneath else None, locale, what))
    found.translations = {locale: said for locale, said in found.translations.items() if locale not in found.dropped}
    return found


def locales_in(posted: Iterable[str]) -> list[str]:
    """The languages that a form's inputs are for."""
    named = {match[1] for name in posted if (match := _PLACE.match(name))}
    return sorted(locale for locale in named if _LOCALE.fullmatch(locale))


def sections(
    filled: Filled, beneath: Mapping[str, Beneath], own: Mapping[str, str], problems: Mapping[str, list[str]]
) -> list[Section]:
    """`beneath` by language, empty for a template on its own; `own` are the texts it has, in its own language."""
    return [_section(locale, filled, beneath, own, problems) for locale in ("", *sorted(filled.translations))]


def section(locale: str, filled: Filled, beneath: Mapping[str, Beneath], own: Mapping[str, str]) -> Section:
    """A language that nothing is said in yet."""
    return _section(locale, filled, beneath, own, {})


def _section(
    locale: str,
    filled: Filled,
    beneath: Mapping[str, Beneath],
    own: Mapping[str, str],
    problems: Mapping[str, list[str]],
) -> Section:
    lies, said = beneath.get(locale) or beneath.get(""), filled.said(locale)
    path = f"translations.{locale}." if locale else ""
    return Section(
        locale,
        list(_texts(locale, said, lies, own, problems)) if locale else [],
        list(_slots(locale, filled, lies, problems, path)) if lies else [],
        list(_blocks(locale, said, lies, problems, path)) if lies else [],
    )


def _blocks(
    locale: str, said: Mapping[str, Any], lies: Beneath, problems: Mapping[str, list[str]], path: str
) -> Iterator[BlockInput]:
    for block in lies.blocks:
        if not block.locked_by:
            value, told = said.get("blocks", {}).get(block.name, ""), _of(problems, f"{path}blocks.{block.name}")
            yield BlockInput(f"fill.{locale}.block.{block.name}", block, value, told)


def _slots(
    locale: str, filled: Filled, lies: Beneath, problems: Mapping[str, list[str]], path: str
) -> Iterator[SlotInput]:
    said = filled.said(locale).get("slots", {})
    for slot in lies.slots:
        if slot.locked_by:
            continue
        below, whose = slot.value, slot.whose
        if locale and filled.slots.get(slot.name):
            below, whose = filled.slots[slot.name], "this template"
        name, told = f"fill.{locale}.slot.{slot.name}", _of(problems, f"{path}slots.{slot.name}")
        yield SlotInput(name, slot, said.get(slot.name, ""), below, whose, told)


def _texts(
    locale: str,
    said: Mapping[str, Any],
    lies: Beneath | None,
    own: Mapping[str, str],
    problems: Mapping[str, list[str]],
) -> Iterator[TextInput]:
    for name in own:
        below = own[name] or (getattr(lies, name, "") if lies else "")
        told = _of(problems, f"translations.{locale}.{name}")
        yield TextInput(
            f"fill.{locale}.text.{name}", LABELS[name], said.get(name, ""), below, name in ("html", "text"), told
        )


def _put(found: Filled, locale: str, kind: str, what: str, value: Any) -> None:
    if not locale:
        if kind != "text":
            (found.slots if kind == "slot" else found.blocks)[what] = value
        return
    said = found.translations.setdefault(locale, {})
    if kind == "text":
        said[what] = value
    else:
        said.setdefault(f"{kind}s", {})[what] = value


def _whole(given: dict[str, str], found: Filled, slot: SlotBeneath | None, locale: str, what: str) -> Any:
    if "count" in given:
        return {"count": int(given["count"]) if given["count"].isdecimal() else given["count"]}
    below = (found.slots.get(what) if locale else None) or (slot.value if slot else None)
    kept = {name: below[name] for name in ("url", "label") if isinstance(below, dict) and below.get(name)}
    if slot and slot.slot.type == "image":
        kept.pop("label", None)
    return kept | given


def _of(problems: Mapping[str, list[str]], path: str) -> list[str]:
    return [told for at, each in problems.items() if at == path or at.startswith(f"{path}.") for told in each]
