"""A configuration as a folder: a YAML file per document, long texts beside it as what they are.

    policy.yaml  defaults.yaml  brand.yaml
    segments/quiet-60.yaml
    templates/winback.yaml  templates/winback.html  templates/winback.txt
    campaigns/winback-60.yaml

Names that begin with a dot are left alone; anything else that is no document is refused, so that a misspelt file
is not silently left out. Line ends are LF, and one closes the last line; text that differs only there is the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from campaigns.ascode import plain_yaml
from campaigns.ascode.documents import Configuration, Document, Fault, Given, Kind, Refused, Source
from campaigns.ascode.kinds import KINDS

MAX_BYTES = 1024 * 1024  # per file
_KEY = re.compile(r"[A-Za-z0-9_-]{1,63}")


@dataclass(frozen=True)
class Written:
    """What an export did to a folder, in files."""

    written: int
    unchanged: int
    removed: int


def read(root: Path, *, within: Path | None = None, besides: Collection[str] = ()) -> Given:
    """The configuration in `root`, where folders called as in `besides` are somebody else's. What cannot be read, or
    is a link out of `within`, is among its faults. Raises Refused for a folder that is not there or holds nothing.
    """
    files, faults = _listed(root, within or root, besides)
    if not files and not faults:
        raise Refused([Fault(str(root), "", f"there is no configuration here: {_allowed_here()}")])
    texts: dict[str, str] = {}
    for name, path in files.items():
        try:
            texts[name] = _text(path)
        except _Unreadable as problem:
            faults.append(Fault(name, "", str(problem)))
    sources: dict[str, dict[str, Source]] = {}
    for kind in KINDS:
        keys = sorted(key for key, _ in _documents(kind, files))
        sources[kind.name] = {key: _source(kind, key, files, texts, faults) for key in keys}
    return Given(sources, (*faults, *_orphans(files)))


def write(root: Path, configuration: Configuration) -> Written:
    """Make `root` hold exactly this configuration: stale documents are removed. Raises Refused where it holds
    something that is no document, before anything is written.
    """
    root.mkdir(parents=True, exist_ok=True)
    before, faults = _listed(root, root, ())
    if faults:
        raise Refused(faults)
    wanted = dict(rendered(configuration))
    for name in before.keys() - wanted.keys():
        before[name].unlink()
    written = [name for name, content in wanted.items() if _put(root / name, content)]
    for kind in KINDS:
        folder = root / kind.name
        if not kind.single and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return Written(len(written), len(wanted) - len(written), len(before.keys() - wanted.keys()))


def rendered(configuration: Configuration) -> Iterator[tuple[str, bytes]]:
    """Every file's name and bytes. A single document that says nothing has no file."""
    for kind in KINDS:
        for key, document in configuration.get(kind.name, {}).items():
            if kind.single and not document:
                continue
            short = {name: value for name, value in document.items() if name not in kind.texts}
            yield file_of(kind, key), plain_yaml.written(short).encode()
            for field, ending in kind.texts.items():
                if document.get(field):
                    yield file_of(kind, key, ending), (without_line_ends(document[field]) + "\n").encode()


def file_of(kind: Kind, key: str, ending: str = ".yaml") -> str:
    return f"{kind.name}{ending}" if kind.single else f"{kind.name}/{key}{ending}"


def text_files(kind: Kind, key: str) -> dict[str, str]:
    return {field: file_of(kind, key, ending) for field, ending in kind.texts.items()}


def without_line_ends(text: str) -> str:
    """What counts of a text file: not how its lines end, nor how many newlines close it, nor a byte-order mark."""
    return re.sub(r"\r\n?", "\n", text.removeprefix("\ufeff")).rstrip("\n")


class _Unreadable(ValueError):
    pass


