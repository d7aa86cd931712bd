"""The elements of MJML: where each may stand, and whose content is HTML."""

from __future__ import annotations

from difflib import get_close_matches

_CONTENT = (
    "mj-accordion", "mj-button", "mj-carousel", "mj-divider", "mj-hero", "mj-image", "mj-navbar", "mj-raw", "mj-social",
    "mj-spacer", "mj-table", "mj-text",
)  # fmt: skip
CHILDREN: dict[str, tuple[str, ...]] = {
    "": ("mjml",),
    "mjml": ("mj-head", "mj-body"),
    "mj-head": ("mj-attributes", "mj-breakpoint", "mj-font", "mj-preview", "mj-raw", "mj-style", "mj-title"),
    "mj-body": ("mj-section", "mj-wrapper", "mj-hero", "mj-raw"),
    "mj-wrapper": ("mj-section", "mj-hero", "mj-raw"),
    "mj-section": ("mj-column", "mj-group", "mj-raw"),
    "mj-group": ("mj-column", "mj-raw"),
    "mj-column": tuple(name for name in _CONTENT if name != "mj-hero"),
    "mj-hero": tuple(name for name in _CONTENT if name != "mj-hero"),
    "mj-accordion": ("mj-accordion-element",),
    "mj-accordion-element": ("mj-accordion-title", "mj-accordion-text"),
    "mj-carousel": ("mj-carousel-image",),
    "mj-navbar": ("mj-navbar-link",),
    "mj-social": ("mj-social-element",),
}
HTML_INSIDE = frozenset({
    "mj-accordion-text", "mj-accordion-title", "mj-button", "mj-navbar-link", "mj-preview", "mj-raw",
    "mj-social-element", "mj-style", "mj-table", "mj-text", "mj-title",
})  # fmt: skip
TAKES_RAW = frozenset(name for name, children in CHILDREN.items() if "mj-raw" in children and name != "mj-head")
KNOWN = frozenset(name for children in CHILDREN.values() for name in children)
_ANYTHING = frozenset({"mj-all", "mj-class", *KNOWN})  # below mj-attributes
_OTHERS = {
    "mj-include": "a template cannot read another file: write its content here",
    "mj-html-attributes": "mj-html-attributes is not supported: write the attributes into mj-text or mj-raw",
}


def misplaced(name: str, parent: str) -> str:
    """Why an element may not stand below another, with the cure; "" when it may. `parent` is "" for none."""
    if name in _OTHERS:
        return _OTHERS[name]
    if name in ("mj-all", "mj-class") and parent == "mj-attributes":
        return ""
    if name not in KNOWN:
        return _unknown(name)
    if parent == "mj-attributes" or name in CHILDREN.get(parent, ()):
        return ""
    places = [outer or "the document itself" for outer, children in CHILDREN.items() if name in children]
    around = f"inside {parent}" if parent else "outside of mjml"
    return f"{name} may not stand {around}: put it into {' or '.join(places)}"


def _unknown(name: str) -> str:
    if not name.startswith("mj"):
        return f"{name} is HTML: put it into mj-text, mj-table or mj-raw"
    near = get_close_matches(name, _ANYTHING, n=1)
    cure = f"{near[0]}?" if near else "remove it"
    return f"{name} is no element of MJML: {cure}"
