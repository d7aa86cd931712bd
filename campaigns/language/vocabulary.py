"""What a template may name: variables, filters and tests."""

from __future__ import annotations

from typing import NamedTuple

CUSTOMER_FIELDS = (
    "external_id", "email", "phone", "first_name", "last_name", "city", "country", "timezone", "locale"
)  # fmt: skip
VOCABULARY: dict[str, tuple[str, ...]] = {
    "customer": (*CUSTOMER_FIELDS, "attributes"),
    "retailer": ("slug", "name", "timezone"),
    "brand": ("name", "from_name", "website", "logo_url", "colour", "postal_address"),
    "campaign": ("key", "name"),
    "products": (),
    "unsubscribe_url": (),
    "preferences_url": (),
    "view_url": (),
}
OPEN_ENDED = ("customer.attributes", "content", "products")  # any name may follow these
WAYS_OUT = ("unsubscribe_url", "preferences_url")
OUR_LINKS = (*WAYS_OUT, "view_url")  # made by us: they need no second look where they are printed
LOOP = ("index", "index0", "revindex", "first", "last", "length")
RESERVED = (*VOCABULARY, "content", "loop", "true", "false", "none", "True", "False", "None")


class Arity(NamedTuple):
    """How many arguments a filter or test takes; `local` filters are told whose language and time zone to use."""

    least: int = 0
    most: int = 0
    local: bool = False


FILTERS: dict[str, Arity] = {
    "abs": Arity(),
    "capitalize": Arity(),
    "date": Arity(0, 1, local=True),
    "default": Arity(1, 1),
    "divided_by": Arity(1, 1),
    "escape": Arity(),
    "first": Arity(),
    "items": Arity(),
    "join": Arity(0, 1),
    "last": Arity(),
    "length": Arity(),
    "lower": Arity(),
    "minus": Arity(1, 1),
    "modulo": Arity(1, 1),
    "money": Arity(1, 1, local=True),
    "number": Arity(0, 1, local=True),
    "plural": Arity(2, 2),
    "plus": Arity(1, 1),
    "replace": Arity(2, 2),
    "reverse": Arity(),
    "round": Arity(0, 1),
    "sort": Arity(0, 1),
    "split": Arity(1, 1),
    "times": Arity(1, 1),
    "title": Arity(),
    "trim": Arity(0, 1),
    "truncate": Arity(1, 2),
    "truncatewords": Arity(1, 2),
    "upper": Arity(),
    "urlencode": Arity(),
}
TESTS: dict[str, Arity] = {
    "defined": Arity(),
    "divisibleby": Arity(1, 1),
    "endingwith": Arity(1, 1),
    "even": Arity(),
    "none": Arity(),
    "number": Arity(),
    "odd": Arity(),
    "startingwith": Arity(1, 1),
    "string": Arity(),
    "undefined": Arity(),
}
NOT_HERE = {  # tags of other dialects, and why they are not in this one
    "block": "templates do not inherit from one another",
    "call": "there are no macros",
    "extends": "templates do not inherit from one another",
    "filter": "put the filter behind the value: {{ value | upper }}",
    "from": "a template cannot read another",
    "import": "a template cannot read another",
    "include": "a template cannot read another",
    "macro": "write the text out, or loop over a list",
}


def unknown(path: str, provided: frozenset[str] | None) -> str | None:
    """Why a dotted name is not in the vocabulary; None when it is.

    `provided` are the names after `content.` that exist; None means any.
    """
    root, _, rest = path.partition(".")
    if root == "content":
        if not rest or provided is None or rest.split(".")[0] in provided:
            return None
        return f"content.{rest} is given by no variant: add it to the variant's content or use | default(...)"
    if root not in VOCABULARY:
        return f"{path} is unknown. Known: {', '.join(sorted([*VOCABULARY, 'content']))}"
    if not rest or path.startswith(tuple(f"{prefix}." for prefix in OPEN_ENDED)) or path in OPEN_ENDED:
        return None
    if rest not in VOCABULARY[root]:
        known = ", ".join(VOCABULARY[root]) or "nothing"
        hint = " (custom fields are customer.attributes.<name>)" if root == "customer" else ""
        return f"{path} is unknown: {root} has {known}{hint}"
    return None
