"""The content that a blueprint's templates begin with: files beside its own, or those of templates/starter."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

SHIPPED = Path(__file__).resolve().parent.parent.parent / "templates" / "starter"
FORMATS: tuple[Literal["mjml", "html"], ...] = ("mjml", "html")  # what each is called is also how its files end


class Sources(NamedTuple):
    """`text` is empty where it is made from the HTML."""

    html: str
    source_format: Literal["mjml", "html"]
    text: str


def sources(folder: Path, starter: str) -> Sources | None:
    """What a starter begins with; None where there is no such starter."""
    for place in (folder, SHIPPED):
        for source_format in FORMATS:
            html, text = place / f"{starter}.{source_format}", place / f"{starter}.txt"
            if html.is_file():
                written = text.read_text(encoding="utf-8") if text.is_file() else ""
                return Sources(html.read_text(encoding="utf-8"), source_format, written)
    return None
