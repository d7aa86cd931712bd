"""Five hundred hostile customers, looked at in a browser: nothing of them runs, leads away, or is read twice."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, Route, sync_playwright

from campaigns.models import Customer, Template
from delivery.showing import panes, people, templates
from tenants.models import Retailer
from tests import chromium
from tests.delivery.hostile_people import NUMBER, hostile

pytestmark = chromium.needed

VALUES = ("first_name", "last_name", "city", "external_id")
PRINTED = "".join(f"{{{{ customer.{name} | default('') }}}}" for name in VALUES)
PAGE_VALUE, COLOUR = "{{ customer.attributes.page }}", "{{ customer.attributes.colour | default('red') }}"
HTML = f"""<!doctype html><html><head><title>{PRINTED}</title><style>p {{ color: #123 }}</style></head><body>
<p id="said" title="{PRINTED}" style="color:{COLOUR}">{PRINTED}</p>
<a href="{PAGE_VALUE}">a</a><a href='https://acme.example/?who={{{{ customer.external_id }}}}'>b</a>
<img src="{PAGE_VALUE}" alt='{PRINTED}'></body></html>"""
TEMPLATE = Template(key="t", name="T", subject=f"Hello {PRINTED}", html=HTML, text=f"Hello {PRINTED}")
# A page of ours around the frame, with the console's policy about scripts left out: the frame must hold by itself.
AROUND = "<!doctype html><title>around</title><iframe sandbox id=frame style='width:600px;height:400px'></iframe>"
# What a script that got through would ring, whatever piece of the corpus brought it in.
ALARM = """
window.rang = [];
for (const name of ["alert", "confirm", "prompt", "open", "print"]) window[name] = () => window.rang.push(name);
"""
SHOW = """copy => new Promise(done => {
  const frame = document.getElementById("frame");
  frame.onload = () => done();
  frame.srcdoc = copy;
})"""
RANG = "() => window.rang ?? []"
READ = """() => ({
  said: [...document.querySelectorAll("#said")].map(element => element.textContent),
  foreign: document.querySelectorAll("script, svg, iframe, base, form, object").length,
  isQuiet: [...document.querySelectorAll("*")].every(
    element => element.getAttributeNames().every(name => !name.startsWith("on"))),
  rang: window.rang ?? [],
})"""
AWAY = "https://e.example/"
OF_A_TEMPLATE = f"""<html><body onload="alert(2)"><script>top.rang.push(1);parent.rang.push(1);alert(1)</script>
<form action="{AWAY}"><button>x</button></form><p id="said">Hi</p><img src="x" onerror="top.rang.push(1)">
<meta http-equiv="refresh" content="0;url={AWAY}"></body></html>"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # playwright keeps an event loop in this thread
    with sync_playwright() as playwright:
        opened = chromium.launched(playwright)
        yield opened
        opened.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")
    if before is not None:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture
def watched(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A page, and everything that happened in it which must not: dialogs, new windows, ways elsewhere, requests."""
    context = browser.new_context()
    context.add_init_script(ALARM)
    page, happened = context.new_page(), list[str]()

    def refuse(route: Route) -> None:
        asked = route.request
        if asked.is_navigation_request() or asked.resource_type != "image":
            happened.append(f"{asked.resource_type} {asked.url}")
        route.abort()

    def dismiss(dialog: Dialog) -> None:
        happened.append(f"dialog {dialog.message}")
        dialog.dismiss()

    context.route("**/*", refuse)
    page.on("dialog", dismiss)
    page.on("popup", lambda popup: happened.append(f"popup {popup.url}"))
    page.set_content(AROUND)
    yield page, happened
    context.close()


def test_nothing_of_a_hostile_customer_runs_in_any_copy(at_acme: Retailer, watched: tuple[Page, list[str]]) -> None:
    page, happened = watched
    shown, problems = 0, Counter[str]()
    for number in range(NUMBER):
        said = hostile(number)
        pane = templates.pane(TEMPLATE, Customer(**_unsaved(said)), {})
        if pane.problem:
            problems[pane.problem] += 1
            continue
        for copy in (pane.light, pane.dark, panes.copies.outlined(pane.light))[: 3 if number % 10 == 0 else 1]:
            look(page, copy)
        said_as_it_is = "".join(as_a_page_holds(said[name]) for name in VALUES)  # not rendered again
        read = page.frames[1].evaluate(READ)
        assert read == {"said": [said_as_it_is], "foreign": 0, "isQuiet": True, "rang": []}, said
        shown += 1
    assert (shown, problems) == (NUMBER - 3, {"no value for a variable without a default": 3})
    assert page.evaluate("window.rang") == []
    assert happened == []


def test_a_script_of_the_template_itself_does_not_run_either(
    at_acme: Retailer, watched: tuple[Page, list[str]]
) -> None:
    page, happened = watched
    look(page, panes.copies.light(OF_A_TEMPLATE))
    page.frames[1].locator("button").click()
    page.wait_for_timeout(200)
    assert page.frames[1].locator("#said").text_content() == "Hi"
    assert page.frames[1].evaluate(RANG) == []
    assert page.evaluate("window.rang") == []
    assert happened == []


def test_the_alarm_rings_where_there_is_no_wall(watched: tuple[Page, list[str]]) -> None:
    """Else the others would prove nothing."""
    page, _ = watched
    page.set_content(AROUND.replace(" sandbox", ""))
    look(page, OF_A_TEMPLATE.replace("refresh", "none"))
    page.frames[1].wait_for_function("window.rang.includes('alert')")
    page.wait_for_function("window.rang.length")  # by way of its parent


def test_a_frame_that_is_led_away_is_noted(watched: tuple[Page, list[str]]) -> None:
    """Else that nothing happened would prove nothing."""
    page, happened = watched
    look(page, f'<a href="{AWAY}">x</a>')
    with page.expect_event("requestfailed"):  # refused, and by then noted: the request itself is told of before that
        page.frames[1].locator("a").click()
    assert happened == [f"document {AWAY}"]


def look(page: Page, copy: str) -> None:
    page.evaluate(SHOW, copy)


def as_a_page_holds(text: str) -> str:
    """As HTML keeps a text: a page has no NUL and no carriage return."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _unsaved(said: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(people.made_up(said), name) for name in (*VALUES, "locale", "attributes")}
