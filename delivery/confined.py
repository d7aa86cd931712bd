"""Rendering apart: in children that the operating system bounds in memory and time (`campaigns.confinement`).

For what a marketer has just written and asks to see, and for what a pre-flight tries on many. No more than it may be
longer than is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from campaigns import confinement, linting
from campaigns.confinement import Children, Unanswered
from delivery.rendering import Content, Parts, Rendered, RenderError, one_line

Sources = Mapping[str, str]
_children = Children("delivery.confined")


def render(content: Content, context: Mapping[str, Any]) -> Rendered:
    """As Renderer does, with a bound on time and memory. `context` is what JSON can say. Raises RenderError."""
    sources = {"subject": content.subject, "html": content.html, "text": content.text}
    subject, html, text = parts(sources, context)
    return Rendered(one_line(subject), html, text)


def parts(sources: Sources, context: Mapping[str, Any]) -> list[str]:
    """The same of any sources, as rendering.Parts does it, in order. Raises RenderError."""
    [found] = _ask(sources, {}, [context], is_marked=False)
    if isinstance(found, RenderError):
        raise found
    return found


def each(
    sources: Sources, shared: Mapping[str, Any], contexts: Sequence[Mapping[str, Any]], *, is_marked: bool = False
) -> list[list[str] | RenderError]:
    """The parts of each context, over what all share, or why there are none. `is_marked` puts the places of what was
    written into the HTML first.

    What ends the child for one of them is told of that one and of those behind it: they were not tried.
    """
    try:
        return _ask(sources, shared, contexts, is_marked=is_marked)
    except RenderError as trouble:
        if len(contexts) <= 1:
            return [trouble] * len(contexts)
    found = list[list[str] | RenderError]()
    for context in contexts:
        try:
            found += _ask(sources, shared, [context], is_marked=is_marked)
        except RenderError as trouble:
            return found + [trouble] * (len(contexts) - len(found))
    return found


def _ask(
    sources: Sources, shared: Mapping[str, Any], contexts: Sequence[Mapping[str, Any]], *, is_marked: bool
) -> list[list[str] | RenderError]:
    """Raises RenderError where it takes too much."""
    try:
        answer = _children.ask("render", dict(sources), dict(shared), [dict(each) for each in contexts], is_marked)
    except Unanswered as why:
        raise RenderError(str(why)) from None
    return [found if isinstance(found, list) else RenderError(found) for found in answer]


def _render(
    sources: dict[str, str], shared: dict[str, Any], contexts: list[dict[str, Any]], is_marked: bool
) -> list[list[str] | str]:
    """The child's: the parts of each context, or what is wrong."""
    if is_marked:
        sources = sources | {"html": linting.marked(sources["html"])}
    return [_rendered(sources, shared | context) for context in contexts]


def _rendered(sources: dict[str, str], context: dict[str, Any]) -> list[str] | str:
    try:
        return _compiled(tuple(sources.items())).render(context)
    except RenderError as error:
        return str(error)


@lru_cache(maxsize=16)
def _compiled(sources: tuple[tuple[str, str], ...]) -> Parts:
    return Parts(dict(sources))


if __name__ == "__main__":
    confinement.serve({"render": _render})
