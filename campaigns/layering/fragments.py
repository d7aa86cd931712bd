"""A piece of HTML that a layer says: what is wrong with it, and what of it may stand in a base.

The language's tags are put aside first (`aside`). What is left is judged for its author's sake, and written anew by an
HTML parser that browsers' authors specified (nh3, which is html5ever), so that it is balanced and holds nothing that is
not listed here, whatever its author wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from html.parser import HTMLParser

import nh3

from campaigns import language
from campaigns.language import Mistake, tokens
from campaigns.layering import aside, balance, heights, styles
from campaigns.layering.aside import Marked

MAX_FRAGMENT = 64 * 1024  # characters
MOST_ROUNDS = 8
_SCHEMES = {"http", "https", "mailto", "tel"}
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_INLINE = {"a", "abbr", "b", "br", "em", "i", "s", "small", "span", "strong", "sub", "sup", "u"}
_PROSE = {"p", "ul", "ol", "li", "h2", "h3", "blockquote"}
_TABLE = {"table", "thead", "tbody", "tfoot", "tr", "td", "th"}
_LAID_OUT = {"div", "h1", "h4", "hr", "img", "center", *_TABLE}
_VOID = {"br", "hr", "img"}
_CLOSES_ITSELF = {"p", "li", "td", "th", "tr", "thead", "tbody", "tfoot"}
_EVERYWHERE = {"style", "dir", "lang", "title", "align", "role"}
_OWN = {
    "a": {"href", "target"},
    "img": {"src", "alt", "width", "height", "border"},
    "table": {"width", "height", "border", "cellpadding", "cellspacing", "bgcolor"},
    "td": {"width", "height", "bgcolor", "valign", "colspan", "rowspan"},
    "th": {"width", "height", "bgcolor", "valign", "colspan", "rowspan"},
    "tr": {"bgcolor", "valign"},
    "hr": {"width"},
}
_URLS = {"href", "src"}
_SIZES = {"width", "height", "border", "cellpadding", "cellspacing", "colspan", "rowspan"}
_SIZE = re.compile(r"(\d{1,4})(%?)")
_PLAIN = re.compile(r"[\w# ().,%-]{0,60}")


@dataclass(frozen=True)
class Kind:
    """What a fragment may hold, and what it is called when it holds something else."""

    name: str
    elements: frozenset[str]


BLOCK = Kind("a block", frozenset({*_INLINE, *_PROSE, *_LAID_OUT}))
RICH_TEXT = Kind("rich text", frozenset({*_INLINE, *_PROSE}))


@lru_cache(maxsize=1024)
def clean(source: str, kind: Kind) -> tuple[str, tuple[Mistake, ...]]:
    """The fragment as it may stand in a base, and what its author has to correct.

    Without mistakes it says what its source says; it is empty where nothing of that can be kept.
    """
    if len(source) > MAX_FRAGMENT:
        return "", (Mistake(f"larger than {MAX_FRAGMENT // 1024} KB: write less"),)
    if mistakes := language.mistakes(source, is_html=True):
        return "", tuple(mistakes)
    marked, mistakes = aside.put_aside(source)
    if mistakes:
        return "", tuple(mistakes)
    watch = _Watch(kind, marked)
    cleaned = _cleaned(marked, kind)
    if broken := balance.broken(cleaned, marked):
        place = tokens.place(source, marked.tags[broken.tag].start)
        return "", (*watch.mistakes, Mistake(broken.message, *place))
    if heights.of(marked, cleaned) > heights.HIGHEST:
        return "", (Mistake("it is too tall: what stands below it would be out of sight: make it shorter"),)
    mistakes = watch.mistakes or _unended(marked) or _lost(watch, cleaned, kind)
    return marked.put_back(cleaned), tuple(mistakes)


# -- what may stand ----------------------------------------------------------------------------------------------------
def _cleaned(marked: Marked, kind: Kind) -> str:
    """Written anew until that changes nothing: where an element was taken out, what is left may read otherwise."""
    text = marked.text
    for _ in range(MOST_ROUNDS):
        before, text = text, _written(text, marked, kind)
        if text == before:
            return text
    return ""


def _written(text: str, marked: Marked, kind: Kind) -> str:
    elements = set(kind.elements)
    written = nh3.clean(
        text,
        tags=elements,
        clean_content_tags={"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "template"},
        attributes={element: _EVERYWHERE | _OWN.get(element, set()) for element in elements},
        attribute_filter=_attribute,
        strip_comments=False,
        link_rel=None,
        url_schemes=_SCHEMES,
        url_relative="deny",
    )
    return _COMMENT.sub(lambda found: found[0] if marked.statement.fullmatch(found[1]) else "", written)


def _attribute(element: str, name: str, value: str) -> str | None:
    if name == "style":
        return styles.judge(value)[0] or None
    if name in _URLS or name in ("alt", "title"):
        return value
    if name in _SIZES:
        return value if _is_size(value) else None
    return value if _PLAIN.fullmatch(value) else None


def _is_size(value: str) -> bool:
    found = _SIZE.fullmatch(value.strip().removesuffix("px"))
    return found is not None and int(found[1]) <= (100 if found[2] else styles.LONGEST)


# -- what its author has to correct ------------------------------------------------------------------------------------
class _Watch(HTMLParser):
    """Reads a fragment as its author meant it, and notes what will not stand."""

    def __init__(self, kind: Kind, marked: Marked) -> None:
        super().__init__(convert_charrefs=True)
        self.kind = kind
        self.mistakes: list[Mistake] = []
        self.elements: list[str] = []
        self.marked = marked
        self._lines = [0, *(end.end() for end in re.finditer("\n", marked.text))]  # as HTMLParser counts them
        self._open: list[tuple[str, tuple[int, int]]] = []
        self.feed(marked.text)
        self.close()
        for element, place in self._open:
            if element not in _CLOSES_ITSELF:
                self.mistakes.append(Mistake(f"<{element}> is not closed: write </{element}>", *place))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if tag not in self.kind.elements:
            self._note(f"{self.kind.name} may not hold <{tag}>: remove it")
            return
        for name, value in attrs:
            self._look_at(tag, name, value or "")
        if tag not in _VOID:
            self._open.append((tag, self._place()))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID and self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID or tag not in self.kind.elements:
            return
        while self._open and self._open[-1][0] != tag and self._open[-1][0] in _CLOSES_ITSELF:
            self._open.pop()
        if self._open and self._open[-1][0] == tag:
            self._open.pop()
        else:
            self._note(f"</{tag}> closes nothing here: remove it")

    def handle_comment(self, data: str) -> None:
        if not self.marked.statement.fullmatch(data):
            self._note("a comment may not stand here: write {# ... #}")

    def handle_decl(self, decl: str) -> None:
        self._note(f"<!{decl[:20]}> may not stand here: remove it")

    def unknown_decl(self, data: str) -> None:
        self._note("this may not stand here: remove it")

    def handle_pi(self, data: str) -> None:
        self._note("this may not stand here: remove it")

    def _look_at(self, tag: str, name: str, value: str) -> None:
        if name not in _EVERYWHERE | _OWN.get(tag, set()):
            self._note(f"<{tag}> may not have {name} here: remove it")
        elif name == "style":
            for refused in styles.judge(value)[1]:
                self._note(f"the style “{self.marked.statement.sub('…', refused)[:80]}” may not stand here: remove it")
        elif name in _URLS and value.partition(":")[0].strip().lower() not in _SCHEMES:
            self._note(f"{name} begins with https://, http://, mailto: or tel: here: correct it")
        elif name in _SIZES and not _is_size(value):
            self._note(f"{name} is a whole number of pixels up to {styles.LONGEST}, or a share such as 50%: correct it")

    def _note(self, message: str) -> None:
        self.mistakes.append(Mistake(message, *self._place()))

    def _place(self) -> tuple[int, int]:
        line, column = self.getpos()
        return self.marked.place(self._lines[min(line - 1, len(self._lines) - 1)] + column)


def _unended(marked: Marked) -> list[Mistake]:
    if marked.end.mode == "text":
        return []
    return [Mistake("the last tag or comment does not end: write what is missing, or &lt; for a <")]


def _lost(watch: _Watch, cleaned: str, kind: Kind) -> list[Mistake]:
    """Where the parser of browsers read something else than what seems to stand there."""
    kept = _Watch(kind, replace(watch.marked, text=cleaned)).elements
    kept, written = (
        [each for each in found if each != "tbody"] for found in (kept, watch.elements)
    )  # tbody is implied
    if sorted(kept) == sorted(written):
        return []
    gone = next((element for element in written if written.count(element) != kept.count(element)), "")
    what = f"<{gone}> cannot stand where it does" if gone else "it cannot be read as it stands"
    return [Mistake(f"{what}: check that tags are closed, and rows stand in a <tbody>")]
