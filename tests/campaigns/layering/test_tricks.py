"""A locked footer in a real browser: whatever a layer below writes, it is seen, and nothing lies over it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Error, Page, sync_playwright

from campaigns import layering
from campaigns.config.template import BASE
from campaigns.layering import Fill
from tests import chromium
from tests.campaigns.layering.tricks import TRICKS

HTML = """<!doctype html><html><body style="margin:0;background:#ffffff"><table width="100%"><tr><td><div>
{% block hero %}{% endblock %}<div>{{ content.story }}</div><p>{{ content.headline }}</p>
</div></td></tr></table>
{% locked footer %}
<div id="footer" style="padding:12px;color:#222222">Acme, 1 Main Street <a href="#">Unsubscribe</a></div>
{% endlocked %}</body></html>"""
LED_AWAY = re.compile("Execution context was destroyed|navigati")
SLOTS = {"headline": {"type": "text", "max": 2000}, "story": {"type": "rich_text", "max": 20_000}}
TALLEST = 30_000  # pixels that may lie above the footer
SEEN = """(tallest) => {
    const footer = document.querySelector("#footer");
    if (!footer) return "it is not there";
    footer.scrollIntoView();
    const link = footer.querySelector("a"), style = getComputedStyle(footer);
    if (!link) return "its link is gone";
    const box = link.getBoundingClientRect();
    if (!box.width || !box.height) return "it has no size";
    if (style.display === "none" || style.visibility !== "visible" || style.opacity !== "1") return "it is hidden";
    const top = footer.offsetTop;
    if (top > tallest) return `it is pushed down to ${top}`;
    if (box.left < 0 || box.right > innerWidth) return "it lies beside the page";
    const over = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    if (!footer.contains(over)) return `${over && over.outerHTML.slice(0, 80)} lies over it`;
    if (!footer.innerText.includes("1 Main Street")) return "its words are gone";
    for (let up = footer.parentElement; up; up = up.parentElement)
        if (getComputedStyle(up).opacity !== "1") return "what it stands in is hidden";
    return "";
}"""


pytestmark = chromium.needed


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = chromium.launched(playwright)
        yield browser.new_page(viewport={"width": 390, "height": 844}, java_script_enabled=True)
        browser.close()


def test_a_locked_footer_is_seen_whatever_is_written_above_it(page: Page) -> None:
    base, problems = layering.compile_base(
        BASE.validate_python({"source_format": "html", "html": HTML, "slots": SLOTS})
    )
    assert not problems
    hidden: dict[str, str] = {}
    for trick in TRICKS:
        for where, fill in _ways(trick).items():
            page.set_content(layering.resolve(base, [fill]).html, wait_until="commit")
            if told := page.evaluate(SEEN, TALLEST):
                hidden[f"{trick[:80]} as {where}"] = told
    assert not hidden


def test_the_tricks_hide_a_footer_where_nobody_stands_in_their_way(page: Page) -> None:
    """Else what is seen above would prove nothing."""
    before, _, after = HTML.partition("{% block hero %}{% endblock %}")
    tail = after.replace("{% locked footer %}", "").replace("{% endlocked %}", "").replace("{{ content.story }}", "")
    hidden = 0
    for trick in TRICKS:
        try:
            page.set_content(before + trick + tail.replace("{{ content.headline }}", ""), wait_until="commit")
            hidden += bool(page.evaluate(SEEN, TALLEST))
        except Error as error:
            if not LED_AWAY.search(error.message):
                raise
            hidden += 1
    assert hidden >= 36  # 38 of them in the browser of today


def _ways(trick: str) -> dict[str, Fill]:
    def fill(**said: Any) -> Fill:
        return Fill("this template", **said)

    return {
        "a block": fill(blocks={"hero": trick}),
        "rich text": fill(slots={"story": trick}),
        "text": fill(slots={"headline": trick}),
        "all": fill(blocks={"hero": trick}, slots={"story": trick, "headline": trick}),
    }
