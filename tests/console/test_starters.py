"""The starters in a real browser: readable at both widths, by day and by night, with a footer that is seen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page, sync_playwright

from campaigns import blueprints, layering, publishing
from campaigns.ascode import base_files
from campaigns.config.template import BASE
from campaigns.forms import starters
from delivery.rendering import Content, Rendered, Renderer
from marketing.demo import banners
from tests import chromium

PERSON: dict[str, Any] = {
    "customer": {
        "external_id": "c-1", "email": "ana@example.test", "first_name": "Ana", "last_name": "Novak", "city": "Denver",
        "country": "US", "locale": "en-US", "timezone": "UTC",
        "attributes": {"tier": "gold", "pet": "Biscuit", "loyalty_points": 320, "member_since": 2019,
                       "favourite_category": "poetry"},
    },
    "retailer": {"slug": "acme", "name": "Acme", "timezone": "UTC"},
    "campaign": {"key": "letter", "name": "Letter"},
    "unsubscribe_url": "https://acme.example/u/1",
    "preferences_url": "https://acme.example/p/1",
    "products": [
        {"sku": "1", "name": "Walnut loaf", "url": "https://acme.example/1", "image_url": "https://acme.example/1.png",
         "price": 4.9, "currency": "EUR", "category": "Bread"},
        {"sku": "2", "name": "A very long name for a jar of honey from the hills behind the town", "url": "",
         "price": 12, "image_url": "", "currency": "EUR", "category": "Pantry and everything that keeps"},
    ],
}  # fmt: skip
SAMPLES: dict[str, dict[str, str]] = yaml.safe_load("""
newsletter:
  headline: What we learned from a wet summer
  issue: The letter, October
  body: Three things this month, each a few minutes long.
  story_1: How to keep bread for a week
  story_1_text: A linen bag, a cool shelf and the one mistake that nearly everybody makes.
  story_1_path: /bread
  story_2: The orchard after the storm
  story_2_text: Half of the trees stand. We went and asked what that means for the cider.
  story_2_path: /orchard
  story_3: Opening hours in November
  story_3_text: We close at six, and on the first Sunday we do not open at all.
  story_3_path: /hours
  button: Come and have a look
  url: /
back-in-stock:
  headline: It is back
  image: https://acme.example/pan.png
  image_alt: A black pan
  body: You asked us to tell you. This morning the van came, and there are enough for a few days.
  product: Cast-iron pan, 28 cm
  product_note: Seasoned by hand, for every stove
  price: €64.00
  button: Take one
  url: /pan
  small_print: We write once. If you have changed your mind there is nothing to do.
receipt:
  headline: We are packing it
  order_number: "20481"
  ordered_on: 14 October
  body: this is what we have written down. If something is wrong, just answer this mail today.
  line_1: Walnut loaf
  line_1_note: 2 pieces
  line_1_price: €9.80
  line_2: Cast-iron pan, 28 cm
  line_2_price: €64.00
  total: €73.80
  delivery_title: On its way by Thursday
  delivery: To the address of your last order. The driver rings twice.
  button: See your order
  url: /orders
