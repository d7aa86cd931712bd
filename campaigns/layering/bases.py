"""A base: its sources compiled, its slots and blocks read, and what its author has to correct."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from campaigns import language, publishing
from campaigns.config.gate import Problem
from campaigns.config.template import SLOT, BaseDocument, Slot, Translation
from campaigns.language import grammar, tokens
from campaigns.language.syntax import Body, Expression, For, If, Literal, Mistaken, Path, Print, Set, paths
from campaigns.layering import marks, values
from campaigns.layering.marks import Block, Mark, Printed

SOURCES = ("subject", "preheader", "html", "text")


@dataclass(frozen=True)
class Base:
    """What layers below build on: `html` is compiled, with its slots and blocks still open."""

    subject: str
    preheader: str
    html: str
    text: str
    slots: Mapping[str, Slot]
    translations: Mapping[str, Translation]

    @cached_property
    def marks(self) -> tuple[Mark, ...]:
        return marks.read(self.html, is_html=True)

    @cached_property
    def blocks(self) -> dict[str, Block]:
        """By name, in the order in which they stand."""
        return {block.name: block for block in marks.blocks(self.marks)}

    @cached_property
    def locked(self) -> frozenset[str]:
        return frozenset(name for name, block in self.blocks.items() if block.is_locked)

    def dump(self) -> dict[str, Any]:
        """Plain data, for `load`."""
        slots = {name: SLOT.dump_python(slot, mode="json") for name, slot in self.slots.items()}
        translations = {locale: each.model_dump(mode="json") for locale, each in self.translations.items()}
        sources = {name: getattr(self, name) for name in SOURCES}
        return {**sources, "slots": slots, "translations": translations}

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Base:
        slots = {name: SLOT.validate_python(slot) for name, slot in data["slots"].items()}
        translations = {locale: Translation.model_validate(each) for locale, each in data["translations"].items()}
        return cls(**{name: data[name] for name in SOURCES}, slots=slots, translations=translations)


def compile_base(document: BaseDocument) -> tuple[Base, list[Problem]]:
    """The base that a document makes, and everything that keeps it from being published."""
    html, problems = publishing.html(document.html, document.source_format)
    base = Base(document.subject, document.preheader, html, document.text, document.slots, document.translations)
    return base, problems or list(_problems(base))


def _problems(base: Base) -> Iterator[Problem]:
    if not base.html.strip():
        yield Problem("html", "a base needs some content", "blank")
    for name in SOURCES:
        source = getattr(base, name)
        try:
            found = marks.read(source, is_html=name == "html")
            yield from _of_source(base, name, source, found)
        except Mistaken as mistaken:
            yield _at(name, source, mistaken.message, mistaken.at)
    yield from _of_defaults(base)
    for locale, said in base.translations.items():
        yield from _of_translation(base, locale, said)


def _of_source(base: Base, name: str, source: str, found: tuple[Mark, ...]) -> Iterator[Problem]:
    for block in marks.blocks(found):
        if name != "html":
            yield _at(name, source, "blocks stand in the HTML only", block.at)
    for printed in marks.printed(found):
        slot = base.slots.get(printed.slot)
        if slot is None:
            known = ", ".join(base.slots) or "none yet"
            yield _at(name, source, f"there is no slot {printed.slot}: declare it. Known: {known}", printed.at)
        elif printed.part not in values.PARTS[slot.type]:
            parts = " or ".join(f"content.{printed.slot}{part and '.' + part}" for part in values.PARTS[slot.type])
            yield _at(name, source, f"{printed.slot} is a slot for {slot.type}: print {parts}", printed.at)
        elif slot.type == "rich_text" and (name in ("subject", "preheader") or printed.spot.mode != "text"):
            yield _at(name, source, f"{printed.slot} holds rich text: print it between tags of the HTML", printed.at)
    yield from _of_language(base, name, source, found)


def _of_language(base: Base, name: str, source: str, found: tuple[Mark, ...]) -> Iterator[Problem]:
    """The source without its blocks' tags, and each block on its own: so no block is cut in two by a condition."""
    whole = "".join(each.source if not isinstance(each, Block) else _body(each) for each in found)
    around = "".join(each.source for each in found if not isinstance(each, Block))
    for part in (whole, around, *(_body(block) for block in marks.blocks(found))):
        if mistakes := language.mistakes(part, content=base.slots, is_html=name == "html" and part is whole):
            yield Problem(name, str(mistakes[0]), "template")
            return
    yield from _of_locks(base, name, found)
    for expression in _printed(grammar.parse(whole)):
        for path in paths(expression):
            slot = base.slots.get(str(path.steps[0])) if path.root == "content" and path.steps else None
            if slot and slot.type in ("text", "rich_text", "image", "button") and not isinstance(expression, Path):
                told = f"print {path.dotted} on its own, without a filter: what fills it may say something of a person"
                yield _at(name, whole, told, path.at)


