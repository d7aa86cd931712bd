"""Bases as a folder: a YAML file each, long sources beside it as what they are, a folder for what a group says.

    standard.yaml  standard.mjml (or standard.html)  standard.txt
    grocers/standard.yaml

What the folder leaves out stays as it is. A group's file over a base of the platform has no source of its own: it
fills slots, replaces blocks and locks more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from campaigns import bases
from campaigns.ascode import plain_yaml
from campaigns.ascode.documents import Fault, Refused, Source
from campaigns.ascode.folder import without_line_ends
from campaigns.config.gate import Invalid
from campaigns.language import MAX_SOURCE
from tenants.models import BaseTemplate, Group

SHIPPED = Path(bases.__file__).resolve().parent / "shipped"  # what comes with the installation
FORMATS = {".mjml": "mjml", ".html": "html"}
ENDINGS = (".yaml", ".txt", *FORMATS)


@dataclass(frozen=True)
class Wanted:
    """One base as a file asks for it."""

    key: str
    group: Group | None
    name: str
    draft: dict[str, Any]
    source: Source

    def row(self) -> BaseTemplate:
        row = bases.find(self.key, self.group) or bases.blank(self.key, self.group)
        row.name = self.name or row.name
        return row


@dataclass(frozen=True)
class Applied:
    """What became of one. `faults` keep it from being published."""

    base: BaseTemplate
    has_changed: bool
    faults: list[Fault]


def read(root: Path) -> list[Wanted]:
    """Every base in the folder, the platform's first. Raises Refused with all that is wrong with its files."""
    if not root.is_dir():
        raise Refused([Fault(str(root), "", "there is no such folder")])
    faults: list[Fault] = []
    found = list(_in(root, "", None, faults))
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        group = Group.objects.filter(key=folder.name).first()
        if group is None:
            known = ", ".join(Group.objects.order_by("key").values_list("key", flat=True)[:20]) or "none yet"
            faults.append(Fault(folder.name, "", f"there is no group of that key. Known: {known}"))
        else:
            found += _in(folder, f"{folder.name}/", group, faults)
    if faults:
        raise Refused(faults)
    if not found:
        raise Refused([Fault(str(root), "", "there are no bases here: write KEY.yaml with KEY.mjml beside it")])
    return found


@transaction.atomic
def apply(wanted: list[Wanted]) -> list[Applied]:
    """Make each the draft of its base: all of them, or none. Raises Refused."""
    faults, applied = list[Fault](), list[Applied]()
    for each in wanted:
        row = each.row()
        number = row.number
        try:
            row = bases.save(row, each.draft)
        except Invalid as invalid:
            faults += map(each.source.fault, invalid.problems)
            continue
        keeping = [each.source.fault(problem) for problem in bases.check(row, row.draft)]
        applied.append(Applied(row, row.number != number, keeping))
    if faults:
        raise Refused(faults)
    return applied


def install(by: str) -> list[BaseTemplate]:
    """Save and publish shipped bases that are missing; what is there stays as it is. Raises Refused."""
    missing = [each for each in read(SHIPPED) if bases.find(each.key, each.group) is None]
    applied = apply(missing)
    if faults := [fault for each in applied for fault in each.faults]:
        raise Refused(faults)
    for each in applied:
        bases.publish(each.base, by=by)
    return [each.base for each in applied]


def write(root: Path) -> int:
    """Every draft as files. Returns how many were written anew; other files stay."""
    return sum(_put(root / name, text) for base in bases.listed() for name, text in _rendered(base))


def _in(folder: Path, prefix: str, group: Group | None, faults: list[Fault]) -> Iterator[Wanted]:
    files = {path.name: path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")}
    for name, path in files.items():
        if path.suffix not in ENDINGS:
            told = f"this is no base: here may be {', '.join(f'KEY{ending}' for ending in ENDINGS)}"
            faults.append(Fault(prefix + name, "", told))
        elif f"{path.stem}.yaml" not in files:
            faults.append(
                Fault(prefix + name, "", f"there is no {path.stem}.yaml beside it: write that, or remove this")
            )
    for name in files:
        if name.endswith(".yaml"):
            try:
                yield _wanted(prefix + name, files, Path(name).stem, group)
            except Refused as refused:
                faults += refused.faults


def _wanted(file: str, files: dict[str, Path], key: str, group: Group | None) -> Wanted:
    try:
        found = plain_yaml.read(_text(files[f"{key}.yaml"], file))
    except plain_yaml.BadYaml as problem:
        raise Refused([Fault(file, "", str(problem), problem.line)]) from None
    data = dict(found.data) if isinstance(found.data, dict) else {}
    if data.pop("key", None) != key:
        raise Refused([Fault(file, "key", f"write key: {key}, as its file is called", found.lines.get("key"))])
    sources = [ending for ending in FORMATS if f"{key}{ending}" in files]
    if len(sources) > 1:
        raise Refused([Fault(file, "", f"write {key}.mjml or {key}.html, not both")])
    beside = dict.fromkeys(sources, "html") | ({".txt": "text"} if f"{key}.txt" in files else {})
    for field in {"html", "text", "source_format"} & data.keys():
        raise Refused([Fault(file, field, "a source is a file of its own: KEY.mjml, KEY.html, KEY.txt")])
    prefix = file.removesuffix(f"{key}.yaml")
    for ending, field in beside.items():
        data[field] = without_line_ends(_text(files[key + ending], f"{prefix}{key}{ending}")) + "\n"
    for ending in sources:
        data["source_format"] = FORMATS[ending]
    texts = {field: f"{prefix}{key}{ending}" for ending, field in beside.items()}
    name = str(data.pop("name", ""))
    return Wanted(key, group, name, data, Source(file, data, found.lines, texts))


def _text(path: Path, file: str) -> str:
    if path.stat().st_size > 4 * MAX_SOURCE:
        raise Refused([Fault(file, "", f"larger than {MAX_SOURCE // 1024} KB")])
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise Refused([Fault(file, "", "not UTF-8: save the file in that encoding")]) from None


def _rendered(base: BaseTemplate) -> Iterator[tuple[str, str]]:
    draft = dict(base.draft)
    stem = f"{base.group.key}/{base.key}" if base.group else base.key
    html, text, source_format = (draft.pop(name, "") for name in ("html", "text", "source_format"))
    yield f"{stem}.yaml", plain_yaml.written({"key": base.key, "name": base.name} | draft)
    if html:
        yield f"{stem}.{source_format or 'mjml'}", without_line_ends(html) + "\n"
    if text:
        yield f"{stem}.txt", without_line_ends(text) + "\n"


def _put(path: Path, text: str) -> bool:
    """False when the file holds this already."""
    data = text.encode()
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return True
