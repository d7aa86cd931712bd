"""Layers over a base into the sources of one message, and what of a layer does not fit.

`resolve` is total: whatever the layers say, something can be sent. What is locked, does not fit a slot as it is now, or
fills what the base has no more, is left out; `check_fill` tells an author so before.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from campaigns import language, publishing
from campaigns.config.gate import Problem
from campaigns.config.locales import nearest
from campaigns.config.template import CLIPPED, LayerDocument, RichTextSlot, TemplateDocument, Translation
from campaigns.language import tokens
from campaigns.layering import fragments, marks, values
from campaigns.layering.bases import Base
from campaigns.layering.marks import Block, Mark, Printed, Standing

_TEXTS = ("subject", "preheader")
PLATFORM = "the platform"  # who locks what a base locks
OWN = "the base"  # the name of the layer that a base is itself


@dataclass(frozen=True)
class Fill:
    """What one layer says over a base. `name` is for people: `group grocers`, `this template`, `variant b`."""

    name: str
    subject: str = ""
    preheader: str = ""
    slots: Mapping[str, Any] = field(default_factory=dict)
    blocks: Mapping[str, str] = field(default_factory=dict)
    locks: Sequence[str] = ()
    translations: Mapping[str, Translation] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, document: LayerDocument | TemplateDocument) -> Fill:
        locks = document.locks if isinstance(document, LayerDocument) else ()
        return cls(name, document.subject, document.preheader, document.slots, document.blocks, locks,
                   document.translations)  # fmt: skip

    def locales(self, locale: str) -> Iterator[Fill | Translation]:
        """What it says to somebody of that locale, the nearest first: `pt-BR`, then `pt`, then everybody."""
        for wanted in nearest(locale):
            if wanted in self.translations:
                yield self.translations[wanted]
        yield self


@dataclass(frozen=True)
class Resolved:
    """The sources of a message. `content` holds the values of `content.*`; `origins` says which layer each comes from.

    `left_out` is what a layer says that does not count, field by field, and `left_out_of` which layer's each is.
    """

    subject: str
    preheader: str
    html: str
    text: str
    content: dict[str, Any]
    origins: dict[str, str]
    left_out: list[Problem]
    left_out_of: list[str]


def resolve(base: Base, fills: Sequence[Fill], locale: str = "") -> Resolved:
    """`fills` from the layer next to the base upwards."""
    standing = _Standing(base, fills, locale)
    pages = {name: standing.spliced(getattr(standing, name), is_html=False) for name in _TEXTS}
    body = standing.spliced_marks(standing.marks())
    text = standing.spliced(base.text, is_html=False) if base.text else publishing.text(body)
    return Resolved(
        **pages,
        html=body,
        text=text,
        content=standing.content,
        origins=standing.origins,
        left_out=standing.left_out,
        left_out_of=standing.left_out_of,
    )


def of_variant(
    base: Base, fills: Sequence[Fill], key: str, subject: str, content: Mapping[str, Any], locale: str = ""
) -> Fill:
    """A variant as the uppermost layer: what it says of a slot as one text is completed from below, as it stands there
    in that language.
    """
    below = resolve(base, fills, locale).content
    slots = {
        name: values.widened(base.slots[name], value, below.get(name))
        for name, value in content.items()
        if name in base.slots
    }
    return Fill(f"variant {key}", subject, slots=slots)


def check_fill(base: Base, below: Sequence[Fill], fill: Fill) -> list[Problem]:
    """Everything that keeps a layer from being saved over a base and the layers between."""
    locks = locks_of(base, below)
    problems = list(_problems(base, locks, fill, ""))
    for locale, said in fill.translations.items():
        problems += _problems(base, locks, replace(_as_fill(said), name=fill.name), f"translations.{locale}.")
        problems += [
            Problem(f"translations.{locale}.{name}", f"a template on a base has no {name} of its own", "unknown")
            for name in ("html", "text") if getattr(said, name)
        ]  # fmt: skip
    problems += [
        Problem("locks", f"the base has no slot or block {name}: remove it", "unknown")
        for name in fill.locks if name not in (*base.slots, *base.blocks, *_TEXTS)
    ]  # fmt: skip
    return problems or list(_as_a_whole(base, [*below, fill]))


def _as_a_whole(base: Base, fills: Sequence[Fill]) -> Iterator[Problem]:
    for locale in ("", *dict.fromkeys(locale for fill in fills for locale in fill.translations)):
        made = resolve(base, fills, locale)
        where = f" (in {locale})" if locale else ""
        for name in ("subject", "preheader", "html", "text"):
            for mistake in language.mistakes(getattr(made, name), content=base.slots, is_html=name == "html"):
                yield Problem(name, f"{mistake.message}{where}", "template")
        if base.locked and len(made.html.encode()) > CLIPPED:
            told = f"{CLIPPED // 1024} KB and more are cut off by Gmail, and with it {', '.join(sorted(base.locked))}"
            yield Problem("blocks", f"{told}: say less{where}", "too_large")


def _problems(base: Base, locks: Mapping[str, str], fill: Fill, path: str) -> Iterator[Problem]:
    """Field by field, each for itself."""
    for name in _TEXTS:
        said = getattr(fill, name)
        if said and name in locks:
            yield Problem(f"{path}{name}", f"the {name} is locked by {locks[name]}: remove it", "locked")
        else:
            yield from (Problem(f"{path}{name}", str(mistake), "template") for mistake in language.mistakes(said))
    for name, value in fill.slots.items():
        yield from _locked_or_unknown("slot", name, base.slots, locks, path) or values.problems(
            base.slots[name], value, f"{path}slots.{name}"
        )
    for name, source in fill.blocks.items():
        yield from _locked_or_unknown("block", name, base.blocks, locks, path) or [
            Problem(f"{path}blocks.{name}", str(mistake), "html")
            for mistake in fragments.clean(source, fragments.BLOCK)[1]
        ]


def _locked_or_unknown(
    what: str, name: str, known: Mapping[str, Any], locks: Mapping[str, str], path: str
) -> list[Problem]:
    if name in locks:
        return [Problem(f"{path}{what}s.{name}", f"{name} is locked by {locks[name]}: remove it", "locked")]
    if name in known:
        return []
    told = ", ".join(each for each in known if each not in locks) or "none"
    return [Problem(f"{path}{what}s.{name}", f"the base has no {what} {name}: remove it. It has: {told}", "unknown")]


def locks_of(base: Base, fills: Sequence[Fill]) -> dict[str, str]:
    """What may not be changed over these layers, and which layer locked it."""
    locks = dict.fromkeys(base.locked, PLATFORM)
    for fill in fills:
        locks |= {name: fill.name for name in fill.locks if name not in locks}
    return locks


def _as_fill(said: Translation) -> Fill:
    return Fill("", said.subject, said.preheader, said.slots, said.blocks)


class _Standing:
    """What counts of all that the layers say to somebody of a locale."""

    def __init__(self, base: Base, fills: Sequence[Fill], locale: str) -> None:
        self._base = base
        self._values: dict[str, Any] = {}
        self._blocks: dict[str, str] = {}
        self.origins: dict[str, str] = {}
        self.left_out: list[Problem] = []
        self.left_out_of: list[str] = []
        self.subject, self.preheader = base.subject, base.preheader
        own = Fill(
            OWN,
            base.subject,
            base.preheader,
            {name: values.default_of(slot) for name, slot in base.slots.items()},
            translations=base.translations,
        )
        for index, fill in enumerate([own, *fills]):
            self._lay(fill, locale, locks_of(base, fills[: index - 1]) if index else {})
        self.content = {name: value for name, value in self._values.items() if value not in ("", None)}

    def marks(self) -> Iterator[Mark]:
        for mark in self._base.marks:
            if not isinstance(mark, Block):
                yield mark
            elif mark.name in self._blocks:
                yield from marks.read(self._blocks[mark.name], is_html=True)
            else:
                yield from mark.body

    def spliced(self, source: str, *, is_html: bool) -> str:
        return self.spliced_marks(marks.read(source, is_html=is_html), is_html=is_html)

    def spliced_marks(self, found: Iterator[Mark] | Sequence[Mark], *, is_html: bool = True) -> str:
        written = (
            self._splice(mark, is_html=is_html) if isinstance(mark, Printed) else mark.source
            for mark in found
            if isinstance(mark, Standing | Printed)
        )
        return "".join(written)

    def _lay(self, fill: Fill, locale: str, locks: Mapping[str, str]) -> None:
        said = _merged(fill, locale)
        problems = [] if fill.name == OWN else list(_problems(self._base, locks, said, ""))
        self.left_out += problems
        self.left_out_of += [fill.name] * len(problems)
        refused = {problem.field for problem in problems}
        for name, value in said.slots.items():
            if name in self._base.slots and not _is_refused(f"slots.{name}", refused):
                self._values[name], self.origins[name] = value, fill.name
        for name, source in said.blocks.items():
            if f"blocks.{name}" not in refused:
                self._blocks[name] = fragments.clean(source, fragments.BLOCK)[0]
                self.origins[name] = fill.name
        for name in _TEXTS:
            if getattr(said, name) and name not in refused:
                setattr(self, name, getattr(said, name))
                self.origins[name] = fill.name

    def _splice(self, printed: Printed, *, is_html: bool) -> str:
        slot, value = self._base.slots.get(printed.slot), self._values.get(printed.slot)
        if slot is None:
            return printed.source
        if isinstance(value, dict):
            value = value.get(printed.part)
        if value in ("", None):
            return ""
        if isinstance(slot, RichTextSlot):
            return _rich_text(value, printed, is_html=is_html)
        if not isinstance(value, str) or not _may_stand_in(value, printed):
            return printed.source
        return _escaped(value) if is_html else value


def _may_stand_in(value: str, printed: Printed) -> bool:
    """Whether a slot's source may take its place; in styles and the like its value is printed instead, and judged so.

    What is the same for everybody stands in the source wherever it can: so links are seen, and nothing is left to do.
    """
    if printed.spot.mode not in ("text", "value") or printed.spot.attribute == "style":
        return False
    return values.has_tags(value) or ("{" not in value and printed.spot.stage in ("", "start"))


def _is_refused(path: str, refused: set[str]) -> bool:
    return any(each == path or each.startswith(f"{path}.") for each in refused)


def _merged(fill: Fill, locale: str) -> Fill:
    """What a layer says to somebody of a locale: a translation goes before what is said to everybody."""
    said = list(fill.locales(locale))
    slots = {name: value for each in reversed(said) for name, value in each.slots.items()}
    blocks = {name: value for each in reversed(said) for name, value in each.blocks.items()}
    subject, preheader = (next((said_ for each in said if (said_ := getattr(each, name))), "") for name in _TEXTS)
    return Fill(fill.name, subject, preheader, slots, blocks, fill.locks)


def _rich_text(value: str, printed: Printed, *, is_html: bool) -> str:
    source = fragments.clean(value, fragments.RICH_TEXT)[0]
    if not is_html:
        return publishing.text(source).strip()
    return source if printed.spot.mode == "text" else _escaped(source)


def _escaped(source: str) -> str:
    """HTML of a text, its tags left as they are."""
    written, position = list[str](), 0
    for tag in tokens.tags(source):
        is_live = tag.piece is not None and tag.piece.kind != "text"
        said = source[tag.start : tag.end]
        written += (html.escape(source[position : tag.start]), said if is_live else "")
        position = tag.end
    return "".join([*written, html.escape(source[position:])])
