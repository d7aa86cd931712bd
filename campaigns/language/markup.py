"""Where in an HTML document a value is printed, and what it needs there beyond being escaped."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_URLS = {"href", "src", "action", "background", "poster", "cite", "formaction", "xlink:href", "srcset", "data", "ping"}
_SCHEMES = {"http", "https", "mailto", "tel", "sms", "cid"}
_VERBATIM = {"script", "style", "title", "textarea", "xmp"}
_TAG = re.compile(r"</?([A-Za-z][^\s/>]*)")
_ATTRIBUTE = re.compile(r"[\s/]*(?:(?P<close>>)|(?P<name>[^\s/>=]+)(?P<equals>\s*=\s*)?)")
_UNFINISHED = re.compile(r"<(?:!(?:-(?:-)?)?|/)?\Z")
_BARE_END = re.compile(r"[\s>]")
_AFTER_SCHEME = re.compile(r"[:/?#]")


class Misplaced(ValueError):
    """A value may not be printed here; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Spot:
    """`mode` is text, tag, value (of a quoted attribute), bare (of one without quotes), comment, verbatim or broken."""

    mode: str = "text"
    element: str = ""
    attribute: str = ""
    quote: str = ""
    stage: str = ""  # of a link: start, open (a scheme may still come), path, query, refused
    written: str = ""  # of a link, while it is open
    tail: str = ""

    def same_place(self, other: Spot) -> bool:
        return (self.mode, self.quote, self.attribute, self.mode == "verbatim" and self.element) == (
            other.mode, other.quote, other.attribute, other.mode == "verbatim" and other.element
        )  # fmt: skip


def joined(spots: list[Spot]) -> Spot | None:
    """Where several branches lead together: the most dangerous of the same place, None when they differ."""
    first, *others = spots
    if not all(first.same_place(other) for other in others):
        return None
    order = ("refused", "start", "open", "query", "path", "")
    return min(spots, key=lambda spot: order.index(spot.stage))


def after(spot: Spot, text: str) -> Spot:
    """Where one stands behind a piece of the document."""
    position = 0
    while position < len(text):
        spot, position = _STEPS[spot.mode](spot, text, position)
    return spot


def after_value(spot: Spot, *, is_ours: bool) -> Spot:
    if spot.stage in ("start", "open"):
        return replace(spot, stage="path") if is_ours else replace(spot, stage="open", written=spot.written + "\0")
    return spot


def need(spot: Spot, *, is_ours: bool) -> str:
    """The filter that a value printed here goes through; "" for none. `is_ours` is a link that we made.

    Raises Misplaced.
    """
    if spot.mode in ("text", "comment") or (spot.mode == "verbatim" and spot.element in ("title", "textarea")):
        return ""
    if spot.mode == "verbatim" or spot.attribute.startswith("on") or spot.attribute == "srcdoc":
        if spot.element == "style":
            return "_css"
        raise Misplaced("a value may not be put into a script: remove it")
    if spot.mode == "value":
        return _need_in_value(spot, is_ours=is_ours)
    if spot.mode == "bare":
        raise Misplaced(f'put quotes around the value of {spot.attribute}: {spot.attribute}="{{{{ ... }}}}"')
    raise Misplaced("a value may not be part of a tag itself: put it into a quoted attribute or between tags")


def _need_in_value(spot: Spot, *, is_ours: bool) -> str:
    if spot.attribute == "style":
        return "_css"
    if not spot.stage:
        return ""
    if spot.stage == "refused":
        raise Misplaced("a value may not be part of such a link: begin it with https://")
    if is_ours and spot.stage == "start":
        return ""
    return {"start": "_link", "open": "_link_open", "path": "_link_part", "query": "_link_value"}[
        "path" if spot.stage == "query" and spot.tail in ("?", "&") else spot.stage
    ]


def _in_text(spot: Spot, text: str, position: int) -> tuple[Spot, int]:
    start = text.find("<", position)
    if start < 0:
        return spot, len(text)
    if text.startswith("<!--[if", start):  # what only Outlook reads is read like everything else
        end = text.find("]>", start)
        return spot, len(text) if end < 0 else end + 2
    if text.startswith("<!-->", start):
        return spot, start + 5
    if text.startswith("<!--", start):
        return replace(spot, mode="comment"), start + 4
    if tag := _TAG.match(text, start):
        return replace(spot, mode="tag", element=tag[1].lower() if text[start + 1] != "/" else ""), tag.end()
    if _UNFINISHED.match(text, start):
        return replace(spot, mode="broken"), len(text)
    end = text.find(">", start) if text.startswith(("<!", "<?"), start) else start
    return spot, len(text) if end < 0 else end + 1


def _in_tag(spot: Spot, text: str, position: int) -> tuple[Spot, int]:
    found = _ATTRIBUTE.match(text, position)
    if not found:  # white space up to the end, or a stray sign
        return spot, len(text) if not text[position:].strip(" \t\r\n\f/") else position + 1
    if found["close"]:
        verbatim = spot.element in _VERBATIM
        return Spot("verbatim", spot.element) if verbatim else Spot(), found.end()
    name = found["name"].lower()
    if not found["equals"]:
        return replace(spot, attribute=name), found.end()
    quote = text[found.end() : found.end() + 1]
    is_quoted = quote in ("'", '"') and quote != ""
    stage = "start" if name in _URLS else ""
    opened = Spot("value" if is_quoted else "bare", spot.element, name, quote if is_quoted else "", stage)
    return opened, found.end() + is_quoted


def _in_value(spot: Spot, text: str, position: int) -> tuple[Spot, int]:
    end = text.find(spot.quote, position)
    if end >= 0:
        return Spot("tag", spot.element), end + 1
    return _further(spot, text[position:]), len(text)


def _in_bare(spot: Spot, text: str, position: int) -> tuple[Spot, int]:
    end = _BARE_END.search(text, position)
    return (Spot("tag", spot.element), end.start()) if end else (spot, len(text))


def _in_comment(spot: Spot, text: str, position: int) -> tuple[Spot, int]:
    end = text.find("-->", position)
    return (Spot(), end + 3) if end >= 0 else (spot, len(text))


def _in_verbatim(spot: Spot, text: str, position: int) -> tuple[Spot, int]:
    end = re.compile(rf"</{re.escape(spot.element)}", re.IGNORECASE).search(text, position)
    return (Spot("tag"), end.end()) if end else (spot, len(text))


def _in_broken(spot: Spot, text: str, position: int) -> tuple[Spot, int]:
    """A tag cut in two by a template's own tag: it cannot be followed, so no value may come behind it."""
    return spot, len(text)


def _further(spot: Spot, text: str) -> Spot:
    """A link, some letters further on."""
    if not spot.stage or not text:
        return spot
    stage, written = spot.stage, spot.written
    if stage in ("start", "open"):
        mark = _AFTER_SCHEME.search(text)
        written += text[: mark.start()] if mark else text
        stage = _stage(written, mark[0]) if mark else "open" if written.strip() else "start"
    if stage == "path" and "?" in text:
        stage = "query"
    return replace(spot, stage=stage, written=written[-40:], tail=text[-1])


def _stage(written: str, mark: str) -> str:
    if mark == ":":
        return "path" if written.strip().lower() in _SCHEMES else "refused"
    return "query" if mark == "?" else "path"


_STEPS = {
    "text": _in_text,
    "tag": _in_tag,
    "value": _in_value,
    "bare": _in_bare,
    "comment": _in_comment,
    "verbatim": _in_verbatim,
    "broken": _in_broken,
}
