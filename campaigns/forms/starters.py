"""Ready-made content to begin a template with: the files of templates/starter/."""

from __future__ import annotations

from functools import cache

from campaigns.blueprints.starters import FORMATS, SHIPPED, sources


@cache
def names() -> list[tuple[str, str]]:
    """Keys and titles: `winback`, `Winback`."""
    keys = {file.stem for file in SHIPPED.iterdir() if file.suffix[1:] in FORMATS}
    return [(key, key.replace("-", " ").capitalize()) for key in sorted(keys)]


def initial(key: str) -> dict[str, str]:
    """What the form of a new template begins with; empty for a key that is no starter's."""
    title = dict(names()).get(key)
    found = sources(SHIPPED, key)
    if title is None or found is None:
        return {}
    return found._asdict() | {"name": title, "key": key, "subject": "{{ content.headline }}"}
