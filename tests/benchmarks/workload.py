"""The reference workload: people with five products each, and a personalised multipart mail of 8 to 9 KB for each.

It lies beside the project, in ../shared/data/workload; where it does not, a stand-in of the same shape and sizes
serves, and `Workload.origin` says which of the two it was.

Its template knows plain names (`{{ first_name }}`): so the baselines use it, and `in_our_language` translates it.
The eight links and the pixel of a message are its recipient's own: they carry the customer's `external_id`, since
tracking links do not exist yet. A ninth, to unsubscribe, is ours; in the baselines it is made like the others.
"""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import stand_in

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "workload"
_LINK = "https://t.example.com/{kind}/1/{person}/{number}/E0ppR96GqlICIpU8"


@dataclass(frozen=True)
class Source:
    """A template's three parts."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class Workload:
    """`people(number, tenants, seed)` gives one dict for each, the same ones for the same arguments."""

    origin: str
    source: Source
    people: Callable[[int, int, int], Iterable[dict[str, Any]]]
    seed: int


def load() -> Workload:
    if not SHARED.is_dir():
        source = Source(stand_in.SUBJECT, stand_in.HTML, stand_in.TEXT)
        return Workload("a stand-in of the same shape", source, stand_in.people, stand_in.SEED)
    generator = runpy.run_path(str(SHARED / "generate.py"))
    parts = ((SHARED / name).read_text() for name in ("subject.txt", "message.html", "message.txt"))
    return Workload("the reference workload", Source(*parts), generator["recipients"], generator["SEED"])


def customer(person: dict[str, Any]) -> dict[str, Any]:
    """A row for campaigns.ingest."""
    return {
        "external_id": person["recipient_id"],
        "email": person["email"],
        "first_name": person["first_name"],
        "last_name": person["last_name"],
        "city": person["city"],
        "consent_email": True,
        "attributes": {name: person[name] for name in ("plan", "points", "products")},
    }


def values(person: dict[str, Any]) -> dict[str, Any]:
    """What the plain template needs: the person, and the links of this one message."""
    who = person["recipient_id"]
    products = [
        {**product, "track": _LINK.format(kind="c", person=who, number=number)}
        for number, product in enumerate(person["products"], 1)
    ]
    return {**person, "products": products} | {name: link.format(person=who) for name, link in _LINKS.items()}


def in_our_language(source: Source) -> Source:
    """The template in the product's vocabulary."""
    return Source(*(_translated(part) for part in (source.subject, source.html, source.text)))


_LINKS = {
    "view": _LINK.format(kind="v", person="{person}", number=0),
    "cta": _LINK.format(kind="c", person="{person}", number=9),
    "pixel": _LINK.format(kind="o", person="{person}", number=0) + ".gif",
    "unsub": _LINK.format(kind="u", person="{person}", number=0),
}
_PERSON = "{{ customer.external_id }}"
_OURS = {
    "first_name": "{{ customer.first_name }}",
    "last_name": "{{ customer.last_name }}",
    "city": "{{ customer.city }}",
    "plan": "{{ customer.attributes.plan }}",
    "points": "{{ customer.attributes.points }}",
    **{name: link.format(person=_PERSON) for name, link in _LINKS.items()},
    "unsub": "{{ unsubscribe_url }}",
    "p.track": _LINK.format(kind="c", person=_PERSON, number="{{ loop.index }}"),
}


def _translated(part: str) -> str:
    translated = re.sub(r"{{ ([\w.]+) }}", lambda hole: _OURS.get(hole[1], hole[0]), part)
    return translated.replace("in products %}", "in customer.attributes.products %}")
