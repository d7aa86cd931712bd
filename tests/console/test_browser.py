"""The console in a real browser: what its scripts do, under the content security policy."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from playwright.sync_api import Page, expect, sync_playwright

from campaigns.importing import jobs
from campaigns.models import Customer, Facts, Import, Segment, Template
from tenants import context, provisioning
from tenants.accounts.models import User
from tenants.models import BaseTemplate, Retailer
from tests import chromium, factories, processes
from tests.benchmarks.sink import SinkProcess

PEOPLE = 900

pytestmark = chromium.needed


@pytest.fixture
def sink() -> Iterator[SinkProcess]:
    with SinkProcess() as started:
        yield started


@pytest.fixture
def console(live_retailer: Retailer, sink: SinkProcess) -> Iterator[str]:
    """The address of the retailer's site, served by a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
    env = processes.environment(EMAIL_URL=sink.url)
    process = subprocess.Popen(command, cwd=processes.PROJECT, env=env, start_new_session=True)
    try:
        _wait_until_listening(port, process)
        yield f"http://{live_retailer.slug}.localhost:{port}"
    finally:
        processes.kill(process)


def _wait_until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with socket.socket() as attempt:
            attempt.settimeout(0.2)
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)
    pytest.fail("the web server did not start")


@pytest.fixture
def page(console: str, live_retailer: Retailer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A signed-in browser's page. Anything that it reports as an error fails the test."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # playwright keeps an event loop in this thread
    with context.in_retailer(live_retailer):
        user = User.objects.get(email=f"admin@{live_retailer.slug}.example")
        login = provisioning.login_url(live_retailer, user).split("/login/")[1]
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = chromium.launched(playwright)
        opened = browser.new_page(viewport={"width": 1280, "height": 900}, base_url=console)
        opened.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.goto(f"/login/{login}")
        yield opened
        browser.close()
        connection.close()  # beside a running event loop Django keeps a connection of its own
    assert errors == []


def test_marketer_works_in_a_browser(live_retailer: Retailer, sink: SinkProcess, page: Page, tmp_path: Path) -> None:
    """One story, because a server, a browser and a retailer take seconds to start."""
    with context.in_retailer(live_retailer):
        factories.customers(PEOPLE)
        factories.customers(100, first=PEOPLE + 1, city="York")
        factories.customers(5, first=PEOPLE + 101, city="Bath", attributes={"vip": True}, consent_email=False)
    build_nested_segment(page)
    with context.in_retailer(live_retailer):
        rule = Segment.objects.get(key="nested").rule
        Segment.objects.all().delete()
        Customer.objects.filter(city="Bath").delete()
        Facts.objects.filter(city="Bath").delete()
    vip = {"attribute": "vip", "eq": True}
    assert rule == {"all": [{"any": [{"attribute": "city", "in": ["York", "Hull"]}, vip]}, {"sample": 1.0}]}
    build_segment(page)
    write_template(page)
    with context.in_retailer(live_retailer):
        segment, rule = Segment.objects.values_list("pk", "rule").get(key="people-of-leeds")
        campaign = factories.campaign(audience={"include": {"segment": "people-of-leeds"}})
    assert rule == {"all": [{"attribute": "city", "eq": "Leeds"}, {"consent": {"channel": "email"}}]}
    launch_and_watch(page, f"/admin/campaigns/campaign/{campaign.pk}", processes.environment(EMAIL_URL=sink.url))
    assert sink.count() == PEOPLE
    import_customers(page, tmp_path / "people.csv", processes.environment(EMAIL_URL=sink.url))
    with context.in_retailer(live_retailer):
        job = Import.objects.get()
        assert (job.state, job.rows, Customer.objects.filter(country="GB").count()) == ("done", 301, 300)
        jobs.remove(job)
    for path in (
        "/admin/campaigns/import/add/",
        "/admin/",
        f"/admin/campaigns/segment/{segment}/change/",
        f"/admin/campaigns/campaign/{campaign.pk}/change/",
    ):
        assert width_on_a_phone(page, path) <= 390, path


def build_segment(page: Page) -> None:
    """The count follows every change; only the fields of the chosen kind of condition show."""
    page.goto("/admin/campaigns/segment/add/")
    count = page.locator("[data-rule-count]")
    expect(count).to_have_text(f"{PEOPLE + 100:,}")
    page.locator("#id_name").press_sequentially("People of Leeds")
    expect(page.locator("#id_key")).to_have_value("people-of-leeds")
    page.fill("[name$=-field]", "city")
    page.fill("[name='rule-0-0-value']", "Leeds")
    expect(count).to_have_text(f"{PEOPLE}")
    page.click("[data-group='0'] > .c-rule-add >> text=Condition")
    row = page.locator("[data-row]").nth(1)
    row.locator("select.c-kind").select_option("consent")
    expect(row.locator("[data-panel=consent]")).to_be_visible()
    expect(row.locator("[data-panel=attribute]")).to_be_hidden()
    row.locator("[data-panel=consent] [name$=-has]").select_option("has_not")
    expect(count).to_have_text("0")
    row.locator("[data-panel=consent] [name$=-has]").select_option("has")
    expect(count).to_have_text(f"{PEOPLE}")
    page.click("[name=_save]")
    expect(page.locator("[data-count-from]")).to_have_text(f"{PEOPLE}")


def build_nested_segment(page: Page) -> None:
    """A group in a group, by mouse and by keyboard: wrapped, copied, moved, with a list of values and a typed one."""
    page.goto("/admin/campaigns/segment/add/")
    count, said = page.locator("[data-rule-count]"), page.locator("[data-rule-said]")
    page.locator("#id_name").press_sequentially("Nested")
    rows = page.locator("[data-row]")
    page.fill("[name$=-field]", "city")
    first, second = (rows.nth(n).locator("[data-panel=attribute] > [data-comparison]") for n in (0, 1))
    first.locator("[data-op]").select_option("in")
    entry = first.locator("[data-entry]")
    entry.fill("York")
    entry.press("Enter")
    expect(count).to_have_text("100")
    entry.press_sequentially("Hull, X,")
    expect(first.get_by_role("button")).to_have_count(3)
    entry.press("Backspace")
    expect(first.locator("[data-value]").first).to_have_value("York, Hull")
    rows.first.locator("[data-menu] > summary").click()
    rows.first.locator("[data-do=wrap]").click()
    expect(said).to_have_text("Put into a group of its own.")
    rows.first.locator("[data-menu] > summary").press("Enter")
    rows.first.locator("[data-do=copy]").press("Enter")
    expect(rows).to_have_count(2)
    second.locator("[data-op]").select_option("eq")
    rows.nth(1).locator("[data-field]").fill("vip")
    second.locator("[data-made]").first.select_option("true")
    expect(count).to_have_text("105")
    page.click("[data-group='0'] > .c-rule-add >> text=Condition")
    third = rows.nth(2)
    third.locator("select.c-kind").select_option("sample")
    third.locator("[name$=-percent]").fill("x")
    third.locator("[name$=-percent]").blur()
    expect(third.locator(".c-error")).to_have_text("Write the share as a number: “x” is none.")
    third.locator("[name$=-percent]").fill("100")
    expect(third.locator(".c-error")).to_have_count(0)
    third.locator("[name$=-percent]").press("Alt+ArrowUp")
    expect(page.locator("[data-group] [data-group] [data-row]")).to_have_count(3)
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator("[data-group] [data-group] [data-row]")).to_have_count(2)
    expect(count).to_have_text("105")
    expect(page.locator("[data-rule-channels] caption")).to_have_text(["By e-mail", "By SMS"])
    expect(page.locator("[data-rule-sample] a").first).to_have_attribute("href", re.compile("/campaigns/customer/"))
    page.click("[name=_save]")
    expect(page.locator("#result_list")).to_contain_text("Nested")


