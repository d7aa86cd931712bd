"""Links of what is sent: numbered once for every language, and for good."""

from __future__ import annotations

from campaigns import editions
from campaigns.config.campaign import Variant
from campaigns.publishing import Link
from tenants.models import Retailer
from tests import factories


def told(links: tuple[Link, ...]) -> list[tuple[int, str, str]]:
    return [(link.number, link.url, link.label) for link in links]


def test_a_link_has_the_same_number_in_every_language(at_acme: Retailer) -> None:
    one = '<a href="https://shop.example/{n}">{n}</a>'
    english = one.format(n="tea") + one.format(n="milk") + one.format(n="tea") + factories.OUT
    german = one.format(n="milk") + one.format(n="sahne") + one.format(n="tea") + factories.OUT
    template = factories.template(html=english, translations={"de": {"html": german, "subject": "Hallo"}})
    published = editions.live(template.key, at_acme)

    plain, translated = editions.links(published), editions.links(published, locale="de-AT")

    tea, milk, cream = (f"https://shop.example/{n}" for n in ("tea", "milk", "sahne"))
    assert told(plain) == [(1, tea, "tea"), (2, milk, "milk"), (3, tea, "tea")]
    assert told(translated) == [(2, milk, "milk"), (4, cream, "sahne"), (1, tea, "tea")]
    assert told(editions.numbered(published)) == [*told(plain), (4, cream, "sahne")]
    html = published.sources(locale="de").html
    assert [html[link.position :].startswith(link.url) for link in translated] == [True, True, True]


def test_links_of_layers_are_those_of_what_each_variant_says(at_acme: Retailer) -> None:
    factories.base()
    german = {"label": "Los", "url": "https://shop.example/{{ customer.city }}"}
    on_base = {"base": "standard", "subject": "", "html": "", "translations": {"de": {"slots": {"action": german}}}}
    published = editions.live(factories.template(**on_base).key, at_acme)
    more = Variant(key="b", content={"story": '<p><a href="https://shop.example/story">More</a></p>'})

    assert told(editions.links(published)) == [(1, "https://shop.example", "Shop")]
    assert told(editions.links(published, locale="de")) == [(2, "https://shop.example/{{ customer.city }}", "Los")]
    assert told(editions.links(published, more)) == [
        (1, "https://shop.example/story", "More"), (2, "https://shop.example", "Shop")
    ]  # fmt: skip


def test_numbers_outlive_an_edit_of_the_base(at_acme: Retailer) -> None:
    factories.base()
    template = factories.template(base="standard", subject="", html="")
    before = editions.live(template.key, at_acme)
    editions.remember(before)
    first = '<a href="https://shop.example/first">First</a>'
    factories.base(html=factories.BASE_HTML.replace("<body>", f"<body>{first}"))

    recalled = editions.recall(template.key, before.content_hash)

    assert recalled is not None
    assert told(editions.links(recalled)) == [(1, "https://shop.example", "Shop")]
    assert len(editions.links(editions.live(template.key, at_acme))) == 2
