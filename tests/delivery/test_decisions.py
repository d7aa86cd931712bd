"""What people decide about unknown messages: through the console, the API and the command, alike."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import configuration
from campaigns.lifecycle import NotAllowed
from campaigns.models import Customer, Run
from delivery import balance, batches, decisions, identity, pipeline, reports
from delivery.channels.memory import MemoryChannel
from delivery.decisions import Choice, Which
from delivery.models import Message, OutcomeRecord
from tenants import context
from tenants.accounts.models import AuditEntry, Role, User
from tenants.models import AgendaItem, Retailer
from tests import factories

DIED, LATE = "the worker stopped during the hand-over: it may or may not have been sent", "=late, no answer came"


@pytest.fixture
def run(at_acme: Retailer, outbox: MemoryChannel) -> Run:
    """Of ten people; of three nobody knows, for one reason, and of one for another."""
    factories.customers(10)
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    ids = list(Message.objects.order_by("position").values_list("pk", flat=True))
    Message.objects.filter(pk__in=ids[:3]).update(state="unknown", reason=DIED)
    Message.objects.filter(pk=ids[3]).update(state="unknown", reason=LATE)
    OutcomeRecord.objects.filter(message__in=ids[:4]).update(result="unknown")
    outbox.sent.clear()
    run.refresh_from_db()
    return run


def states(run: Run) -> dict[str, int]:
    return reports.report(run).states


def test_causes_are_counted_with_their_cures(run: Run) -> None:
    Message.objects.filter(reason=LATE).update(retry_at=timezone.now())
    died, late = decisions.causes(run)
    assert (died.reason, died.count, died.looked_into) == (DIED, 3, 0)
    assert (late.reason, late.count, late.looked_into) == (LATE, 1, 1)
    assert "settle it as sent or as not sent" in died.cure


@pytest.mark.parametrize(("choice", "state"), [(Choice.SENT, "accepted"), (Choice.NOT_SENT, "failed")])
def test_a_cause_is_settled_and_the_rest_is_left(run: Run, choice: Choice, state: str) -> None:
    assert decisions.decide(run, choice, Which(cause=DIED)) == 3
    settled = {"accepted": 9} if state == "accepted" else {"accepted": 6, "failed": 3}
    assert states(run) == {**settled, "unknown": 1}
    assert OutcomeRecord.objects.filter(result=choice.value).count() == 3
    entry = AuditEntry.objects.get(action="resolve")
    assert (entry.kind, entry.key, entry.after) == (
        "run", str(run.pk), {"campaign": "welcome", "as": choice.value, "messages": 3, "which": DIED},
    )  # fmt: skip
    assert reports.report(run).balances


def test_all_that_are_sent_again_go_once_each(run: Run, outbox: MemoryChannel, at_acme: Retailer) -> None:
    unknown = list(decisions.of(run).values_list("pk", flat=True))
    assert decisions.decide(run, Choice.RESEND, Which()) == 4
    assert states(run)["unknown"] == 4
    assert AgendaItem.objects.filter(kind=batches.UNKNOWN).count() == 1
    pipeline.work(seconds=20)
    assert states(run) == {"accepted": 10}
    assert sorted(message.key for message in outbox.sent) == sorted(identity.public_id(at_acme, pk) for pk in unknown)
    pipeline.work(seconds=5)
    assert len(outbox.sent) == 4
    assert run.state == Run.State.COMPLETED


def test_who_may_not_be_written_to_any_more_is_not_sent_it_again(run: Run, outbox: MemoryChannel) -> None:
    Customer.objects.update(consent_email=False)
    decisions.decide(run, Choice.RESEND, Which(cause=LATE))
    pipeline.work(seconds=20)
    assert outbox.sent == []
    assert states(run)["unknown"] == 4
    assert decisions.of(run).filter(reason="not sent again: no_consent", retry_at=None).count() == 1


def test_what_makes_no_sense_is_refused_with_the_cure(run: Run) -> None:
    decisions.decide(run, Choice.SENT, Which(cause=LATE))
    with pytest.raises(Exception, match="none of these is unknown any more"):
        decisions.decide(run, Choice.SENT, Which(cause=LATE))
    Run.objects.filter(pk=run.pk).update(state=Run.State.CANCELLED)
    run.refresh_from_db()
    with pytest.raises(NotAllowed, match="settle them as sent or as not sent"):
        decisions.decide(run, Choice.RESEND, Which())
    assert decisions.decide(run, Choice.NOT_SENT, Which()) == 3
    assert AuditEntry.objects.filter(action="resolve").count() == 2


def test_a_spreadsheet_takes_no_cell_for_a_formula(run: Run, at_acme: Retailer) -> None:
    Customer.objects.filter(external_id="c1").update(external_id="@c1")
    file = StringIO()
    decisions.write_csv(run, file)
    rows = list(csv.DictReader(StringIO(file.getvalue())))
    assert len(rows) == 4
    assert list(rows[0]) == list(decisions.COLUMNS)
    assert [row["customer"] for row in rows if row["customer"].startswith("'")] == ["'@c1"]
    assert [row["reason"] for row in rows] == [DIED] * 3 + [f"'{LATE}"]
    assert all(identity.message_id(at_acme, row["message"]) for row in rows)


def test_the_page_lists_them_and_its_buttons_resolve_them(
    run: Run, acme: Retailer, marketer: Callable[[Retailer], Client]
) -> None:
    client, path = marketer(acme), f"/admin/campaigns/run/{run.pk}/"
    with CaptureQueriesContext(connection) as queries:
        page = client.get(f"{path}change/").content.decode()
    asked = [query["sql"] for query in queries if not query["sql"].startswith("SET ")]
    assert len(asked) <= 15, "\n".join(asked)
    assert "It balances" in page
    assert DIED[1:] in page
    assert page.count("Was not sent") == 3  # two causes, and all
    assert client.get(f"{path}unknowns.csv")["Content-Type"].startswith("text/csv")
    said = client.post(f"{path}resolve/", {"as": "sent", "cause": DIED}, follow=True).content.decode()
    assert "3 messages: settled as sent." in said
    message = decisions.of(run).get()
    assert "Was not sent" in client.get(f"/admin/delivery/message/{message.pk}/change/").content.decode()
    for nonsense in ({"as": "sent"}, {"as": "eaten", "all": "yes"}, {"as": "sent", "message": "x"}):
        assert "Nothing was done" in client.post(f"{path}resolve/", nonsense, follow=True).content.decode()
    client.post(f"{path}resolve/", {"as": "not_sent", "message": str(message.pk)})
    with context.in_retailer(acme):
        assert states(run) == {"accepted": 9, "failed": 1}
        assert AuditEntry.objects.filter(action="resolve", door="console").count() == 2


def test_who_may_only_look_resolves_nothing(run: Run, acme: Retailer, marketer: Callable[[Retailer], Client]) -> None:
    client = marketer(acme)
    User.objects.update(role=Role.VIEWER)
    page = client.get(f"/admin/campaigns/run/{run.pk}/change/").content.decode()
    assert "no answer came" in page
    assert "Was not sent" not in page
    answer = client.post(f"/admin/campaigns/run/{run.pk}/resolve/", {"as": "sent", "all": "yes"})
    assert answer.status_code == 403
    assert states(run)["unknown"] == 4


def test_the_command_lists_exports_and_resolves(run: Run, at_acme: Retailer, tmp_path: Path) -> None:
    def told(*options: str) -> str:
        out = StringIO()
        call_command("unknowns", "acme", str(run.pk), *options, stdout=out)
        return out.getvalue()

    assert "4 messages of run" in told("--export", str(tmp_path / "out.csv"))
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 5
    assert [each["count"] for each in json.loads(told("--json"))["causes"]] == [3, 1]
    with pytest.raises(CommandError, match="Which"):
        told("--as", "sent")
    public = identity.public_id(at_acme, decisions.of(run).filter(reason=LATE).get().pk)
    assert "1 messages" in told("--as", "not_sent", "--message", public)
    assert json.loads(told("--as", "sent", "--all", "--json")) == {"run": run.pk, "resolved": 3}
    with pytest.raises(CommandError, match="none of these"):
        told("--as", "sent", "--all")
    for wrong in (["--message", "x"],):
        with pytest.raises(CommandError, match="no public id"):
            told("--as", "sent", *wrong)


def test_one_statement_proves_that_every_run_adds_up(run: Run, at_acme: Retailer) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert balance.prove() == balance.Balance(1, [])
    assert sum("delivery_message" in query["sql"] for query in queries) == 1
    Message.objects.filter(pk=Message.objects.earliest("pk").pk).delete()
    (wrong,) = balance.prove().wrong
    assert (wrong.due, wrong.messages) == (10, 9)
    assert "9 messages for 10 people (1 missing)" in wrong.words
    assert "restore them from a backup" in wrong.words
    Run.objects.update(generated={})
    assert {(each.step, each.due, each.messages) for each in balance.prove().wrong} == {("", 10, 0), ("first", 0, 9)}


def test_what_is_queued_in_a_run_that_is_over_is_told(run: Run) -> None:
    Message.objects.filter(state="unknown").update(state="queued")
    (wrong,) = balance.prove().wrong
    assert (wrong.stuck, wrong.step) == (4, "first")
    assert "4 messages are queued in a run that is over" in wrong.words


def test_a_run_cancelled_while_it_was_planned_adds_up(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(5)
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.advance(run, now=timezone.now())
    configuration.cancel(run)
    pipeline.work(seconds=10)
    run.refresh_from_db()
    assert reports.report(run).balances
    assert balance.prove().wrong == []