def write_template(page: Page) -> None:
    """The preview follows the writing, says what is wrong, and stands in a frame without rights."""
    page.goto("/admin/campaigns/template/add/")
    page.fill("#id_subject", "Hello {{ customer.first_name }}")
    page.fill("#id_html", "<p>Dear {{ customer.frist_name }}</p>")
    expect(page.locator("[data-preview-problems]")).to_contain_text("customer.frist_name is unknown")
    page.fill("#id_html", "<p>Dear {{ customer.first_name }}</p>")
    expect(page.frame_locator("[data-preview] iframe").locator("p")).to_have_text("Dear Ana")
    expect(page.locator("[data-preview-subject]")).to_have_text("Hello Ana")
    assert page.locator("[data-preview] iframe").get_attribute("sandbox") == ""
    page.click("text=What you can insert")
    page.click("[data-insert='{{ unsubscribe_url }}']")
    expect(page.locator("#id_html")).to_have_value("<p>Dear {{ customer.first_name }}</p>{{ unsubscribe_url }}")


HOSTILE = (
    "<script>parent.ran = window.ran = 1</script>",
    "<img src=x onerror='parent.ran = 1'>",
    '" onmouseover="parent.ran = 1" autofocus onfocus="parent.ran = 1',
    "<svg/onload=parent.ran=1>", "</title></style><script>top.ran = 1</script>",
    "{{ 7 * 7 }}", "<iframe srcdoc='<script>top.ran = 1</script>'>",
)  # fmt: skip


