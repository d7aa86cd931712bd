"""A message that takes too long to render fails alone; the time of a batch is nobody's fault."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.utils import timezone

from campaigns import configuration, inspection
from campaigns.models import Run
from delivery import compose, overtime, pace, pipeline, rendering, reports
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from delivery.rendering import Rendered, Renderer
from tenants.models import Retailer
from tests import factories

PEOPLE = 12


@pytest.fixture
def taking(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, float]], None]:
    """Makes the rendering of some customers take so many seconds of processor time."""
    monkeypatch.setattr(overtime, "TICK", 0.1)
    render = Renderer.render

    def take(seconds: dict[str, float]) -> None:
        def slow(renderer: Renderer, context: Mapping[str, Any]) -> Rendered:
            until = time.process_time() + seconds.get(context["customer"]["external_id"], 0)
            while time.process_time() < until:
                pass
            return render(renderer, context)

        monkeypatch.setattr(rendering.Renderer, "render", slow)

    return take


def sent() -> reports.Report:
    factories.customers(PEOPLE)
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=30)
    return reports.report(Run.objects.get(pk=run.pk))


def test_only_the_message_that_takes_too_long_fails_and_says_so(
    at_acme: Retailer, outbox: MemoryChannel, taking: Callable[[dict[str, float]], None]
) -> None:
    taking({"c3": 30.0, "c7": 30.0})
    begun = time.process_time()
    report = sent()
    assert time.process_time() - begun < 20
    assert report.states == {"accepted": PEOPLE - 2, "failed": 2}
    assert report.run.state == Run.State.COMPLETED
    failed = Message.objects.filter(state="failed")
    assert {message.customer.external_id for message in failed} == {"c3", "c7"}
    assert {message.reason for message in failed} == {"render: it takes longer than 0.1 s: write the template simpler"}
    assert len(outbox.sent) == PEOPLE - 2


def test_a_template_that_takes_too_long_for_everybody_stops_after_a_few(
    at_acme: Retailer, outbox: MemoryChannel, taking: Callable[[dict[str, float]], None]
) -> None:
    """What was handed over before is put down, who waits goes on waiting, and a resumed run goes on with them."""
    taking({f"c{n}": 30.0 for n in range(5, PEOPLE + 1)})
    begun = time.process_time()
    report = sent()
    assert time.process_time() - begun < 20
    assert report.run.state == Run.State.PAUSED
    told = "Template 'hello' takes longer than 0.1 s for one message after the other: write it simpler and publish it"
    assert told in report.run.reason
    assert report.states == {"queued": PEOPLE - compose.IN_A_ROW, "failed": compose.IN_A_ROW}
    taking({})
    configuration.resume(report.run)
    pipeline.work(seconds=30)
    assert reports.report(report.run).states == {"accepted": PEOPLE - compose.IN_A_ROW, "failed": compose.IN_A_ROW}
    assert len(outbox.sent) == PEOPLE - compose.IN_A_ROW


def test_who_was_handed_over_before_it_got_slow_is_put_down(
    at_acme: Retailer,
    outbox: MemoryChannel,
    taking: Callable[[dict[str, float]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "size", lambda _: 4)
    taking({f"c{n}": 30.0 for n in range(5, PEOPLE + 1)})
    report = sent()
    assert report.states == {"accepted": 4, "queued": PEOPLE - 7, "failed": 3}
    assert len(outbox.sent) == 4


def test_many_messages_that_each_take_their_time_all_go_out(
    at_acme: Retailer, outbox: MemoryChannel, taking: Callable[[dict[str, float]], None]
) -> None:
    taking({f"c{n}": 0.05 for n in range(1, PEOPLE + 1)})
    assert sent().states == {"accepted": PEOPLE}


def test_nothing_ticks_afterwards_and_what_listened_before_listens_again() -> None:
    before = signal.getsignal(signal.SIGVTALRM)
    with overtime.watched():
        assert signal.getitimer(signal.ITIMER_VIRTUAL)[1] == overtime.TICK
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)
    assert signal.getsignal(signal.SIGVTALRM) == before


def test_another_thread_is_not_watched_and_does_not_fail() -> None:
    def ticking() -> tuple[float, float]:
        with overtime.watched():
            return signal.getitimer(signal.ITIMER_VIRTUAL)

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(ticking).result() == (0, 0)


def test_checks_that_take_too_long_pause_the_run(
    at_acme: Retailer, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.customers(PEOPLE)
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    monkeypatch.setattr(overtime, "LOOK", 0.1)

    def endless(*_: Any) -> list[Any]:
        while True:
            pass

    monkeypatch.setattr(inspection, "unfit", endless)
    pipeline.work(seconds=30)
    run.refresh_from_db()
    assert run.state == Run.State.PAUSED
    assert "write the template simpler" in run.reason
    assert not outbox.sent
