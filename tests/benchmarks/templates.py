"""What a message costs before the wire: its context, its three parts, its MIME bytes; beside the hand-written limit.

Two mails: the reference mail, and the same with a second loop of five, three conditionals and four filters. Ours goes
through the composer and the MIME skeleton that workers use, without database; the limit is a writer made by hand for
each of the two. They take turns in this one process, a few hundred messages each, ours fifty at once as workers do;
processor time counts.

Then how soon an edit of a base reaches the messages of every retailer below it: tests.benchmarks.spreading.
"""

from __future__ import annotations

import email.policy
import html
import json
import re
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import BytesParser
from statistics import median
from typing import Any

from campaigns import language
from campaigns.config.campaign import Variant
from campaigns.editions import Published
from campaigns.language import CUSTOMER_FIELDS
from campaigns.models import TemplateVersion
from delivery import compose, identity, pace, rendering
from delivery.batches import Entry
from delivery.channels.base import Envelope
from delivery.channels.email.mime import Skeleton
from tenants.models import Retailer
from tests.benchmarks import limit, spreading, usage, workload
from tests.benchmarks.workload import Source

CHUNK = 250  # messages of one side before the other has its turn
Person = dict[str, Any]
Write = Callable[[Sequence[Person]], list[bytes]]

# What the second mail has beyond the first, in the language and by hand.
_MORE = """\
{% if customer.attributes.points >= 2500 %}\
<p>You are among our best: {{ customer.attributes.points | number }} points.</p>\
{% else %}<p>Every purchase counts.</p>{% endif %}
{% if customer.city %}<p>See you in {{ customer.city | upper }}.</p>{% endif %}
<ul>{% for p in customer.attributes.products %}<li><a href="{{ p.url }}">{{ p.name | truncate(16) }}</a>, \
{{ p.price | money("EUR") }}{% if loop.first %}, our favourite{% endif %}</li>
{% endfor %}</ul>
</body>"""


def run(options: Namespace) -> bool:
    """Print a table and, as the last line, the figures. False when ours and the limit do not say the same."""
    source = workload.load()
    people = list(source.people(options.messages, 1, options.seed or source.seed))
    _say(f"{len(people):,} messages of each kind; {source.origin}")
    _say(usage.machine())
    plain, rich = workload.in_our_language(source.source), _with_more(workload.in_our_language(source.source))
    pairs = {
        "reference": (_ours(plain), _by_hand(source.source, is_rich=False)),
        "rich": (_ours(rich), _by_hand(source.source, is_rich=True)),
    }
    complaints = [name for name, (ours, hand) in pairs.items() if not all(_agree(ours, hand, p) for p in people[:20])]
    costs = {name: _measured(ours, hand, people) for name, (ours, hand) in pairs.items()}
    _say(f"{'':<12}{'ours, us':>10}{'limit, us':>12}{'ratio':>8}")
    for name, cost in costs.items():
        _say(f"{name:<12}{cost.ours:>10.1f}{cost.limit:>12.1f}{cost.ratio:>8.2f}")
    _say(usage.machine())
    spread = spreading.run(options)
    figures = _keys(costs) | spreading.report(spread)
    _say(usage.machine())
    wrong = [f"the {name} mail does not say what the limit's says" for name in complaints] + spread.complaints
    for words in wrong:
        _say(f"WRONG: {words}")
    _say(json.dumps(figures))
    return not wrong


@dataclass(frozen=True)
class Cost:
    """Microseconds of processor time per message."""

    ours: float
    limit: float
    ratio: float


def _measured(ours: Write, hand: Write, people: Sequence[Person]) -> Cost:
    for write in (ours, hand):
        _timed(write, people[:CHUNK])
    turns = [people[start : start + CHUNK] for start in range(0, len(people), CHUNK)]
    costs = [(_timed(ours, each), _timed(hand, each)) for each in turns]
    return Cost(
        median(cost for cost, _ in costs), median(cost for _, cost in costs), median(one / two for one, two in costs)
    )


def _timed(write: Write, people: Sequence[Person]) -> float:
    begun = time.thread_time()
    for start in range(0, len(people), pace.MOST):
        write(people[start : start + pace.MOST])
    return (time.thread_time() - begun) / len(people) * 1e6