def test_nothing_of_a_customer_or_a_template_runs_in_the_preview(live_retailer: Retailer, page: Page) -> None:
    """Neither what customers are called, nor a script that a template brings along."""
    with context.in_retailer(live_retailer):
        about = {"about": "".join(HOSTILE)}
        factories.customers(1, first_name=HOSTILE[0], city="javascript:parent.ran=1", attributes=about)
    page.goto("/admin/campaigns/template/add/")
    page.fill("#id_subject", "{{ customer.first_name }}")
    value = "{{ customer.attributes.about }}"
    markup = f'<p id="it" title="{value}">{value}</p><a href="{{{{ customer.city }}}}">go</a>'
    page.fill("#id_html", markup)
    shown = page.frame_locator("[data-preview] iframe")
    expect(shown.locator("#it")).to_contain_text("{{ 7 * 7 }}")
    expect(shown.locator("#it")).to_contain_text("<script>")
    expect(shown.locator("a")).to_have_attribute("href", "#")
    assert shown.locator("script, svg, iframe, img").count() == 0
    assert page.locator("[data-preview] iframe").get_attribute("sandbox") == ""
    assert page.evaluate("window.ran") is None


def test_a_template_of_another_platform_is_pasted_and_converted(page: Page) -> None:
    page.goto("/admin/campaigns/template/add/")
    page.click("text=Paste from another platform")
    page.fill("[data-convert-source]", "<p>Hi {{${first_name} | default: 'you'}}</p>\n{{ event.item }}")
    page.click("[data-convert-go]")
    expect(page.locator("[data-convert-problems]")).to_contain_text(
        "line 2: the variable event.item has no counterpart"
    )
    expect(page.locator("#id_html")).to_have_value(
        '<p>Hi {{ customer.first_name | default("you") }}</p>\n{{ event.item }}'
    )
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_base_is_filled(live_retailer: Retailer, page: Page) -> None:
    """Counted as it is typed, shown as it will be, marked where it differs, and taken back by a button."""
    with context.in_retailer(live_retailer):
        factories.base("browsed")
        factories.customers(1)
    try:
        page.goto("/admin/campaigns/template/add/?base=browsed")
        shown, slot = page.frame_locator("[data-preview] iframe"), page.locator("[data-fill-slot=text]").first
        expect(shown.locator("h1")).to_have_text("Hello Ana")
        slot.locator("[data-fill-input]").fill("For {{ customer.city }}")
        expect(shown.locator("h1")).to_have_text("For Leeds")
        expect(slot.locator("[data-fill-count]")).to_have_text("12 of 60")
        expect(slot.locator("[data-fill-from]")).to_have_text("yours")
        page.get_by_label("What differs").check(force=True)
        expect(shown.locator("[data-says=Headline]")).to_have_text("For Leeds")
        expect(page.locator("[data-pane-differs]")).to_contain_text("the base Browsed")
        page.select_option("[data-fill-language]", "de")
        page.fill("[name='fill.de.slot.headline']", "Hallo")
        page.select_option("[name=in]", "de")
        expect(shown.locator("h1")).to_have_text("Hallo")
        slot.locator("[data-fill-reset]").click()
        expect(slot.locator("[data-fill-from]")).to_have_text("the base Browsed")
        rich = page.locator("[data-fill-slot=rich_text]").first
        rich.locator("textarea").fill("News")
        rich.locator("textarea").select_text()
        rich.locator("[data-mark=b]").click()
        expect(rich.locator("textarea")).to_have_value("<b>News</b>")
        page.fill("#id_name", "Letter")
        page.click("[name=_save]")
        with context.in_retailer(live_retailer):
            said = Template.objects.get(key="letter")
        assert (said.slots, said.translations) == ({"story": "<b>News</b>"}, {"de": {"slots": {"headline": "Hallo"}}})
    finally:
        BaseTemplate.objects.filter(key="browsed").update(live=None)
        BaseTemplate.objects.filter(key="browsed").delete()


