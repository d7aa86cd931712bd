"""The emergency stop: nothing begins to be handed over after it, and everything goes on once it is lifted."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from campaigns import audience, configuration
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, Run
from delivery import messages, pace, pipeline, reports
from delivery.channels.base import Envelope, Outbound, Outcome
from delivery.channels.memory import MemoryChannel
from delivery.models import Batch
from tenants import agenda, context, stops
from tenants.models import Retailer, Stop
from tests import factories, processes
from tests.delivery.scripted import Answer, ScriptedServer

Act = Callable[[Retailer], object]


def planned(people: int) -> Run:
    factories.customers(people)
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    audience.evaluate(run)
    messages.generate(run, now=timezone.now())
    run.refresh_from_db()
    return run


def stop_campaign(_: Retailer) -> None:
    configuration.stop(Campaign.objects.get(), reason="test")


def go_on_with_campaign(_: Retailer) -> None:
    configuration.go_on(Campaign.objects.get())


@pytest.mark.parametrize(
    ("stop", "lift"),
    [
        (lambda retailer: stops.stop(retailer, reason="test"), lambda retailer: stops.lift(retailer)),
        (lambda _: stops.stop(None, reason="test"), lambda _: stops.lift(None)),
        (stop_campaign, go_on_with_campaign),
    ],
    ids=["retailer", "platform", "campaign"],
)
def test_what_is_in_hand_when_the_stop_comes_is_the_last_until_it_is_lifted(
    at_acme: Retailer, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch, stop: Act, lift: Act
) -> None:
    run = planned(700)
    send = outbox.send

    def stopped_meanwhile(envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        if not outbox.sent:
            stop(at_acme)
        return send(envelope, batch, seconds=seconds)

    monkeypatch.setattr(outbox, "send", stopped_meanwhile)
    pipeline.work(seconds=10)
    in_hand = len(outbox.sent)
    assert 0 < in_hand <= pace.MOST
    assert pipeline.work(seconds=5) == 0
    assert agenda.due_count(at_most=8) == 0
    assert reports.report(run).states == {"accepted": in_hand, "queued": 700 - in_hand}

    lift(at_acme)
    pipeline.work(seconds=30)
    run.refresh_from_db()
    report = reports.report(run)
    assert (report.run.state, report.states, report.balances) == (Run.State.COMPLETED, {"accepted": 700}, True)
    assert len({message.key for message in outbox.sent}) == len(outbox.sent) == 700


def test_nothing_is_launched_while_sending_is_stopped(at_acme: Retailer) -> None:
    factories.customers(1)
    campaign = factories.campaign()
    stops.stop(None, reason="a bad template")
    with pytest.raises(NotAllowed, match="a bad template"):
        configuration.launch(campaign, by="test", now=timezone.now())
    assert Run.objects.count() == 0


def test_workers_in_the_midst_of_a_slow_hand_over_obey_within_five_seconds(live_retailer: Retailer) -> None:
    people, each = 150, 0.05
    slow = [Answer(f"250 queued as {number}", after=each) for number in range(people)]
    with ScriptedServer({".": slow}) as server, context.in_retailer(live_retailer):
        run = planned(people)
        env = processes.environment(EMAIL_URL=f"smtp://127.0.0.1:{server.port}")
        with processes.worker(env), processes.worker(env):
            wait_for(lambda: len(server.mails) >= 30, seconds=60)
            stops.stop(live_retailer, reason="test")
            stopped_at = time.monotonic()
            wait_for(lambda: not Batch.objects.filter(run=run, handed_to__gt=0).exists(), seconds=5)
            arrived = len(server.mails)
            assert time.monotonic() - stopped_at < 5
            threading.Event().wait(1.5)
            assert len(server.mails) == arrived < people

            stops.lift(live_retailer)
            wait_for(lambda: Run.objects.get(pk=run.pk).state == Run.State.COMPLETED, seconds=60)
        report = reports.report(Run.objects.get(pk=run.pk))
        assert (report.states, report.balances) == ({"accepted": people}, True)
        assert Counter(Counter(server.keys).values()) == {1: people}


def wait_for(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


# -- commands ----------------------------------------------------------------------------------------------------------
def run_command(*arguments: str) -> str:
    said = StringIO()
    with context.on_platform():
        call_command(*arguments, stdout=said)
    return said.getvalue()


def test_commands_stop_a_retailer_and_let_it_go_on(acme: Retailer, globex: Retailer) -> None:
    said = run_command("stop_sending", "acme", "--reason", "wrong prices")
    assert "All sending of acme stands stopped" in said
    assert "wrong prices" in said
    assert stops.standing(acme)
    assert stops.standing(globex) is None
    assert "wrong prices" in run_command("stop_sending", "acme", "--reason", "again")
    assert "lifted" in run_command("resume_sending", "acme")
    assert stops.standing(acme) is None
    assert "Nothing to lift" in run_command("resume_sending", "acme")


def test_commands_stop_the_platform_and_say_so_to_who_resumes_one_retailer(acme: Retailer, globex: Retailer) -> None:
    run_command("stop_sending", "--all", "--reason", "abuse")
    assert stops.standing(globex)
    with pytest.raises(CommandError, match="resume_sending --all"):
        run_command("resume_sending", "acme")
    assert "lifted" in run_command("resume_sending", "--all")
    assert Stop.objects.count() == 0


def test_commands_stop_one_campaign(at_acme: Retailer, outbox: MemoryChannel) -> None:
    run = planned(3)
    run_command("stop_sending", "acme", "--campaign", "welcome", "--reason", "typo")
    pipeline.work(seconds=5)
    run.refresh_from_db()
    assert (run.state, run.reason, outbox.sent) == (Run.State.PAUSED, "typo", [])
    assert "goes on: it is Running" in run_command("resume_sending", "acme", "--campaign", "welcome")
    pipeline.work(seconds=5)
    assert len(outbox.sent) == 3
    with pytest.raises(CommandError, match="is Completed"):
        run_command("stop_sending", "acme", "--campaign", "welcome", "--reason", "too late")


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        ([], "slug of one retailer, or --all"),
        (["acme", "--all"], "slug of one retailer, or --all"),
        (["--all", "--campaign", "welcome"], "give its slug"),
        (["nobody"], "Known: acme, globex"),
        (["acme", "--campaign", "nothing"], "Known: none yet"),
    ],
)
def test_commands_that_cannot_be_obeyed_say_how_to_ask(acme: Retailer, arguments: list[str], cure: str) -> None:
    with pytest.raises(CommandError, match=cure):
        run_command("stop_sending", *arguments, "--reason", "test")
    with pytest.raises(CommandError, match=cure):
        run_command("resume_sending", *arguments)
    assert Stop.objects.count() == 0