def _ours(source: Source) -> Write:
    """The worker's own way, from what `recheck` reads of a customer to the bytes of the message."""
    made = composer(source)
    skeleton = Skeleton(made.envelope, date=datetime.now(UTC), eight_bit=True)
    rows: dict[str, Entry] = {}

    def row(person: Person) -> Entry:
        """As the database gives it; making it is measured too, the first time."""
        known = rows.get(person["email"])
        if known is None:
            known = rows[person["email"]] = entry(person, len(rows) + 1)
        return known

    def write(people: Sequence[Person]) -> list[bytes]:
        outbound, failures = made.compose([row(person) for person in people])
        if failures:
            raise RuntimeError(failures[0].reason)
        return [skeleton.fill(message) for message in outbound]

    return write


def composer(source: Source) -> compose.Composer:
    retailer = Retailer(pk=1, slug="bench", name="Bench", schema_name="t_bench00000", timezone="Europe/Berlin")
    return compose.Composer(
        envelope=Envelope("news@news.example.com", "Example Shop", "news@news.example.com"),
        template="reference",
        published=Published("0" * 64, TemplateVersion(), frozenset()),
        version_id=1,
        shared={
            "retailer": {"slug": "bench", "name": "Bench", "timezone": "Europe/Berlin"},
            "brand": {"name": "Example Shop", "from_name": "Example Shop", "colour": "#2457d6"},
            "campaign": {"key": "picks", "name": "Picks"},
        },
        variants={"a": Variant(key="a")},
        voices={("a", ""): (rendering.Renderer(rendering.Content(source.subject, source.html, source.text)), {})},
        base_url="https://bench.example.com",
        signer=identity.Signer(retailer),
        name=identity.public_ids(retailer),
    )


def entry(person: Person, number: int) -> Entry:
    known = workload.customer(person)
    row = {name: known.get(name, "") for name in CUSTOMER_FIELDS} | {"attributes": known["attributes"]}
    return Entry(number, number % 500, "email", "a", 0, "", person["email"], row)


def _with_more(source: Source) -> Source:
    made = Source(source.subject, source.html.replace("</body>", _MORE, 1), source.text)
    if problems := language.mistakes(made.html, is_html=True):
        raise RuntimeError(str(problems[0]))
    return made


def _by_hand(source: Source, *, is_rich: bool) -> Write:
    write_letter = limit.writer(source)

    def write(person: Person) -> bytes:
        return b"".join(write_letter(person))

    def write_rich(person: Person) -> bytes:
        announcement, letter = write_letter(person)
        before, _, after = letter.partition(b"</body>")
        return b"".join((announcement, before, _more_by_hand(person).encode(), b"</body>", after))

    by_hand = write_rich if is_rich else write
    return lambda people: [by_hand(person) for person in people]


def _more_by_hand(person: Person) -> str:
    points, escape = person["points"], html.escape
    praise = f"You are among our best: {points:,} points." if points >= 2500 else "Every purchase counts."
    place = f"<p>See you in {escape(person['city'].upper())}.</p>" if person["city"] else ""
    rows = []
    for number, product in enumerate(person["products"]):
        name, url = product["name"], escape(product["url"])
        short = escape(name if len(name) <= 16 else name[:15].rstrip() + "…")
        first = "" if number else ", our favourite"
        rows.append(f'<li><a href="{url}">{short}</a>, €{float(product["price"]):,.2f}{first}</li>\r\n')
    return f"<p>{praise}</p>\r\n{place}\r\n<ul>{''.join(rows)}</ul>\r\n"


def _agree(ours: Write, hand: Write, person: Person) -> bool:
    """The same words in the same places, our own links aside."""
    parsed = [
        BytesParser(policy=email.policy.default).parsebytes(_body(letter))
        for letter in (*ours([person]), *hand([person]))
    ]
    said = []
    for mail in parsed:
        page = html.unescape(mail.get_body(("html",)).get_content())  # type: ignore[union-attr]
        said.append((mail["subject"], re.sub(r'href="https://[^"]*/u/[^"]*"', "", page).split()))
    return said[0] == said[1]


def _body(letter: bytes) -> bytes:
    return letter.partition(b"DATA\r\n")[2] or letter


def _keys(costs: dict[str, Cost]) -> dict[str, float]:
    plain, rich = costs["reference"], costs["rich"]
    return {
        "us_per_message": round(plain.ours, 2),
        "limit_us": round(plain.limit, 2),
        "ratio_limit": round(plain.ratio, 3),
        "rich_us_per_message": round(rich.ours, 2),
        "rich_limit_us": round(rich.limit, 2),
        "rich_ratio_limit": round(rich.ratio, 3),
    }


def _say(line: str) -> None:
    print(line, flush=True)