""")
WIDTHS = (1440, 390)  # pixels
LOOK = """() => {
  const channel = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = rgb => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
  const read = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = read(getComputedStyle(at).backgroundColor);
      if (colour.length && colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const pale = [];
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = words.nextNode());) {
    const element = node.parentElement, text = node.textContent.trim();
    if (!text || !element.getClientRects().length || ['STYLE', 'SCRIPT'].includes(element.tagName)) continue;
    const [one, other] = [light(read(getComputedStyle(element).color)), light(ground(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) pale.push(`${contrast.toFixed(1)}: ${text.slice(0, 40)}`);
  }
  const link = [...document.links].find(each => each.href === 'https://acme.example/u/1');
  const box = link.getBoundingClientRect();
  return {
    scrolls: document.documentElement.scrollWidth > innerWidth,
    isUnsubscribeSeen:
      box.width > 20 && box.height > 8 && box.left >= 0 && box.right <= innerWidth && link.checkVisibility(),
    isNameless: [...document.images].filter(each => !each.alt.trim()).length,
    pale,
  };
}"""

pytestmark = chromium.needed


@cache
def contents() -> dict[str, tuple[dict[str, str], dict[str, Any]]]:
    """What each starter is shown with: a brand, and the words of the blueprint or banner that it is made for."""
    shown = {key: (banners.banners(1)[0].brand, words) for key, words in SAMPLES.items()}
    for banner in banners.banners(6):
        variants = banner.campaign["steps"][0]["variants"]
        shown[banner.template["key"]] = (banner.brand, variants[0]["content"])
    for number, blueprint in enumerate(blueprints.catalogue()):
        brand = banners.banners(6)[number % 6].brand
        starter = {seed.key: seed.starter for seed in blueprint.templates}
        for step in blueprint.campaign["steps"]:
            shown[starter[step["template"]]] = (brand, step["variants"][0]["content"])
    return shown


def rendered(key: str, logo_url: str = "") -> Rendered:
    brand, words = contents()[key]
    begun = starters.initial(key)
    html, problems = publishing.html(begun["html"], begun["source_format"])
    assert problems == []
    shown = {"postal_address": "12 Mill Lane, Bath", "logo_url": "", **brand} | (
        {"logo_url": logo_url} if logo_url else {}
    )
    return Renderer(Content(begun["subject"], html, begun["text"])).render(
        PERSON | {"brand": shown, "content": {"url": "/", **words}}
    )


@pytest.fixture(scope="module")
def pages() -> Iterator[dict[tuple[int, str], Page]]:
    """A page by width and scheme. Nothing is fetched: every picture shows its words."""
    with sync_playwright() as playwright:
        browser = chromium.launched(playwright)
        opened = {
            (width, "light"): browser.new_page(viewport={"width": width, "height": 900}, color_scheme="light")
            for width in WIDTHS
        } | {
            (width, "dark"): browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark")
            for width in WIDTHS
        }  # fmt: skip
        for page in opened.values():
            page.route("**/*", lambda route: route.abort())
        yield opened
        browser.close()


def test_every_starter_has_words_to_be_seen_with() -> None:
    assert set(contents()) == {key for key, _ in starters.names()}


@pytest.mark.parametrize("key", [key for key, _ in starters.names()])
def test_a_starter_can_be_read_at_both_widths_by_day_and_by_night(key: str, pages: dict[Any, Page]) -> None:
    html = {"light": rendered(key).html, "dark": rendered(key, "https://acme.example/logo.png").html}
    for (width, scheme), page in pages.items():
        page.set_content(html[scheme], wait_until="domcontentloaded")
        seen = page.evaluate(LOOK)
        assert seen == {"scrolls": False, "isUnsubscribeSeen": True, "isNameless": 0, "pale": []}, (width, scheme)


def test_the_base_that_is_shipped_can_be_read_as_it_is(pages: dict[Any, Page]) -> None:
    html = base_html()
    for (width, scheme), page in pages.items():
        page.set_content(html, wait_until="domcontentloaded")
        seen = page.evaluate(LOOK)
        assert seen == {"scrolls": False, "isUnsubscribeSeen": True, "isNameless": 0, "pale": []}, (width, scheme)


def base_html() -> str:
    """The standard base with a picture, filled by nobody else."""
    files = {ending: (base_files.SHIPPED / f"standard.{ending}").read_text() for ending in ("yaml", "mjml", "txt")}
    described = {name: value for name, value in yaml.safe_load(files["yaml"]).items() if name not in ("key", "name")}
    base, problems = layering.compile_base(
        BASE.validate_python(described | {"html": files["mjml"], "text": files["txt"], "source_format": "mjml"})
    )
    assert problems == []
    picture = {"url": "https://acme.example/hero.png", "alt": "A street market in the morning"}
    made = layering.resolve(base, [layering.Fill("this", slots={"hero": picture})])
    brand = {"postal_address": "12 Mill Lane, Bath", "logo_url": "", **banners.banners(1)[0].brand}
    shown = Renderer(Content(made.subject, made.html, made.text)).render(
        PERSON | {"brand": brand, "content": made.content}
    )
    assert "Unsubscribe: https://acme.example/u/1" in shown.text
    return shown.html
