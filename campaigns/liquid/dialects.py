"""How other platforms name what we know: their vocabularies, as ours. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from campaigns.language.vocabulary import CUSTOMER_FIELDS, VOCABULARY

DIALECTS = ("auto", "liquid", "braze", "klaviyo", "mailchimp", "customerio", "shopify")
_FIELDS = {name: name for name in CUSTOMER_FIELDS} | {
    "email_address": "email", "phone_number": "phone", "user_id": "external_id", "id": "external_id",
    "time_zone": "timezone", "language": "locale", "fname": "first_name", "lname": "last_name",
    "firstname": "first_name", "lastname": "last_name",
}  # fmt: skip
_PEOPLE = ("customer", "person", "user", "subscriber", "contact", "profile", "recipient")
_OURSELVES = ("shop", "organization", "company", "store")
_SHOP = {"name": "brand.name", "url": "brand.website", "website": "brand.website", "domain": "brand.website",
         "address": "brand.postal_address", "full_address": "brand.postal_address"}  # fmt: skip
_LINKS = {
    "unsubscribe_url": "unsubscribe_url", "unsubscribe_link": "unsubscribe_url", "unsubscribe": "unsubscribe_url",
    "set_user_to_unsubscribed_url": "unsubscribe_url", "preferences_url": "preferences_url",
    "manage_preferences_link": "preferences_url", "manage_preferences": "preferences_url",
    "manage_subscription_preferences_url": "preferences_url", "manage_subscription_preferences": "preferences_url",
    "preference_center_url": "preferences_url",
}  # fmt: skip
_MERGE_TAGS = {
    "FNAME": "customer.first_name", "LNAME": "customer.last_name", "EMAIL": "customer.email",
    "PHONE": "customer.phone", "UNSUB": "unsubscribe_url", "UPDATE_PROFILE": "preferences_url",
    "LIST:COMPANY": "brand.name", "LIST:ADDRESS": "brand.postal_address", "LIST:ADDRESS_HTML": "brand.postal_address",
    "LIST:ADDRESSLINE": "brand.postal_address", "LIST:URL": "brand.website", "LIST:NAME": "brand.name",
    "CAMPAIGN_NAME": "campaign.name",
}  # fmt: skip
_MERGE_TAG = re.compile(r"\*\|([A-Z][A-Z0-9_:=!]*)\|\*")
_CONDITION = re.compile(r"(IF|IFNOT|ELSEIF):([A-Z][A-Z0-9_]*)\Z")
_PLAIN = re.compile(r"[A-Z][A-Z0-9_]*\Z")
_TAG = re.compile(r"{{.*?}}+|{%.*?%}", re.DOTALL)
_BRAZE = re.compile(r"(?:([A-Za-z_]\w*)\.)?\$\{\s*([^{}]*?)\s*\}")
_LINK_TAG = re.compile(r"{%-?\s*(\w+)\s*(?:(['\"])(.*?)\2)?\s*-?%}")
_LOOP = {
    "index": "index",
    "index0": "index0",
    "first": "first",
    "last": "last",
    "length": "length",
    "rindex": "revindex",
}
Segments = Sequence[object]
Tell = Callable[[int, str], None]


def to_liquid(source: str, leave: Callable[[int, str, str], str]) -> str:
    """What is no Liquid, as Liquid: merge tags, Braze's `${...}` and the tags that write a link.

    `leave(offset, text, reason)` gives what stands for a piece that has no counterpart.
    """
    source = _MERGE_TAG.sub(lambda tag: _merge_tag(tag, leave), source)
    source = _TAG.sub(lambda tag: _BRAZE.sub(_braze, tag[0]), source)
    return _LINK_TAG.sub(_link_tag, source)


def ours(path: Segments, own: frozenset[str]) -> str | None:
    """A variable of theirs by the name that it has here; None when there is none. `own` are the template's names."""
    names = [str(segment) for segment in path]
    root, *rest = names
    if root in own:
        return _dotted(path)
    if root in ("forloop", "loop"):
        return f"loop.{_LOOP[rest[0]]}" if len(rest) == 1 and rest[0] in _LOOP else None
    if not rest:
        return _bare(root)
    if root == "content" or (root in VOCABULARY and rest[0] in VOCABULARY[root] and root != "customer"):
        return _dotted(path)
    if root in _OURSELVES and len(rest) == 1:
        return _SHOP.get(rest[0])
    return _of_person(path[1:]) if root in _PEOPLE else _of_others(root, path[1:])


def _of_others(root: str, path: Segments) -> str | None:
    if root in ("custom_attribute", "custom_attributes"):
        return f"customer.attributes{_steps(path)}"
    return "campaign.key" if root == "campaign" and list(path) == ["id"] else None


def attribute(name: str) -> str:
    return f"customer.attributes{_steps([name])}"


def _bare(name: str) -> str | None:
    if name.lower() in _FIELDS:
        return f"customer.{_FIELDS[name.lower()]}"
    if name in ("organization_name", "company_name", "shop_name"):
        return "brand.name"
    return _LINKS.get(name)


def _of_person(path: Segments) -> str:
    first = str(path[0])
    if len(path) == 1 and first.lower() in _FIELDS:
        return f"customer.{_FIELDS[first.lower()]}"
    if first in ("attributes", "properties", "custom_attributes") and len(path) > 1:
        path = path[1:]
    return f"customer.attributes{_steps(path)}"


def _dotted(path: Segments) -> str:
    return f"{path[0]}{_steps(path[1:])}"


def _steps(path: Segments) -> str:
    return "".join(_step(segment) for segment in path)


def _step(segment: object) -> str:
    if isinstance(segment, int):
        return f"[{segment}]"
    name = str(segment)
    return f".{name}" if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) else f'["{name.replace(chr(34), "")}"]'


def _braze(found: re.Match[str]) -> str:
    if found[1] in (None, "custom_attribute") and (known := _bare(found[2])):
        return known
    steps = _step(found[2])
    return f"{found[1] or 'customer'}{steps}"


def _merge_tag(tag: re.Match[str], leave: Callable[[int, str, str], str]) -> str:
    name = tag[1]
    if condition := _CONDITION.fullmatch(name):
        variable = _MERGE_TAGS.get(condition[2]) or attribute(condition[2].lower())
        return {"IF": f"{{% if {variable} %}}", "IFNOT": f"{{% unless {variable} %}}",
                "ELSEIF": f"{{% elsif {variable} %}}"}[condition[1]]  # fmt: skip
    if name in ("ELSE:", "END:IF"):
        return "{% else %}" if name == "ELSE:" else "{% endif %}"
    if name in _MERGE_TAGS:
        return f"{{{{ {_MERGE_TAGS[name]} }}}}"
    if _PLAIN.fullmatch(name) and name not in ("ARCHIVE", "REWARDS", "FORWARD", "DATE"):
        return f"{{{{ {attribute(name.lower())} }}}}"
    return leave(tag.start(), tag[0], f"the merge tag {tag[0]} has no counterpart here")


def _link_tag(tag: re.Match[str]) -> str:
    link = _LINKS.get(tag[1])
    if link is None:
        return tag[0]
    if tag[3] is None:
        return f"{{{{ {link} }}}}"
    return f'<a href="{{{{ {link} }}}}">{tag[3]}</a>'