def _of_locks(base: Base, name: str, found: tuple[Mark, ...]) -> Iterator[Problem]:
    """A locked block stands always, and says what the platform says: nothing that a layer below fills decides it."""
    for block in marks.blocks(found):
        if block.is_locked and (slots := [each.slot for each in block.body if isinstance(each, Printed)]):
            told = f"{block.name} is locked, and shows the slot {slots[0]}, which is filled below: write it out"
            yield _at(name, base.html, told, block.at)
    numbers = {
        f"locked-{index}": each for index, each in enumerate(found) if isinstance(each, Block) and each.is_locked
    }
    stands_for = {id(block): f'{{{{ "{number}" }}}}' for number, block in numbers.items()}
    source = "".join(stands_for.get(id(each)) or (_body(each) if isinstance(each, Block) else each.source)
                     for each in found)  # fmt: skip
    for number, told in _hidden(grammar.parse(source), frozenset(), ""):
        block = numbers[number]
        yield _at(name, base.html, f"{block.name} is locked, and stands in {told}: take it out of there", block.at)


def _hidden(body: Body, filled: frozenset[str], inside: str) -> Iterator[tuple[str, str]]:
    """Stand-ins of locked blocks that are shown or not as a layer below wants. `filled` are names made of slots."""
    for node in body:
        match node:
            case Print(value=Literal(value=str() as number)) if inside and number.startswith("locked-"):
                yield number, inside
            case Set():
                filled = filled | {node.name} if _is_filled(node.value, filled) else filled - {node.name}
            case If():
                asked = [branch.condition for branch in node.branches if branch.condition is not None]
                is_asked = any(_is_filled(condition, filled) for condition in asked)
                for branch in node.branches:
                    yield from _hidden(
                        branch.body, filled, "a condition on what is filled below" if is_asked else inside
                    )
            case For():
                yield from _hidden(node.body, filled, "a loop")
                yield from _hidden(node.otherwise, filled, "a loop")


def _is_filled(value: Expression, filled: frozenset[str]) -> bool:
    return any(path.root == "content" or path.root in filled for path in paths(value))


def _body(block: Block) -> str:
    return "".join(each.source for each in block.body)


def _printed(body: Body) -> Iterator[Expression]:
    for node in body:
        match node:
            case Print() | Set():
                yield node.value
            case If():
                for branch in node.branches:
                    yield from _printed(branch.body)
            case For():
                yield node.over
                yield from _printed(node.body)
                yield from _printed(node.otherwise)


def _of_defaults(base: Base) -> Iterator[Problem]:
    for name, slot in base.slots.items():
        default = values.default_of(slot)
        if default is not None:
            yield from values.problems(slot, default, f"slots.{name}.default")


def _of_translation(base: Base, locale: str, said: Translation) -> Iterator[Problem]:
    for name, value in said.slots.items():
        field = f"translations.{locale}.slots.{name}"
        if name not in base.slots:
            yield Problem(field, f"there is no slot {name}: declare it, or remove this", "unknown")
        else:
            yield from values.problems(base.slots[name], value, field)
    for field in ("html", "text", "blocks", "payload"):
        if getattr(said, field):
            yield Problem(f"translations.{locale}.{field}", "a base is translated by its slots and subject", "unknown")
    for mistake in language.mistakes(said.subject) + language.mistakes(said.preheader):
        yield Problem(f"translations.{locale}", str(mistake), "template")


def _at(field: str, source: str, message: str, at: int) -> Problem:
    return Problem(field, str(language.Mistake(message, *tokens.place(source, at))), "template")
