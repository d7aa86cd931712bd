"""What real people would get of sources, for the checks before launch: rendered as what is sent, apart.

Links in it lead to the page of tests. Of whom it cannot be rendered for, nothing is told: previews and pre-flights say
why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from campaigns.inspection import Around
from campaigns.models import Customer
from delivery import confined, previews
from delivery.rendering import RenderError, one_line

Sources = Mapping[str, str]  # subject, html and text
Said = Mapping[str, Any]
Parts = list[dict[str, str]]


def live(sources: Sources, values: Said, people: Iterable[Customer], seen: Around) -> Parts:
    """Of what is published. `values` are those of `content.*`; the HTML is given the places of what was written."""
    return _parts(sources, values, people, seen, is_marked=True)


def drafted(marked: Sources, values: Said, people: Iterable[Customer], seen: Around) -> Parts:
    """Of what somebody has just written, its places in the HTML already."""
    return _parts(marked, values, people, seen, is_marked=False)


def _parts(sources: Sources, values: Said, people: Iterable[Customer], seen: Around, *, is_marked: bool) -> Parts:
    shared = {**seen.context(), "content": dict(values)}
    persons = [previews.whom(customer) for customer in people]
    wanted = {name: sources[name] for name in ("subject", "html", "text")}
    made = confined.each(wanted, shared, persons, is_marked=is_marked) if persons else []
    return [
        {"subject": one_line(found[0]), "html": found[1], "text": found[2]}
        for found in made
        if not isinstance(found, RenderError)
    ]
