"""Where a message says something else than the layer below would have it say: marks on what differs. Pure.

Two renderings are compared, not two sources: so a colour that a hundred elements use is found in all of them, and
whatever a layer's source does, only what a reader would see of it is marked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from html import escape
from itertools import accumulate

LARGEST = 300_000  # characters; what is larger is shown without marks
_CLOSELY = 1500  # pieces that are compared one by one; more are marked as one
_PIECE = re.compile(r"<!--.*?-->|<[a-zA-Z/!][^<>]{0,8000}+>|[^<]+|<", re.DOTALL)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
_UNSEEN = frozenset({"head", "title", "style", "script", "textarea", "option", "template"})


def marked(html: str, without: Mapping[str, str]) -> str:
    """`html` with marks where it differs from what it would be without each of these, by label."""
    if len(html) > LARGEST:
        return html
    pieces = _PIECE.findall(html)
    labels: dict[int, str] = {}
    for label, other in without.items():
        for at in changed(_PIECE.findall(other[:LARGEST]), pieces):
            labels.setdefault(at, label)
    return "".join(_written(pieces, labels)) if labels else html


def changed(before: Sequence[str], after: Sequence[str]) -> Iterator[int]:
    """The pieces of `after` that are not in `before`."""
    first = next((n for n, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), None)
    if first is None:
        first = min(len(before), len(after))
    last = 0
    while last < min(len(before), len(after)) - first and before[-1 - last] == after[-1 - last]:
        last += 1
    old, new = before[first : len(before) - last], after[first : len(after) - last]
    if max(len(old), len(new)) > _CLOSELY:
        yield from range(first, first + len(new))
        return
    for kind, _, _, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield from range(first + start, first + end)


def _written(pieces: Sequence[str], labels: Mapping[int, str]) -> Iterator[str]:
    """Whole elements are marked once, what is in them not again; a label is written where its marks begin."""
    ends, covered, told = _ends(pieces), -1, ""
    seen = _counted(_is_seen(piece) for piece in pieces)
    said = {
        label: _counted(labels.get(at) == label and _is_seen(piece) for at, piece in enumerate(pieces))
        for label in set(labels.values())
    }
    for at, piece in enumerate(pieces):
        label = labels.get(at, "") if at > covered else ""
        name = _name(piece)
        if name in _UNSEEN:
            covered = max(covered, ends.get(at, at))
        elif label and name is not None and (name or piece.strip()):
            begin, end = at + 1, max(ends.get(at, at), at + 1)
            inner, theirs = seen[end] - seen[begin], said[label][end] - said[label][begin]
            if inner <= theirs * 2:  # mostly another: as a whole
                covered = ends.get(at, at)
            elif theirs:  # something within it says it better
                yield piece
                continue
            yield from _with_mark(piece, name, label, is_first=label != told)
            told = label
            continue
        yield piece


def _is_seen(piece: str) -> bool:
    return bool(piece.strip()) and _name(piece) is not None


def _counted(flags: Iterable[bool]) -> list[int]:
    """How many are true before each place."""
    return [0, *accumulate(map(int, flags))]


def _name(piece: str) -> str | None:
    """Of the element that begins there; blank for text, None for what ends something and for comments."""
    if tag := _TAG.match(piece):
        return None if tag[1] else tag[2].lower()
    return None if piece.startswith(("<!", "<?", "</")) else ""


def _ends(pieces: Sequence[str]) -> dict[int, int]:
    """Where each element that begins also ends, by the place of its beginning."""
    ends: dict[int, int] = {}
    begun: dict[str, list[int]] = {}
    for at, piece in enumerate(pieces):
        tag = _TAG.match(piece)
        if tag is None or (name := tag[2].lower()) in _VOID or piece.endswith("/>"):
            continue
        if not tag[1]:
            begun.setdefault(name, []).append(at)
        elif begun.get(name):
            ends[begun[name].pop()] = at
    return ends


def _with_mark(piece: str, name: str, label: str, *, is_first: bool) -> Iterator[str]:
    said = f' data-says="{escape(label)}"'
    title = f' data-says-label="{escape(label)}"' if is_first else ""
    if not name:
        yield f"<span{said}{title}>{piece}</span>"
    elif name in _VOID:
        yield f"<span{title}></span>" if title else ""
        yield f"<{name}{said}{piece[len(name) + 1 :]}"
    else:
        yield f"<{name}{said}{title}{piece[len(name) + 1 :]}"
