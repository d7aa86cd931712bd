"""Ready-made content to begin a template with: the files of templates/starter/."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent.parent / "templates" / "starter"


@cache
def names() -> list[tuple[str, str]]:
    """Keys and titles: `winback`, `Winback`."""
    return [(file.stem, file.stem.replace("-", " ").capitalize()) for file in sorted(FOLDER.glob("*.html"))]


def initial(key: str) -> dict[str, str]:
    """What the form of a new template begins with; empty for a key that is no starter's."""
    title = dict(names()).get(key)
    if title is None:
        return {}
    sources = {part: (FOLDER / f"{key}.{ending}").read_text() for part, ending in (("html", "html"), ("text", "txt"))}
    return sources | {"name": title, "key": key, "subject": "{{ content.headline }}"}
