"""How deep elements stand in one another: parsers of HTML recurse, and repeat what is closed in the wrong order."""

from __future__ import annotations

from collections.abc import Iterable

from campaigns.publishing.elements import Element

MAX_DEPTH = 100
MAX_CROSSED = 20  # formatting elements that others are closed around: each is opened anew in all that follows
_VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
})  # fmt: skip
_ENDLESS = frozenset({"dd", "dt", "li", "option", "p", "tbody", "td", "th", "tr"})  # the next one ends them
_FORMATTING = frozenset({
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
})  # fmt: skip


def excess(found: Iterable[Element]) -> Element | None:
    """The element with which it becomes too much; None when it does not. It reckons at least as deep as parsers do."""
    open_names: list[str] = []
    crossed = 0
    for element in found:
        if element.is_end:
            crossed += _close(open_names, element.name)
        elif element.name not in _VOID:
            if element.name in _ENDLESS and open_names[-1:] == [element.name]:
                open_names.pop()
            open_names.append(element.name)
        if len(open_names) > MAX_DEPTH or crossed > MAX_CROSSED:
            return element
    return None


def _close(open_names: list[str], name: str) -> int:
    """Ends the innermost element of that name, with all in it; how many formatting elements were in it."""
    if name not in open_names:
        return 0
    inside = 0
    while (last := open_names.pop()) != name:
        inside += last in _FORMATTING
    return inside