def launch_and_watch(page: Page, campaign: str, env: dict[str, str]) -> None:
    """The numbers move without loading the page again."""
    page.goto(f"{campaign}/launch/")
    page.click(f"text=Launch to {PEOPLE} people")
    state, numbers = page.locator(".c-badge").first, page.locator("[data-region=numbers]")
    expect(state).to_have_text("planned")
    page.evaluate("window.isTheSamePage = true")
    with processes.worker(env):
        expect(state).to_have_text("completed", timeout=30_000)
    expect(numbers).to_contain_text(f"{PEOPLE} settled, 0 waiting")
    expect(numbers).to_contain_text(f"It balances: {PEOPLE} candidates = {PEOPLE} included + 0 excluded")
    assert page.evaluate("window.isTheSamePage")


def import_customers(page: Page, file: Path, env: dict[str, str]) -> None:
    """The file is sent by script, its columns and preview are pages, and the numbers move by themselves."""
    rows = "".join(f"n{n};n{n}@example.test;Hull\n" for n in range(300))
    file.write_text(f"Customer No;Mail;Town\n{rows}n300;nonsense;Hull\n")
    page.goto("/admin/campaigns/import/add/")
    page.set_input_files("[name=file]", file)
    page.click("[data-upload-button]")
    expect(page.locator("[name=column-1]")).to_have_value("email")
    page.fill("[name=constant-country]", "GB")
    page.click("#mapping >> text=Preview")
    expect(page.locator(".c-kpis")).to_contain_text("300")
    page.click("text=Start the import")
    state = page.locator(".c-badge").first
    expect(state).to_have_text("waiting for its turn")
    page.evaluate("window.isTheSamePage = true")
    with processes.worker(env):
        expect(state).to_have_text("done", timeout=30_000)
    assert page.evaluate("window.isTheSamePage")
    with page.expect_download() as download:
        page.click("text=Download rejected rows")
    assert "n300,nonsense,Hull" in download.value.path().read_text(encoding="utf-8-sig")


def width_on_a_phone(page: Page, path: str) -> int:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(path)
    return int(page.evaluate("document.documentElement.scrollWidth"))
