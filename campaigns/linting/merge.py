"""Values in places where they would need care: what the language refuses anyway, and attributes without quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from campaigns import language
from campaigns.linting.page import OPAQUE, mask
from campaigns.linting.sample import Found, Sample

_BARE = re.compile(r"""\s([a-zA-Z][\w:-]*)\s*=\s*(?!["'\s])([^\s>]+)""")
_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")
_LINKS = {"href", "src", "action", "background"}


def unquoted(sample: Sample) -> Iterator[Found]:
    for field in ("subject", "preheader", "html", "text"):
        for mistake in language.mistakes(getattr(sample, field), is_html=field == "html"):
            yield Found(mistake.message, "correct it in the template", field, mistake.line, mistake.column)
    bare = _Bare()
    bare.feed(mask(sample.html))
    for name, line, column in bare.found:
        yield Found(f"the value of {name} has no quotes", f'write {name}="..."', "html", line, column)


class _Bare(HTMLParser):
    """Attributes without quotes that hold a value of somebody's, or an address."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[tuple[str, int, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line, column = self.getpos()
        outside = _QUOTED.sub('""', self.get_starttag_text() or "")
        for name, value in _BARE.findall(outside):
            if OPAQUE in value or name.lower() in _LINKS:
                self.found.append((name.lower(), line, column + 1))