def _listed(root: Path, within: Path, besides: Collection[str]) -> tuple[dict[str, Path], list[Fault]]:
    """The files of documents by name, and what else there is."""
    if not root.is_dir():
        raise Refused([Fault(str(root), "", "there is no such folder")])
    files: dict[str, Path] = {}
    faults: list[Fault] = []
    for name, path in _inside(root):
        kind = next((kind for kind in KINDS if name == kind.name and not kind.single), None)
        if any(kind.single and name == file_of(kind, "") for kind in KINDS):
            files[name] = path
        elif kind and path.is_dir():
            _list_documents(kind, root, files, faults)
        elif not (name in besides and path.is_dir()):
            faults.append(Fault(name, "", f"this is no configuration: {_allowed_here()}"))
    outside = [name for name, path in files.items() if not _is_within(within, path)]
    faults += [Fault(name, "", "this link leads out of the folder: put the file itself here") for name in outside]
    return {name: path for name, path in files.items() if name not in outside}, faults


def _list_documents(kind: Kind, root: Path, files: dict[str, Path], faults: list[Fault]) -> None:
    endings = [".yaml", *kind.texts.values()]
    for name, path in _inside(root / kind.name):
        key, dot, ending = name.partition(".")
        if _KEY.fullmatch(key) and dot + ending in endings:
            files[f"{kind.name}/{name}"] = path
        else:
            allowed = ", ".join(f"KEY{ending}" for ending in endings)
            key_is = "where KEY is letters, digits, - and _"
            faults.append(Fault(f"{kind.name}/{name}", "", f"this is no {kind.noun}: here may be {allowed}, {key_is}"))


def _inside(folder: Path) -> list[tuple[str, Path]]:
    return sorted((path.name, path) for path in folder.iterdir() if not path.name.startswith("."))


def _is_within(within: Path, path: Path) -> bool:
    """Links are followed: what they lead to must lie in the folder as well."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(within))


def _allowed_here() -> str:
    names = [file_of(kind, "") if kind.single else f"{kind.name}/" for kind in KINDS]
    return f"a folder of configuration holds {', '.join(names)}"


def _text(path: Path) -> str:
    if not path.is_file():
        raise _Unreadable("this is not a file")
    if path.stat().st_size > MAX_BYTES:
        raise _Unreadable(f"larger than {MAX_BYTES // 1024} KB")
    data = path.read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _Unreadable(f"line {line}: not UTF-8: save the file in that encoding") from None
    if "\0" in text:
        raise _Unreadable("text contains a NUL: remove it")
    return text.removeprefix("\ufeff")


def _documents(kind: Kind, files: Collection[str]) -> Iterator[tuple[str, str]]:
    """The key and file of each document of a kind."""
    for name in files:
        key = Path(name).stem
        if name == file_of(kind, key):
            yield key, name


def _source(kind: Kind, key: str, files: Collection[str], texts: dict[str, str], faults: list[Fault]) -> Source:
    file = file_of(kind, key)
    beside = {field: name for field, name in text_files(kind, key).items() if name in files}
    unread = Source(file, None)
    if not {file, *beside.values()} <= texts.keys():
        return unread
    try:
        found = plain_yaml.read(texts[file])
        data = _document(kind, key, found.data)
    except plain_yaml.BadYaml as problem:
        faults.append(Fault(file, "", str(problem), problem.line))
        return unread
    except _Unreadable as problem:
        faults.append(Fault(file, "", str(problem), found.lines.get("key")))
        return unread
    data |= {field: without_line_ends(texts[name]) + "\n" for field, name in beside.items() if texts[name]}
    return Source(file, data, found.lines, text_files(kind, key))


def _document(kind: Kind, key: str, data: object) -> Document:
    if not isinstance(data, dict):
        raise _Unreadable(f"a {kind.noun} is a mapping: lines such as `name: ...`")
    for field, file in text_files(kind, key).items():
        if field in data:
            raise _Unreadable(f"{field} is written in a file of its own: move it to {file}")
    if not kind.single and data.get("key") != key:
        raise _Unreadable(f"its key is {data.get('key')!r} and its file is called {key!r}: make them the same")
    return dict(data)


def _orphans(files: Collection[str]) -> list[Fault]:
    """Texts whose document is missing."""
    faults = []
    for name in files:
        document = str(Path(name).with_suffix(".yaml"))
        if document not in files:
            faults.append(Fault(name, "", f"there is no {document} beside it: write that, or remove this file"))
    return faults


def _put(path: Path, content: bytes) -> bool:
    """False when the file holds this already."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return True
