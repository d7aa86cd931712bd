"""While a provider is at work on one message, the next hand-over's are made ready; nobody sees more of it than that."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from campaigns import configuration
from campaigns.models import Customer, Run
from delivery import compose, pace, pipeline, recipients, rendering, reports
from delivery.batches import Entry, claim
from delivery.channels.memory import MemoryChannel
from delivery.compose import Composer
from delivery.models import Batch
from delivery.providers.discreet import Discreet
from tenants.models import Retailer
from tests import factories
from tests.delivery import scripted
from tests.delivery.scripted import ENVELOPE, LOCKSTEP, PIPELINED, ScriptedServer, batch

PEOPLE = 6


@pytest.fixture
def waiting(at_acme: Retailer, outbox: MemoryChannel) -> tuple[Composer, list[Entry]]:
    """The messages of a batch that is about to go out, and what composes them."""
    factories.customers(PEOPLE)
    factories.template(subject="Hello {{ customer.first_name }}")
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    run = Run.objects.select_related("version", "campaign").get(pk=run.pk)
    pipeline.advance(run, now=timezone.now())
    lease = claim(Batch.objects.get(run=run).pk)
    assert lease is not None
    entries = recipients.recheck(lease)
    return compose.composer(run, lease.step, at_acme, entries, now=timezone.now()), entries


def passing(composer: Composer, entries: list[Entry], *, times: int) -> None:
    """So many moments in which the provider is at work."""
    channel = MemoryChannel()
    with composer.ahead(entries, channel):
        for _ in range(times):
            assert channel.meanwhile
            channel.meanwhile()
    assert channel.meanwhile is None


@pytest.mark.parametrize("extensions", [PIPELINED, LOCKSTEP], ids=["pipelined", "lockstep"])
@pytest.mark.parametrize("is_wrapped", [False, True], ids=["bare", "discreet"])
def test_a_mail_server_that_has_a_message_is_not_just_waited_for(
    extensions: tuple[str, ...], *, is_wrapped: bool
) -> None:
    moments: list[int] = []
    with ScriptedServer(extensions=extensions) as server, closing(scripted.channel(server)) as inner:
        channel = Discreet(inner, {"password": "secret-word"}) if is_wrapped else inner
        channel.meanwhile = lambda: moments.append(len(server.mails))
        outcomes = channel.send(ENVELOPE, batch(4), seconds=10)
    assert [outcome.result for outcome in outcomes] == ["accepted"] * 4
    assert len(moments) >= 4
    assert moments[1] < 4  # and not after all of them


def test_what_was_made_ahead_is_what_would_have_been_made(waiting: tuple[Composer, list[Entry]]) -> None:
    composer, entries = waiting
    expected = composer.compose(entries)
    passing(composer, entries, times=4)
    assert len(composer.ready) == 4
    assert composer.compose(entries) == expected
    assert not composer.ready


def test_more_moments_than_messages_are_just_waited(waiting: tuple[Composer, list[Entry]]) -> None:
    composer, entries = waiting
    passing(composer, entries, times=PEOPLE + 3)
    assert len(composer.compose(entries)[0]) == PEOPLE


def test_who_was_judged_again_gets_what_is_known_of_them_now(waiting: tuple[Composer, list[Entry]]) -> None:
    composer, entries = waiting
    passing(composer, entries, times=PEOPLE)
    again = [entry._replace(person=entry.person | {"first_name": "Zoë"}) for entry in entries]
    assert all("Zoë" in message.html for message in composer.compose(again)[0])


def test_an_error_of_ours_is_met_in_its_own_turn_and_not_while_something_is_on_its_way(
    waiting: tuple[Composer, list[Entry]],
) -> None:
    composer, entries = waiting
    broken = [entries[0], entries[1]._replace(variant="there is none"), *entries[2:]]
    passing(composer, broken, times=PEOPLE)
    assert len(composer.compose(broken[:1])[0]) == 1
    with pytest.raises(KeyError):
        composer.compose(broken[1:2])
    assert len(composer.compose(broken[2:])[0]) == PEOPLE - 2


def test_who_cannot_be_rendered_fails_in_their_turn(waiting: tuple[Composer, list[Entry]]) -> None:
    composer, (first, *others) = waiting
    lacking = [first._replace(person=first.person | {"first_name": ""}), *others]
    passing(composer, lacking, times=PEOPLE)
    outbound, failures = composer.compose(lacking)
    assert len(outbound) == PEOPLE - 1
    assert [verdict.message_id for verdict in failures] == [first.message_id]


def test_a_run_over_smtp_is_made_ahead_and_everybody_gets_their_own(
    at_acme: Retailer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand-overs of four: others than the first are rendered while the server has some of the one before."""
    people = 12
    for number in range(people):
        factories.customers(1, first=number + 1, first_name=f"Ana{number:02}")
    monkeypatch.setattr(pace, "size", lambda _: 4)
    at_the_server: list[int] = []
    render = rendering.Renderer.render
    with ScriptedServer() as server:

        def seen(renderer: rendering.Renderer, context: Mapping[str, Any]) -> rendering.Rendered:
            at_the_server.append(len(server.mails))
            return render(renderer, context)

        monkeypatch.setattr(rendering.Renderer, "render", seen)
        settings.EMAIL_URL = f"smtp://127.0.0.1:{server.port}"
        run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
        pipeline.work(seconds=30)
    assert reports.report(Run.objects.get(pk=run.pk)).states == {"accepted": people}
    sent = {mail.recipients[0]: mail.content.decode() for mail in server.mails}
    assert {customer.email for customer in Customer.objects.all()} == sent.keys()
    assert all(customer.first_name in sent[customer.email] for customer in Customer.objects.all())
    assert max(at_the_server) < people - 1  # the last were ready before the server had those before them
