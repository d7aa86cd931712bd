"""What real people would get of sources, for the checks before launch: rendered by the code that sends.

Links in it lead to the page of tests. Of whom it cannot be rendered for, nothing is told: previews and pre-flights say
why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from campaigns.inspection import Around
from campaigns.models import Customer
from delivery import confined, previews, rendering
from delivery.rendering import Content, Rendered

Sources = Mapping[str, str]  # subject, html and text; the HTML marked
Said = Mapping[str, Any]
Parts = list[dict[str, str]]


def live(sources: Sources, values: Said, people: Iterable[Customer], seen: Around) -> Parts:
    """Of what is published, in this process, as workers do. `values` are those of `content.*`."""
    return _parts(lambda content, said: rendering.renderer(content).render(said), sources, values, people, seen)


def drafted(sources: Sources, values: Said, people: Iterable[Customer], seen: Around) -> Parts:
    """Of what somebody has just written, apart."""
    return _parts(confined.render, sources, values, people, seen)


def _parts(
    render: Callable[[Content, Said], Rendered],
    sources: Sources,
    values: Said,
    people: Iterable[Customer],
    seen: Around,
) -> Parts:
    content = Content(sources["subject"], sources["html"], sources["text"])
    found = []
    for customer in people:
        try:
            made = render(content, {**seen.context(), **previews.whom(customer), "content": dict(values)})
        except rendering.RenderError:
            continue
        found.append({"subject": made.subject, "html": made.html, "text": made.text})
    return found
