"""Every number that is shown of a run is what the rows say, and none is shown that nobody holds against them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Customer, Result, Run, Segment, Tally
from delivery import pipeline, results, tallies
from delivery.channels.memory import MemoryChannel
from delivery.models import Batch, Message
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.delivery.numbers import oracles, reading, rows
from tests.delivery.numbers.oracles import ORACLES, SAID
from tests.delivery.numbers.reading import Places

COLUMNS = ("Sent", "Revenue", *oracles.COLUMNS)
NOT_COUNTED = ("id", "run", "version")  # names of things


@pytest.fixture
def browser(acme: Retailer, marketer: Callable[[Retailer], Client]) -> Client:
    return marketer(acme)


def address(page: str, run: Run) -> str:
    return {
        "run": f"/admin/campaigns/run/{run.pk}/change/",
        "results": f"/admin/campaigns/run/{run.pk}/results/",
        "clicks": f"/admin/campaigns/run/{run.pk}/results/clicks/?step=first&variant=a",
        "comparison": "/admin/results/",
        "overview": "/admin/",
    }[page]


def shown(browser: Client, address: str) -> Places:
    page = browser.get(address)
    assert page.status_code == 200
    return reading.page(page.content.decode())


def counted(found: Places, page: str) -> Places:
    """Without what is said of other things than rows."""
    return {place: numbers for place, numbers in found.items() if not place.startswith(SAID[page])}


@pytest.mark.parametrize("page", list(ORACLES))
def test_a_page_shows_the_numbers_of_the_rows_and_no_others(
    eventful: Run, browser: Client, page: str, subtests: pytest.Subtests
) -> None:
    found, known = counted(shown(browser, address(page, eventful)), page), set[str]()
    for name, oracle in ORACLES[page].items():
        with subtests.test(page=page, number=name):
            expected = oracle(eventful)
            known |= expected.keys()
            assert {place: found.get(place) for place in expected} == expected
            assert expected
    if page == "results":  # its table is held against the rows below
        known |= {place for label in COLUMNS for place in oracles.cells(eventful, "variant", label)}
    assert found.keys() == known


def test_a_table_shows_the_numbers_of_the_rows_by_whatever_it_tells_apart(
    eventful: Run, browser: Client, subtests: pytest.Subtests
) -> None:
    for dimension in rows.DIMENSIONS:
        page = shown(browser, f"{address('results', eventful)}?by={dimension}")
        found = {place: numbers for place, numbers in page.items() if place.startswith("Told apart /")}
        for label in COLUMNS:
            with subtests.test(by=dimension, number=label):
                expected = oracles.cells(eventful, dimension, label)
                assert {place: it for place, it in found.items() if place.endswith(f" / {label}")} == expected
        assert all(place.endswith(tuple(f" / {label}" for label in COLUMNS)) for place in found)


def test_a_file_holds_the_numbers_of_the_rows_by_whatever_it_tells_apart(
    eventful: Run, browser: Client, subtests: pytest.Subtests
) -> None:
    currencies = sorted(rows.revenue(eventful))
    for dimension, columns in rows.DIMENSIONS.items():
        expected: list[list[Any]] = [[*columns, *rows.COUNTS, *(f"revenue_{currency}" for currency in currencies)]]
        for of, condition, params in rows.groups(eventful, dimension):
            amounts = rows.revenue(eventful, condition, params)
            which = [value.isoformat(timespec="seconds") if dimension == "hour" else value for value in of.values()]
            counts = [rows.count(eventful, name, condition, params) for name in rows.COUNTS]
            expected.append([*which, *counts, *(amounts.get(currency, 0) for currency in currencies)])
        with subtests.test(by=dimension):
            assert file(browser, eventful, dimension) == [[str(cell) for cell in row] for row in expected]


def test_the_file_of_links_says_what_the_rows_say(eventful: Run, browser: Client) -> None:
    header, *found = file(browser, eventful, "link")
    expected = oracles.links(eventful)
    assert header == ["step", "variant", "number", "label", "url", "clicks", "messages", "clicks_by_machine"]
    for n, row in enumerate(found):
        told = dict(zip(header, row, strict=True))
        numbers = ("number", "clicks", "messages", "clicks_by_machine")
        assert [int(told[name]) for name in numbers] == [expected[f"results.links.{n}.{name}"] for name in numbers]
    assert len(found) * 4 == len(expected)


def test_the_file_of_messages_says_what_the_rows_say(eventful: Run, browser: Client) -> None:
    header, *found = file(browser, eventful, "message")
    conditions = [rows.COUNTS[name] for name in header[-6:]]
    expected = rows.ask(
        f"SELECT c.external_id, m.step, m.variant, m.state, m.reason, m.attempts, {', '.join(conditions)} {rows.FROM}"
        " WHERE m.run_id = %s ORDER BY m.id",
        eventful.pk,
    )
    assert header == [
        "message", "customer", "step", "variant", "channel", "provider", "state", "reason", "attempts", "due",
        "settled", "opened", "opened_by_machine", "clicked", "clicked_by_machine", "unsubscribed", "complained",
    ]  # fmt: skip
    told = [
        [row[1], row[2], row[3], row[6], row[7], int(row[8]), *(cell == "yes" for cell in row[-6:])] for row in found
    ]
    assert told == [list(row) for row in expected]


def file(browser: Client, run: Run, of: str) -> list[list[str]]:
    answer: Any = browser.get(f"/admin/campaigns/run/{run.pk}/results/{of}.csv")
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))


@pytest.fixture
def report(acme: Retailer, eventful: Run, api_key: Callable[[Retailer], str]) -> dict[str, Any]:
    client = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {api_key(acme)}"})
    with context.on_platform():
        return dict(client.get(f"/api/v1/campaigns/welcome/report/?run={eventful.pk}").json())


def test_an_answer_says_what_the_rows_say_and_nothing_else(eventful: Run, report: dict[str, Any]) -> None:
    expected = oracles.data(eventful)
    found = {place: numbers[0] for place, numbers in reading.data(report).items() if place not in NOT_COUNTED}
    assert found.keys() == expected.keys()
    wrong = {
        place: (found[place], value)
        for place, value in expected.items()
        if Decimal(found[place]) != value and float(found[place]) != pytest.approx(float(value), rel=1e-9)
    }
    assert wrong == {}


def test_lift_in_money_is_of_one_currency_and_says_which(report: dict[str, Any]) -> None:
    told = report["results"]["lift"]
    assert told["currency"] == "GBP"
    assert told["left_out"].keys() == {"EUR", "USD"}
    assert [each["currency"] for each in report["results"]["totals"]["revenue"]] == ["EUR", "GBP", "USD"]


def test_segments_are_those_of_then(eventful: Run) -> None:
    before = results.by(eventful, "segment")
    assert [each.of["segment"] for each in before] == ["", "at-mail", "ones"]
    Customer.objects.filter(email__endswith="@post.example").update(email="moved@mail.example")
    Segment.objects.filter(key="ones").update(rule={"all": []})
    Segment.objects.filter(key="at-mail").delete()
    tallies.count(eventful, now=timezone.now() + timedelta(days=1))
    assert results.by(eventful, "segment") == before


def test_without_a_currency_of_its_own_a_retailer_learns_that_amounts_are_mixed(eventful: Run, browser: Client) -> None:
    rows.ask("UPDATE campaigns_brand SET currency = '' RETURNING id")
    tallies.count(eventful, now=timezone.now())
    page = browser.get(address("results", eventful)).content.decode()
    assert "in several currencies (EUR, GBP, USD and no named one) and so not compared" in page.replace("&#x27;", "'")
    assert "" in results.totals(eventful).revenue


@pytest.fixture
def in_two_batches(eventful: Run) -> Run:
    first = Batch.objects.get(run=eventful)
    second = Batch.objects.create(run=eventful, step="first", number=2, state="done", due_at=first.due_at)
    some = Message.objects.filter(run=eventful).order_by("pk").values_list("pk", flat=True)[::3]
    Message.objects.filter(pk__in=list(some)).update(batch=second)
    return eventful


def told(run: Run) -> list[Any]:
    by = [results.by(run, name) for name in results.DIMENSIONS]
    result = Result.objects.get(run=run)
    return [results.totals(run), *by, results.links(run), result.arms, result.amounts, result.counts_until]


def in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery.tallies.parts.BATCHES", 1)
    monkeypatch.setattr("delivery.tallies.arms.PEOPLE", 100)


def test_counted_in_slices_it_is_the_same(in_two_batches: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = told(in_two_batches)
    in_slices(monkeypatch)
    tallies.count(in_two_batches, now=timezone.now())
    assert told(in_two_batches) == whole
    assert set(Tally.objects.filter(run=in_two_batches).values_list("part", flat=True)) == {0, 1}


def test_whoever_takes_over_goes_on_where_another_left_off(
    in_two_batches: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, begun = told(in_two_batches), timezone.now()
    in_slices(monkeypatch)
    monkeypatch.setattr("delivery.tallies.counting.TURN", 0.0)  # a slice, and somebody else's turn
    turns = 0
    while tallies.advance(in_two_batches.pk, now=begun) == begun:
        turns += 1
    assert turns == 6  # two of messages and one that finds no more, four of people, of which the last ends it
    assert told(in_two_batches) == whole
    assert Result.objects.get(run=in_two_batches).as_of == begun


def test_a_count_from_the_beginning_forgets_one_that_was_under_way(
    in_two_batches: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, begun = told(in_two_batches), timezone.now()
    in_slices(monkeypatch)
    monkeypatch.setattr("delivery.tallies.counting.TURN", 0.0)
    for _ in range(4):
        assert tallies.advance(in_two_batches.pk, now=begun) == begun
    tallies.count(in_two_batches, now=begun + timedelta(seconds=1))
    assert told(in_two_batches) == whole


def test_rules_that_take_too_long_leave_a_run_without_segments(
    at_acme: Retailer, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.customers(3)
    factories.segment("everybody", {"all": []})
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    monkeypatch.setattr("delivery.tallies.counting.belonging.note", lambda *_: rows.ask("SELECT pg_sleep(5)"))
    monkeypatch.setattr("delivery.tallies.counting.NOTING", 0.05)
    pipeline.work(seconds=20)
    tallies.count(run, now=timezone.now())
    assert results.totals(run).counts["messages"] == 3
    assert results.by(run, "segment") == []
