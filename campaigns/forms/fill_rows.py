"""What a layer says over a base, as rows of a form: a value for each slot, a source for each block, what it locks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from campaigns import layering
from campaigns.config.gate import Problem
from campaigns.forms import slot_rows
from campaigns.layering import Base

PARTS = {
    "image": {"url": "Image address", "alt": "Description"},
    "button": {"label": "Label", "url": "Link"},
    "products": {"count": "Products shown"},
}


@dataclass
class FillRow:
    """A slot or block of the base. `parts` are its inputs: (name in the form, label, value, placeholder)."""

    name: str
    label: str
    type: str  # a slot's, or `block`
    help: str = ""
    is_locked: bool = False  # by this layer
    is_fixed: bool = False  # by the base itself: nothing to fill
    parts: list[tuple[str, str, str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return "Block" if self.type == "block" else slot_rows.TYPES[self.type]

    @property
    def is_long(self) -> bool:
        return self.type in ("rich_text", "block")


def shown(base: Base, said: Mapping[str, Any], prefix: str = "", *, has_blocks: bool = True) -> list[FillRow]:
    """A row for each slot, then each block, with what the layer says of it. Names in the form begin with `prefix`."""
    locks = set(said.get("locks", []))
    rows = []
    for name in layering.in_order(base.slots, base.html):
        slot = base.slots[name]
        parts = _parts(prefix + "fill-" + name, slot.type, said.get("slots", {}).get(name), layering.default_of(slot))
        label = slot.label or name.replace("_", " ").capitalize()
        rows.append(FillRow(name, label, slot.type, slot.help, name in locks, parts=parts))
    for name, block in base.blocks.items() if has_blocks else ():
        value = said.get("blocks", {}).get(name, "")
        parts = [] if block.is_locked else [(f"{prefix}block-{name}", "HTML", value, "as the base has it")]
        label = name.replace("_", " ").capitalize()
        rows.append(FillRow(name, label, "block", "", name in locks, block.is_locked, parts))
    return rows


def document(base: Base, data: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
    """What was posted, as the parts of a LayerDocument; what is left blank is not said."""
    slots = {
        name: value for name, slot in base.slots.items() if (value := _value(f"{prefix}fill-{name}", slot.type, data))
    }
    named = {name[len(prefix) + 6 :] for name in data if name.startswith(f"{prefix}block-")}
    known = base.blocks if named else {}
    blocks = {name: value for name in known if (value := _line(data, f"{prefix}block-{name}"))}
    locks = [] if prefix else [name for name in [*base.slots, *base.blocks] if data.get(f"lock-{name}")]
    return {name: said for name, said in (("slots", slots), ("blocks", blocks), ("locks", locks)) if said}


def tell(rows: Iterable[FillRow], problems: Iterable[Problem]) -> list[Problem]:
    """Say each problem of a slot or block at its row. Returns those that are of no row."""
    by_name = {("blocks" if row.type == "block" else "slots", row.name): row for row in rows}
    left = []
    for problem in problems:
        where, _, rest = problem.field.partition(".")
        row = by_name.get((where, rest.partition(".")[0]))
        left += [problem] if row is None else []
        if row is not None:
            row.problems.append(problem.message)
    return left


def _parts(name: str, kind: str, value: Any, default: Any) -> list[tuple[str, str, str, str]]:
    if kind not in PARTS:
        return [(name, "", str(value or ""), _hint(default))]
    given, below = (each if isinstance(each, Mapping) else {} for each in (value, default))
    return [
        (f"{name}-{part}", label, str(given.get(part) or ""), _hint(below.get(part)))
        for part, label in PARTS[kind].items()
    ]


def _hint(default: Any) -> str:
    return str(default)[:200] if default not in (None, "") else ""


def _value(name: str, kind: str, data: Mapping[str, str]) -> Any:
    if kind not in PARTS:
        return _line(data, name)
    said = {part: value for part in PARTS[kind] if (value := _line(data, f"{name}-{part}"))}
    count = said.get("count", "")
    return said | {"count": int(count)} if count.isdecimal() and len(count) < 10 else said


def _line(data: Mapping[str, str], name: str) -> str:
    return data.get(name, "").strip().replace("\r\n", "\n")
