"""A document's elements and where they stand, read from markup whose template tags are masked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

HTML_VERBATIM = frozenset({"script", "style", "textarea", "title", "xmp"})
_NAME = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")
_ATTRIBUTE = re.compile(
    r"""[\s/]*(?:(?P<end>>)
    | (?P<stray>=)
    | (?P<name>[^\s/>=]+)
      (?:\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s>"'][^\s>]*)))?
      (?P<unfinished>\s*=\s*(?=["']))?)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """`name` is in small letters; `start` and `end` are those of the value, its quotes left out."""

    name: str
    at: int
    start: int
    end: int
    quote: str  # '"', "'" or "" for a value without quotes; "-" for no value at all


@dataclass(frozen=True, slots=True)
class Element:
    """A start or end tag, from its `<` to behind its `>`. `name` is in small letters."""

    name: str
    is_end: bool
    is_alone: bool  # closes itself: <br/>
    attributes: tuple[Attribute, ...]
    start: int
    end: int

    def attribute(self, name: str) -> Attribute | None:
        return next((each for each in self.attributes if each.name == name), None)


def read(
    markup: str, *, verbatim: frozenset[str] = HTML_VERBATIM, start: int = 0, is_outlook_read: bool = True
) -> Iterator[Element]:
    """Every tag, in order; what stands inside a `verbatim` element is no markup.

    `is_outlook_read` also reads what is in `<!--[if mso]>` comments. It ends at a tag or comment that does not end.
    """
    position = start
    while (position := markup.find("<", position)) >= 0:
        if markup.startswith("<!", position) or markup.startswith("<?", position):
            position = _behind_comment(markup, position, is_outlook_read=is_outlook_read)
            continue
        name = _NAME.match(markup, position)
        if name is None:
            position += 1
            continue
        element = _element(markup, name)
        if element is None:
            return
        yield element
        position = element.end
        if element.name in verbatim and not element.is_end and not element.is_alone:
            closing = re.compile(rf"</{re.escape(element.name)}(?=[\s/>])", re.IGNORECASE).search(markup, position)
            if closing is None:
                return
            position = closing.start()


def _element(markup: str, name: re.Match[str]) -> Element | None:
    position = name.end()
    attributes: list[Attribute] = []
    while found := _ATTRIBUTE.match(markup, position):
        if found["end"]:
            is_alone = markup[found.end() - 2] == "/" and not name[1]
            return Element(name[2].lower(), bool(name[1]), is_alone, tuple(attributes), name.start(), found.end())
        if found["unfinished"]:
            return None
        if not found["stray"]:
            attributes.append(_attribute(found))
        position = found.end()
    return None


def _attribute(found: re.Match[str]) -> Attribute:
    for kind, quote in (("double", '"'), ("single", "'"), ("bare", "")):
        if found[kind] is not None:
            return Attribute(found["name"].lower(), found.start("name"), *found.span(kind), quote)
    return Attribute(found["name"].lower(), found.start("name"), found.end("name"), found.end("name"), "-")


def _behind_comment(markup: str, position: int, *, is_outlook_read: bool) -> int:
    """Where what follows a comment, declaration or instruction begins; the end when it does not end."""
    if markup.startswith("<!-->", position):
        return position + 5
    if markup.startswith("<!--", position):
        ending = "]>" if is_outlook_read and markup.startswith("<!--[if", position) else "-->"
        end = markup.find(ending, position + 4)
    else:
        ending = ">"
        end = markup.find(ending, position)
    return len(markup) if end < 0 else end + len(ending)
