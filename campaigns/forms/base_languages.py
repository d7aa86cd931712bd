"""What a base, or a group's layer over one, says in other languages, as parts of its form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from campaigns.config.gate import Problem
from campaigns.config.template import SLOT, Slot
from campaigns.forms import fill_rows
from campaigns.forms.fill_rows import FillRow
from campaigns.forms.languages import LANGUAGES, language
from campaigns.layering import Base

BLANK = "xx-new"  # stands for a language that is still to be chosen, in what the page's script copies
_LINES = ("subject", "preheader")
_SHOWN = (*_LINES, "slots", "blocks")
_PLACE = re.compile(r"in\.([A-Za-z0-9_-]{1,35})\.([a-z]+)")


@dataclass
class LanguageRow:
    """One language: its inputs, and what is wrong with it beside what is told at a slot."""

    locale: str
    subject: str = ""
    preheader: str = ""
    fills: list[FillRow] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        return "LANGUAGE" if self.locale == BLANK else language(self.locale)

    @property
    def prefix(self) -> str:
        return f"in.{self.locale}."


def shown(base: Base, translations: Mapping[str, Any], *, has_blocks: bool) -> list[LanguageRow]:
    """A row for each language that something is said in."""
    return [_row(base, locale, said, has_blocks) for locale, said in sorted(translations.items())]


def blank(base: Base, *, has_blocks: bool) -> LanguageRow:
    return _row(base, BLANK, {}, has_blocks)


def document(
    base: Base, data: Mapping[str, str], before: Mapping[str, Any], *, has_blocks: bool
) -> dict[str, dict[str, Any]]:
    """What was posted, by language; what the form does not show of a language stays."""
    found = {}
    for locale in sorted({match[1] for name in data if (match := _PLACE.match(name))} - {BLANK}):
        if data.get(f"in.{locale}.drop"):
            continue
        prefix = f"in.{locale}."
        said: dict[str, Any] = {name: value for name in _LINES if (value := data.get(prefix + name, "").strip())}
        said |= {
            name: value for name, value in fill_rows.document(base, data, prefix).items() if name in ("slots", "blocks")
        }
        if not has_blocks:
            said.pop("blocks", None)
        kept = {name: value for name, value in before.get(locale, {}).items() if name not in _SHOWN}
        if said | kept:
            found[locale] = kept | said
    return found


def tell(rows: Iterable[LanguageRow], problems: Iterable[Problem]) -> list[Problem]:
    """Say each problem of a language at its row. Returns those that are of none."""
    by_locale, left = {row.locale: row for row in rows}, []
    for problem in problems:
        first, _, rest = problem.field.partition(".")
        locale, _, path = rest.partition(".")
        row = by_locale.get(locale) if first == "translations" else None
        if row is None:
            left.append(problem)
            continue
        own = fill_rows.tell(row.fills, [Problem(path, problem.message, problem.code)])
        row.problems += [f"{each.field}: {each.message}".removeprefix(": ") for each in own]
    return left


def of_draft(draft: Mapping[str, Any]) -> Base:
    """A base's draft as far as its slots can be read: what they are called, and what they hold."""
    slots = dict(_slots(draft.get("slots", {})))
    return Base(draft.get("subject", ""), "", draft.get("html", ""), "", slots, {})


def choices() -> list[tuple[str, str]]:
    return sorted(LANGUAGES.items(), key=lambda pair: pair[1])


def _slots(said: Any) -> Iterator[tuple[str, Slot]]:
    for name, slot in said.items() if isinstance(said, Mapping) else ():
        try:
            yield name, SLOT.validate_python(slot)
        except ValidationError:  # which is told at the slot itself
            continue


def _row(base: Base, locale: str, said: Mapping[str, Any], has_blocks: bool) -> LanguageRow:
    fills = fill_rows.shown(base, said, f"in.{locale}.", has_blocks=has_blocks)
    return LanguageRow(locale, said.get("subject", ""), said.get("preheader", ""), fills)
