"""What every message to many people owes them: a way out, and who wrote it (CAN-SPAM, 16 CFR 316; RFC 8058)."""

from __future__ import annotations

from collections.abc import Iterator

from campaigns import language
from campaigns.linting.page import OPAQUE, Page, is_hidden, visible
from campaigns.linting.sample import Found, Sample


def unsubscribe(sample: Sample) -> Iterator[Found]:
    """Everybody's message has a link to unsubscribe, or to preferences, that is seen."""
    if sample.rendered and (named := _named(sample)) and not named & _seen(sample):
        yield Found(
            "some messages have no link to unsubscribe: it hangs on a condition",
            'put <a href="{{ unsubscribe_url }}">Unsubscribe</a> outside of conditions and loops',
        )
        return
    pages = sample.pages if sample.rendered else []
    if all(_has_link(page, sample) for page in pages) and (pages or _is_written(sample)):
        return
    some = "some messages have" if any(_has_link(page, sample) for page in pages) else "it has"
    yield Found(f"{some} no link to unsubscribe", 'add <a href="{{ unsubscribe_url }}">Unsubscribe</a> to the footer')


def postal_address(sample: Sample) -> Iterator[Found]:
    if not sample.postal_address:
        yield Found("the brand has no postal address", "write it on the Brand page and put it into the footer")
        return
    wanted = visible(sample.postal_address).casefold()
    shown = sample.pages if sample.rendered else []
    is_there = all(wanted in page.words.casefold() for page in shown) if shown else "postal_address" in sample.html
    if not is_there:
        yield Found("it does not say the postal address", "put {{ brand.postal_address }} into the footer")


def _has_link(page: Page, sample: Sample) -> bool:
    return any(
        link.get("href") in sample.ours[: len(language.WAYS_OUT)] and not is_hidden(link) and _is_seen(link)
        for link in page.elements("a", "area")
    )


def _is_seen(link: object) -> bool:
    words = visible("".join(link.itertext()))  # type: ignore[attr-defined]
    return bool(words) or link.find(".//img") is not None  # type: ignore[attr-defined]


def _is_written(sample: Sample) -> bool:
    """Of a message that could be rendered for nobody: whether its source has such a link at all."""
    links = (link.get("href") or "" for link in sample.source.elements("a"))
    return bool(_named(sample)) and any(OPAQUE in href for href in links)


def _named(sample: Sample) -> set[str]:
    return {name for name in language.WAYS_OUT if name in sample.html}


def _seen(sample: Sample) -> frozenset[str]:
    """Of everybody's message, whoever they are: the people that it was rendered for are but some."""
    try:
        return language.seen(sample.html)
    except language.Mistaken:  # where it is saved that is told
        return frozenset(language.WAYS_OUT)
