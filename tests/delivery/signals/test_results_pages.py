"""What marketers see of results: every number on a page and in a file is what the rows themselves say."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from campaigns import configuration
from campaigns.models import Customer, Member, Result, Run
from delivery import exports, identity, results, tallies
from delivery.models import Message
from delivery.results import Numbers
from delivery.views.run_results import chart
from tenants import context
from tenants.accounts.models import Role
from tenants.models import Retailer
from tests import factories
from tests.console.people import colleague
from tests.delivery.signals.test_results import GROUPS, SHOWN, ask

FORMULAS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"  # what may begin one, in some spreadsheet
MOST_QUERIES = 15  # of a page, those that choose the retailer's schema among them


@pytest.fixture
def run(run: Run) -> Run:
    """The same, counted."""
    tallies.count(run, now=timezone.now())
    return run


@pytest.fixture
def browser(acme: Retailer, marketer: Callable[[Retailer], Client]) -> Client:
    return marketer(acme)


def text(page: Any) -> str:
    assert page.status_code == 200, page.status_code
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).split())


def of_rows(run: Run, name: str) -> int:
    return int(
        ask(f"SELECT count(*) FILTER (WHERE {SHOWN[name]}) FROM delivery_message m WHERE m.run_id = %s", run.pk)[0][0]
    )


def table(file: Any) -> list[dict[str, str]]:
    assert file.status_code == 200, file.status_code
    assert file.streaming
    return list(csv.DictReader(io.StringIO(b"".join(file.streaming_content).decode())))


def test_the_funnel_is_what_the_rows_say(run: Run, browser: Client) -> None:
    page = browser.get(f"/admin/campaigns/run/{run.pk}/results/")
    stages = {each["label"]: (each["count"], each["machines"]) for each in page.context["funnel"]}
    ((candidates, included),) = ask(
        "SELECT count(*), count(*) FILTER (WHERE is_included) FROM campaigns_member WHERE run_id = %s", run.pk
    )
    assert stages == {
        "Candidates": (candidates, 0),
        "Included": (included, 0),
        "Sent": (of_rows(run, "taken"), 0),
        "Delivered": (of_rows(run, "delivered"), 0),
        "Opened": (of_rows(run, "opened"), of_rows(run, "opened_by_machine")),
        "Clicked": (of_rows(run, "clicked"), of_rows(run, "clicked_by_machine")),
        "Converted": (of_rows(run, "converted"), 0),
    }
    shown = text(page)
    assert f"and {of_rows(run, 'opened_by_machine')} by machines" in shown
    assert f"Opened and {of_rows(run, 'opened_by_machine')} by machines {of_rows(run, 'opened')}" in shown
    assert f"Unsubscribed {of_rows(run, 'unsubscribed')} " in shown
    assert f"{results.totals(run).revenue['']:,.2f}" in shown


@pytest.mark.parametrize("dimension", list(GROUPS))
def test_a_table_and_its_file_are_what_the_rows_say(run: Run, browser: Client, dimension: str) -> None:
    page = browser.get(f"/admin/campaigns/run/{run.pk}/results/?by={dimension}")
    rows = page.context["rows"]
    assert text(page)
    file = table(browser.get(f"/admin/campaigns/run/{run.pk}/results/{dimension}.csv"))
    for name, condition in SHOWN.items():
        asked = ask(
            f"SELECT count(*) FILTER (WHERE {condition}) FROM delivery_message m JOIN campaigns_customer c"
            f" ON c.id = m.customer_id WHERE m.run_id = %s GROUP BY {GROUPS[dimension]}",
            run.pk,
        )
        told = sorted(count for (count,) in asked)
        assert sorted(each["counts"][name] for each in rows) == told
        assert sorted(int(each[name]) for each in file) == told


def test_the_chart_has_every_hour_in_which_something_was_sent(run: Run, browser: Client) -> None:
    bars = browser.get(f"/admin/campaigns/run/{run.pk}/results/").context["chart"]["bars"]
    asked = ask(
        "SELECT date_trunc('hour', settled_at), count(*) FROM delivery_message WHERE run_id = %s"
        " AND state IN ('accepted', 'delivered', 'bounced') GROUP BY 1 ORDER BY 1",
        run.pk,
    )
    assert [int(re.findall(r": ([\d,]+) sent", each["title"])[0]) for each in bars] == [count for _, count in asked]


def test_an_hour_that_the_clocks_show_twice_is_two_bars() -> None:
    def sent(number: int, day: int, hour: int) -> Numbers:
        counts = dict.fromkeys(results.COUNTS, 0) | {"taken": number}
        return Numbers({"hour": datetime(2026, 10, day, hour, tzinfo=UTC)}, counts, Decimal())

    def bars(*hours: Numbers) -> list[str]:
        shown = chart(hours, ZoneInfo("Europe/London"))
        assert shown is not None
        return [each["title"].partition(" sent")[0] for each in shown["bars"]]

    twice = sent(3, 25, 0), sent(5, 25, 1)
    assert bars(*twice) == ["25 Oct, 01:00: 3", "25 Oct, 01:00: 5"]
    assert bars(sent(1, 20, 0), *twice, sent(7, 25, 23), sent(9, 26, 0)) == [
        "20 Oct 2026: 1", "25 Oct 2026: 15", "26 Oct 2026: 9"
    ]  # fmt: skip


def test_lift_is_told_in_words_and_never_too_soon(run: Run, browser: Client) -> None:
    path = f"/admin/campaigns/run/{run.pk}/results/"
    assert "Too early It counts until" in text(browser.get(path))
    assert tallies.count(run, now=timezone.now())
    Result.objects.update(counts_until=timezone.now(), as_of=timezone.now())
    assert "Not enough data Nothing can be said with fewer than 100 people on each side" in text(browser.get(path))
    Result.objects.update(arms=arms((10_000, 310), (2_500, 40)))
    shown = text(browser.get(path))
    assert re.search(
        r"It brought more 3\.1 % of those reached ordered, and 1\.6 % of those held out: 0\.\d to 2\.\d points more",
        shown,
    )
    assert re.search(r"So many people show a difference of 0\.\d points \(\d+ % relative\) or more", shown)
    Result.objects.update(arms=arms((10_000, 310), (2_500, 78)))
    assert re.search(
        r"No proven difference .* anything from 0\.\d points fewer to 0\.\d points more would fit",
        text(browser.get(path)),
    )
    Result.objects.update(arms=arms((10_000, 310), (1_500, 40)))
    shown = text(browser.get(path))
    assert "The draw is not what was asked for 20 % were to be held out, and 1,500 of 11,500 were (13 %)" in shown
    assert "points more" not in shown


def arms(reached: tuple[int, int], held_out: tuple[int, int]) -> dict[str, Any]:
    sums = dict.fromkeys(("y", "yy", "x", "xx", "xy"), 0.0)
    named = zip(("reached", "held_out"), (reached, held_out), strict=True)
    return {name: {"people": people, "converted": converted, **sums} for name, (people, converted) in named}


def test_clicks_stand_on_the_message_and_in_a_list(at_acme: Retailer, run: Run, browser: Client) -> None:
    page = browser.get(f"/admin/campaigns/run/{run.pk}/results/clicks/?step=first&variant=b")
    ((clicks, by_machine),) = ask(
        "SELECT count(*) FILTER (WHERE human >= 50), count(*) FILTER (WHERE human < 50) FROM delivery_signal s"
        " JOIN delivery_message m ON m.id = s.message_id WHERE s.kind = 'click' AND link = 1 AND m.variant = 'b'"
    )
    first = page.context["heat"].links[0]
    assert (first.number, first.label, first.clicks, first.clicks_by_machine) == (1, "Shop", clicks, by_machine)
    assert sum(each.share for each in page.context["heat"].links) == pytest.approx(1)
    assert f"Shop https://shop.example {first.percent:.1f} % {clicks}" in text(page)
    assert 'sandbox=""' in page.content.decode()


def test_each_link_of_the_message_is_marked_wherever_it_stands(
    at_acme: Retailer, browser: Client, outbox: object
) -> None:
    linked = "<a href='https://shop.example/{{ customer.external_id }}'>For {{ customer.external_id }}</a><a HREF=https://shop.example/b>B</a>"
    factories.customers(1)
    factories.template("linked", html=f"<html><body>{linked}{factories.OUT}</body></html>")
    run = configuration.launch(
        factories.campaign(steps=[{"key": "first", "channel": "email", "template": "linked"}]),
        by="",
        now=timezone.now(),
    )
    shown = browser.get(f"/admin/campaigns/run/{run.pk}/results/clicks/").context["heat"]
    page = shown.page
    assert 'data-heat="0.0 %" data-warmth="0" data-link="1" href=\'https://shop.example/c1\'' in page
    assert 'data-heat="0.0 %" data-warmth="0" data-link="2" HREF=https://shop.example/b' in page
    assert page.count("data-heat=") == 2
    assert [(each.label, each.url) for each in shown.links] == [
        ("For c1", "such as https://shop.example/c1"),
        ("B", "https://shop.example/b"),
    ]


def test_runs_stand_side_by_side_in_any_order(
    at_acme: Retailer, run: Run, browser: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    tallies.count(run, now=timezone.now())
    for number in range(30):
        configuration.launch(factories.campaign(f"later-{number}"), by="", now=timezone.now())
    browser.get("/admin/results/")
    with django_assert_max_num_queries(MOST_QUERIES):
        first = browser.get("/admin/results/")
    assert (len(first.context["rows"]), first.context["page"].paginator.count) == (25, 31)
    assert "not counted yet" in text(first)
    last = browser.get("/admin/results/?page=2").context["rows"][-1]
    assert last["run"].pk == run.pk
    for column in ("opened", "clicked", "revenue", "taken", "complained"):
        with django_assert_max_num_queries(MOST_QUERIES):
            page = browser.get(f"/admin/results/?sort=-{column}")
        top = page.context["rows"][0]
        assert top["run"].pk == run.pk
        assert top["rates"]["opened"] == pytest.approx(100 * of_rows(run, "opened") / of_rows(run, "taken"))
        assert top["rates"]["opened_by_machine"] > 0
    rows = browser.get("/admin/results/?sort=opened&page=2").context["rows"]
    assert rows[-1]["run"].pk == run.pk
    day = (timezone.now() - timedelta(days=2)).astimezone(at_acme.tzinfo).date()
    then = browser.get(f"/admin/results/?since={day - timedelta(days=1)}&until={day}")
    assert [each["run"].pk for each in then.context["rows"]] == [run.pk]
    assert "Since: give a date as 2026-03-14." in text(browser.get("/admin/results/?since=soon&page=x&sort=pk"))


def test_every_message_is_in_the_file_and_no_cell_is_a_formula(
    at_acme: Retailer, run: Run, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_AT_ONCE", 7)
    for number, begin in enumerate(FORMULAS):
        customer = Customer.objects.get(pk=Message.objects.order_by("pk")[number].customer_id)
        Customer.objects.filter(pk=customer.pk).update(external_id=f"{begin}cmd|' /C calc'!A0{number}")
        Message.objects.filter(customer_id=customer.pk).update(reason=f"{begin}SUM(A1)")
    file = table(browser.get(f"/admin/campaigns/run/{run.pk}/results/message.csv"))
    called = identity.public_ids(at_acme)
    assert [each["message"] for each in file] == [
        called(pk) for pk in Message.objects.order_by("pk").values_list("pk", flat=True)
    ]
    assert sum(each["opened"] == "yes" for each in file) == of_rows(run, "opened")
    assert sum(each["clicked_by_machine"] == "yes" for each in file) == of_rows(run, "clicked_by_machine")
    assert all(cell[:1] not in tuple(FORMULAS) for each in file for cell in each.values() if cell)
    assert [each["customer"][:2] for each in file[: len(FORMULAS)]] == [f"'{begin}" for begin in FORMULAS]


def test_links_are_a_file_and_hostile_labels_are_harmless(run: Run, browser: Client) -> None:
    ask("UPDATE delivery_link SET label = '=HYPERLINK(1)' RETURNING id")
    tallies.count(run, now=timezone.now())
    file = table(browser.get(f"/admin/campaigns/run/{run.pk}/results/link.csv"))
    assert {each["label"] for each in file} == {"'=HYPERLINK(1)", ""}
    assert [int(each["clicks"]) for each in file] == [each["clicks"] for each in results.links(run)]


def test_by_api_the_file_is_the_same(acme: Retailer, run: Run, browser: Client, api_key: Callable[..., str]) -> None:
    by_page = table(browser.get(f"/admin/campaigns/run/{run.pk}/results/domain.csv"))
    key = api_key(acme)
    with context.on_platform():
        client = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {key}"})
        asked = client.get("/api/v1/campaigns/welcome/report/csv/?by=domain")
        assert asked["Content-Type"] == "text/csv; charset=utf-8"
        assert table(asked) == by_page
        assert table(client.get(f"/api/v1/campaigns/welcome/report/csv/?by=message&run={run.pk}"))
        refused = client.get("/api/v1/campaigns/welcome/report/csv/?by=colour").json()["errors"]
        assert [each["field"] for each in refused] == ["by"]
        assert client.get("/api/v1/campaigns/welcome/report/csv/?run=999999999").status_code == 404


PATHS = ("results/", "results/clicks/", "results/variant.csv", "results/message.csv")


def test_viewers_may_look_and_strangers_see_nothing(
    at_acme: Retailer, globex: Retailer, run: Run, marketer: Callable[[Retailer], Client]
) -> None:
    viewer = colleague(at_acme, Role.VIEWER)
    for path in PATHS:
        assert viewer.get(f"/admin/campaigns/run/{run.pk}/{path}").status_code == 200, path
        stranger = Client(headers={"host": "acme.localhost"})
        assert stranger.get(f"/admin/campaigns/run/{run.pk}/{path}").status_code == 302, path
        assert viewer.get(f"/admin/campaigns/run/999999999/{path}").status_code == 404, path
    with context.in_retailer(globex):
        neighbour = marketer(globex)
        assert not Run.objects.filter(pk=run.pk).exists()
        for path in PATHS:
            assert neighbour.get(f"/admin/campaigns/run/{run.pk}/{path}").status_code == 404, path
        assert neighbour.get("/admin/results/").context["rows"] == []


@pytest.mark.parametrize(
    "path", ["results/?by=colour", "results/colour.csv", "results/clicks/?variant=z", "results/clicks/?step=z"]
)
def test_what_does_not_exist_is_not_found(run: Run, browser: Client, path: str) -> None:
    assert browser.get(f"/admin/campaigns/run/{run.pk}/{path}").status_code == 404


def test_without_a_goal_or_a_holdout_it_says_what_to_do(at_acme: Retailer, run: Run, browser: Client) -> None:
    Member.objects.filter(run=run, reason="holdout").delete()
    tallies.count(run, now=timezone.now())
    assert "Nobody was held out" in text(browser.get(f"/admin/campaigns/run/{run.pk}/results/"))
    bare = configuration.launch(factories.campaign("bare"), by="", now=timezone.now())
    shown = text(browser.get(f"/admin/campaigns/run/{bare.pk}/results/"))
    assert "The campaign has no goal" in shown
    assert "Nothing was sent yet." in shown
