"""Templates of one line, read for somebody."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from campaigns import language
from delivery.rendering import Content, Renderer

DOCS = Path(__file__).resolve().parents[3] / "docs" / "templates.md"


EXAMPLES = re.findall(
    r"^([^\n]+)\n-> ([^\n]*)$", "\n".join(re.findall(r"```text\n(.*?)```", DOCS.read_text(), re.DOTALL)), re.MULTILINE
)


PERSON: dict[str, Any] = json.loads(re.findall(r"```json\n(.*?)```", DOCS.read_text(), re.DOTALL)[0])


def read(source: str, context: dict[str, Any] | None = None, *, part: str = "text") -> str:
    parts = {"subject": "s", "html": "h", "text": "t", part: source}
    return str(getattr(Renderer(Content(**parts)).render(PERSON if context is None else context), part))


def knowing(**attributes: Any) -> dict[str, Any]:
    return PERSON | {"customer": PERSON["customer"] | {"attributes": attributes}}


def found(source: str, **options: Any) -> list[tuple[int | None, int | None, str]]:
    return [(each.line, each.column, each.message) for each in language.mistakes(source, **options)]
