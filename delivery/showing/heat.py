"""Where people clicked: a run's message with each link marked by its share of the clicks, and the links as a list.

Reads    LinkTally, Link, the edition that the messages were rendered with
Promise  the shares are of people's clicks; machines' stand beside them
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django.db.models import Sum

from campaigns import editions, language, publishing
from campaigns.config.campaign import CampaignConfig, Step, Variant
from campaigns.editions import Published, Unpublished
from campaigns.models import Customer, LinkTally, Run
from campaigns.publishing import Link
from delivery import previews, results
from delivery.showing import copies
from tenants import context

_HREF = re.compile(r"\bhref\s*=\s*[\"']?\Z", re.IGNORECASE)
_NUMBER = re.compile(r"\bdata-link=\"(\d+)\" href\s*=\s*[\"']?\Z", re.IGNORECASE)
_REACH = 40  # characters before a link's address in which its attribute and our number begin
WARM, HOT = 0.1, 0.3  # of all clicks: from here on a link is shown warmer


@dataclass(frozen=True)
class Followed:
    """A link and how often it was followed; `share` is of all people's clicks on this variant's links."""

    number: int
    label: str
    url: str
    clicks: int
    messages: int
    clicks_by_machine: int
    share: float

    @property
    def percent(self) -> float:
        return 100 * self.share

    @property
    def warmth(self) -> int:
        """From 0, never followed, to 3."""
        return 0 if not self.clicks else 1 + (self.share >= WARM) + (self.share >= HOT)


@dataclass(frozen=True)
class Heat:
    """A variant's links in their order. `page` is for a frame without rights, blank where `problem` says why."""

    step: str
    variant: str
    links: list[Followed]
    customer: Customer
    page: str = ""
    subject: str = ""
    problem: str = ""

    @property
    def clicks(self) -> int:
        """People's, on all of them."""
        return sum(each.clicks for each in self.links)


def choices(config: CampaignConfig) -> list[tuple[str, str]]:
    """The steps and variants that have links to follow."""
    return [(step.key, variant.key) for step in config.steps if step.channel == "email" for variant in step.variants]


def of_variant(run: Run, step_key: str, variant_key: str, customer: Customer) -> Heat:
    """As `customer` would get it. Raises LookupError for a step or variant that is not one of `choices`."""
    config = run.version.parsed()
    step, variant = _chosen(config, step_key, variant_key)
    try:
        published = _published(run, step, variant)
        known = editions.numbered(published, variant)
        placed = editions.links(published, variant, customer.locale)
    except (Unpublished, language.Mistaken) as problem:
        return Heat(step.key, variant.key, _followed(run, step, variant, ()), customer, problem=str(problem))
    followed = _followed(run, step, variant, known)
    warmth = {each.number: each for each in followed}
    shown = previews.of_marked(config, published, variant, customer, lambda html: marked(html, placed, warmth))
    if shown.rendered is None:
        return Heat(step.key, variant.key, followed, customer, problem=shown.problem)
    page = copies.warm(shown.rendered.html)
    read = _read(shown.rendered.html)
    followed = [_as_read(each, read[each.number]) if each.number in read else each for each in followed]
    return Heat(step.key, variant.key, followed, customer, page, shown.rendered.subject)


def marked(html: str, placed: Iterable[Link], followed: Mapping[int, Followed]) -> str:
    """`html` before it is rendered, so that a link within a loop is marked each time. Pure."""
    for link in sorted(placed, key=lambda each: each.position, reverse=True):
        begins = max(0, link.position - _REACH)
        if (href := _HREF.search(html[begins : link.position])) and (each := followed.get(link.number)):
            at = begins + href.start()
            mark = f'data-heat="{words(each.share)}" data-warmth="{each.warmth}" data-link="{each.number}" '
            html = f"{html[:at]}{mark}{html[at:]}"
    return html


def _read(html: str) -> dict[int, Link]:
    """The links of a rendered message, by the numbers of the links that they were made from."""
    found: dict[int, Link] = {}
    for link in publishing.links(html):
        if number := _NUMBER.search(html[max(0, link.position - _REACH) : link.position]):
            found.setdefault(int(number[1]), link)
    return found


def _as_read(followed: Followed, link: Link) -> Followed:
    """With its words and its address as this reader gets them, where they are made for each message."""
    return replace(
        followed,
        label=link.label if _is_made(followed.label) else followed.label,
        url=f"such as {link.url}" if _is_made(followed.url) else followed.url,
    )


def _is_made(source: str) -> bool:
    return "{{" in source or "{%" in source


def words(share: float) -> str:
    return f"{100 * share:.1f} %"


def _chosen(config: CampaignConfig, step_key: str, variant_key: str) -> tuple[Step, Variant]:
    for step in config.steps:
        for variant in step.variants:
            if (step.key, variant.key) == (step_key, variant_key) and step.channel == "email":
                return step, variant
    raise LookupError("There is no such step and variant with links.")


def _published(run: Run, step: Step, variant: Variant) -> Published:
    """What most clicks were made on; what counts now, where there were none or it is not kept."""
    digest = (
        LinkTally.objects.filter(run=run, step=step.key, variant=variant.key)
        .values("template_hash")
        .annotate(people=Sum("clicks"), machines=Sum("clicks_by_machine"))
        .order_by("-people", "-machines", "template_hash")
        .values_list("template_hash", flat=True)
        .first()
    )
    kept = editions.recall(step.template, digest) if digest else None
    return kept or editions.live(step.template, context.current())


def _followed(run: Run, step: Step, variant: Variant, known: Iterable[Link]) -> list[Followed]:
    told = {
        each["number"]: each
        for each in results.links(run)
        if (each["step"], each["variant"]) == (step.key, variant.key)
    }
    said = {link.number: link for link in known}
    clicks = sum(each["clicks"] for each in told.values()) or 1
    return [_one(number, told.get(number, {}), said.get(number), clicks) for number in sorted({*told, *said})]


def _one(number: int, told: Mapping[str, int], link: Link | None, clicks: int) -> Followed:
    label, url = (link.label, link.url) if link else ("", "")
    return Followed(
        number=number,
        label=str(told.get("label") or label),
        url=str(told.get("url") or url),
        clicks=told.get("clicks", 0),
        messages=told.get("messages", 0),
        clicks_by_machine=told.get("clicks_by_machine", 0),
        share=told.get("clicks", 0) / clicks,
    )
