"""The slots that a base declares as rows of a form, and back. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from campaigns import layering
from campaigns.config.gate import Problem

TYPES = {
    "text": "Text",
    "rich_text": "Rich text",
    "image": "Image",
    "colour": "Colour",
    "button": "Button",
    "products": "Products",
}
_FIELD = re.compile(r"slot-(\d{1,4})-([a-z_]{1,20})\Z")


@dataclass
class SlotRow:
    """One slot as typed; `problems` say what is wrong with it."""

    values: dict[str, str] = field(default_factory=lambda: {"type": "text"})
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.values.get("name", "")

    @property
    def is_blank(self) -> bool:
        return not self.name and not any(self.values.get(each) for each in ("label", "default", "url", "button_label"))


def posted(data: Mapping[str, str]) -> list[SlotRow]:
    """Rows in the order in which they stand on the page; those with nothing in them do not count."""
    found: dict[int, SlotRow] = {}
    for name in data:
        if match := _FIELD.match(name):
            found.setdefault(int(match[1]), SlotRow()).values[match[2]] = data[name].strip().replace("\r\n", "\n")
    return [row for _, row in sorted(found.items()) if not row.is_blank]


def shown(slots: Mapping[str, Any], source: str) -> list[SlotRow]:
    """The rows that show a draft's slots."""
    return [SlotRow({"name": name} | _values(slots[name])) for name in layering.in_order(slots, source)]


def document(rows: Iterable[SlotRow]) -> dict[str, Any]:
    """The slots that the rows ask for, in the gate's eyes. A name given twice is told at its second row."""
    slots: dict[str, Any] = {}
    for row in rows:
        if row.name in slots:
            row.problems.append(f"There is a slot {row.name} above: give this one another name.")
        else:
            slots[row.name] = _slot(row.values)
    return slots


def tell(rows: Iterable[SlotRow], problems: Iterable[Problem]) -> list[Problem]:
    """Say each problem of a slot at its row. Returns those that are of no row."""
    by_name, left = {row.name: row for row in reversed(list(rows))}, []  # of two with a name, the first counts
    for problem in problems:
        first, _, rest = problem.field.partition(".")
        name, _, part = rest.partition(".")
        if first == "slots" and name in by_name:
            by_name[name].problems.append(f"{part.replace('.', ' ')}: {problem.message}".removeprefix(": "))
        else:
            left.append(problem)
    return left


# -- rows into slots ---------------------------------------------------------------------------------------------------
def _slot(values: Mapping[str, str]) -> dict[str, Any]:
    kind = values.get("type", "")
    told = {name: values[name] for name in ("label", "help") if values.get(name)}
    return {"type": kind} | told | (_MAKERS[kind](values) if kind in _MAKERS else {})


def _number(values: Mapping[str, str], name: str, as_: str) -> dict[str, Any]:
    """What is no number stays as it was typed: the gate says so."""
    typed = values.get(name, "")
    return {as_: int(typed) if typed.isdecimal() and len(typed) < 10 else typed} if typed else {}


def _text(values: Mapping[str, str]) -> dict[str, Any]:
    return _number(values, "max", "max") | ({"default": values["default"]} if values.get("default") else {})


def _image(values: Mapping[str, str]) -> dict[str, Any]:
    image = {"url": values["url"], "alt": values.get("alt", "")} if values.get("url") else None
    return _number(values, "width", "width") | ({"default": image} if image else {})


def _colour(values: Mapping[str, str]) -> dict[str, Any]:
    choices = re.findall(r"[^\s,;]+", values.get("choices", ""))
    return {"default": values.get("colour", "")} | ({"choices": choices} if choices else {})


def _button(values: Mapping[str, str]) -> dict[str, Any]:
    default = {"label": values.get("button_label", ""), "url": values.get("button_url", "")}
    return {"default": default} | _number(values, "button_max", "max")


def _products(values: Mapping[str, str]) -> dict[str, Any]:
    count = _number(values, "count", "count")
    return _number(values, "most", "most") | ({"default": count} if count else {})


_MAKERS: dict[str, Callable[[Mapping[str, str]], dict[str, Any]]] = {
    "text": _text,
    "rich_text": _text,
    "image": _image,
    "colour": _colour,
    "button": _button,
    "products": _products,
}


# -- slots into rows ---------------------------------------------------------------------------------------------------
def _values(slot: Mapping[str, Any]) -> dict[str, str]:
    default = slot.get("default")
    said = {name: slot.get(name) for name in ("type", "label", "help", "width", "most")}
    match slot.get("type"):
        case "text" | "rich_text":
            said |= {"max": slot.get("max"), "default": default}
        case "image":
            said |= dict(default or {})
        case "colour":
            said |= {"colour": default, "choices": ", ".join(slot.get("choices", []))}
        case "button":
            said |= {f"button_{name}": value for name, value in (default or {}).items()}
            said |= {"button_max": slot.get("max")}
        case "products":
            said |= dict(default or {})
    return {name: str(value) for name, value in said.items() if value not in (None, "")}
