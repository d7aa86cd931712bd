"""The content that a blueprint's templates begin with: files beside its own, or those of templates/starter."""

from __future__ import annotations

from pathlib import Path

SHIPPED = Path(__file__).resolve().parent.parent.parent / "templates" / "starter"


def sources(folder: Path, starter: str) -> tuple[str, str] | None:
    """HTML and text of a starter, the text empty where there is none; None where there is no such starter."""
    for place in (folder, SHIPPED):
        html, text = place / f"{starter}.html", place / f"{starter}.txt"
        if html.is_file():
            return html.read_text(encoding="utf-8"), text.read_text(encoding="utf-8") if text.is_file() else ""
    return None
