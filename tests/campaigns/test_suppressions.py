"""Addresses that get nothing more: of one retailer, of every one; by file, by hash; and before the next hand-over."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import audience, configuration, consents, facts, ingest, suppressions
from campaigns.config.gate import Invalid
from campaigns.consents import Statement
from campaigns.models import Customer, Facts, Run, Suppression
from campaigns.suppressions import Addresses
from delivery import dispatch, messages, pipeline, reports
from delivery.channels.base import Envelope, Outbound, Outcome
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from tenants import context
from tenants.accounts.models import AuditEntry
from tenants.models import PlatformSuppression, Retailer
from tests import factories

ANA, ANA_HASH = "c1@example.test", hashlib.sha256(b"c1@example.test").hexdigest()


@pytest.fixture
def both(acme: Retailer, globex: Retailer) -> tuple[Retailer, Retailer]:
    """Three customers of the same addresses at both retailers."""
    for retailer in (acme, globex):
        with context.in_retailer(retailer):
            factories.customers(3, phone="+442071838750")
    return acme, globex


def suppressed(retailer: Retailer, column: str = "suppressed_email") -> list[str]:
    with context.in_retailer(retailer):
        assert facts.recompute() == 0
        found = Facts.objects.filter(**{column: True}).order_by("pk")
        return list(found.values_list("customer__external_id", flat=True))


def command(name: str, *args: str, **options: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command(name, *args, json=True, stdout=out, **options)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def prepared(**parts: Any) -> Run:
    """A run whose messages stand in the ledger, queued."""
    run = configuration.launch(factories.campaign(**parts), by="test", now=timezone.now())
    audience.evaluate(run)
    messages.generate(run, now=timezone.now())
    return run


def test_platforms_list_is_told_to_every_retailer_and_holds_no_address(both: tuple[Retailer, Retailer]) -> None:
    told = suppressions.platform.add(suppressions.one("email", " C1@Example.Test "), reason="complaint", source="feed")
    assert (told.changed, told.failed) == (1, ())
    assert [suppressed(each) for each in both] == [["c1"], ["c1"]]
    row = PlatformSuppression.objects.get()
    assert (bytes(row.address_hash).hex(), row.reason, row.source) == (ANA_HASH, "complaint", "feed")
    assert suppressions.platform.add(suppressions.one("email", ANA), reason="legal", source="").changed == 0
    assert suppressions.platform.remove(suppressions.one("email", ANA)).changed == 1
    assert [suppressed(each) for each in both] == [[], []]


def test_ready_hash_does_what_the_address_does(both: tuple[Retailer, Retailer]) -> None:
    suppressions.platform.add(suppressions.one("email", ANA_HASH.upper()), reason="legal", source="")
    phone = hashlib.sha256(b"+442071838750").hexdigest()
    suppressions.platform.add(suppressions.one("sms", phone), reason="legal", source="")
    assert [suppressed(each) for each in both] == [["c1"], ["c1"]]
    assert [suppressed(each, "suppressed_sms") for each in both] == [["c1", "c2", "c3"]] * 2


def test_what_the_retailer_suppresses_too_stays_suppressed(both: tuple[Retailer, Retailer]) -> None:
    acme, globex = both
    with context.in_retailer(acme):
        suppressions.add(channel="email", address=ANA, reason="manual", source="")
    suppressions.platform.add(suppressions.one("email", ANA), reason="legal", source="")
    suppressions.platform.remove(suppressions.one("email", ANA))
    assert (suppressed(acme), suppressed(globex)) == (["c1"], [])


def test_customer_who_comes_later_is_suppressed_from_the_start(acme: Retailer) -> None:
    suppressions.platform.add(suppressions.one("email", "new@example.test"), reason="legal", source="")
    with context.in_retailer(acme):
        ingest.upsert_customers(
            [{"external_id": "n", "email": "New@example.test", "consent_email": True}], now=timezone.now()
        )
    assert suppressed(acme) == ["n"]


def test_retailer_that_cannot_be_told_keeps_nobody_else_from_it(both: tuple[Retailer, Retailer]) -> None:
    acme, globex = both
    with context.in_retailer(acme), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE campaigns_facts RENAME TO facts_elsewhere")
    told = suppressions.platform.add(suppressions.one("email", ANA), reason="legal", source="")
    assert (told.changed, told.failed) == (1, ("acme",))
    assert suppressed(globex) == ["c1"]
    with context.in_retailer(acme), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE facts_elsewhere RENAME TO campaigns_facts")
        assert facts.recompute() == 1
    assert suppressions.platform.add(suppressions.one("email", ANA), reason="legal", source="").failed == ()


@pytest.mark.parametrize("how", ["retailer", "platform", "platform, facts not told"])
def test_suppression_before_the_hand_over_stops_the_message(at_acme: Retailer, outbox: MemoryChannel, how: str) -> None:
    factories.customers(3)
    run = prepared()
    if how == "retailer":
        suppressions.put(channel="email", address=ANA, reason="complaint", source="")
    else:
        suppressions.platform.add(suppressions.one("email", ANA_HASH), reason="legal", source="")
    if how == "platform, facts not told":
        Facts.objects.update(suppressed_email=False)
    pipeline.work(seconds=30)
    run.refresh_from_db()
    assert sorted(each.recipient for each in outbox.sent) == ["c2@example.test", "c3@example.test"]
    assert Message.objects.get(state="cancelled").reason == "suppressed"
    assert reports.report(run).balances


@pytest.mark.parametrize("how", ["retailer", "platform", "topic"])
def test_who_says_no_while_the_batch_is_in_hand_is_left_out_of_its_next_hand_over(
    at_acme: Retailer, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    people = factories.customers(120)
    run = prepared(topic="news")
    monkeypatch.setattr(dispatch, "LOOK_AGAIN", 0)  # a memory is faster than any second
    hand_over = outbox.send

    def then_no(envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        if not outbox.sent:
            late = people[-1]
            if how == "topic":
                consents.say(late, [Statement("email", "news", False, timezone.now())], by="test")
            elif how == "platform":
                suppressions.platform.add(suppressions.one("email", late.email), reason="legal", source="")
            else:
                suppressions.put(channel="email", address=late.email, reason="complaint", source="")
        return hand_over(envelope, batch, seconds=seconds)

    monkeypatch.setattr(outbox, "send", then_no)
    pipeline.work(seconds=30)
    run.refresh_from_db()
    assert len(outbox.sent) == 119
    assert people[-1].email not in [each.recipient for each in outbox.sent]
    assert Message.objects.get(state="cancelled").reason == ("no_consent" if how == "topic" else "suppressed")
    assert reports.report(run).balances
    assert run.state == Run.State.COMPLETED


def test_audience_leaves_out_whom_the_platform_suppresses(at_acme: Retailer) -> None:
    factories.customers(3)
    suppressions.platform.add(suppressions.one("email", ANA), reason="hard_bounce", source="")
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    audience.evaluate(run)
    assert audience.waterfall(run).excluded == {"suppressed": 1}


def test_trails_name_what_was_done_and_hold_no_address(acme: Retailer) -> None:
    suppressions.platform.add(suppressions.one("email", "somebody@quiet.example"), reason="legal", source="court")
    with context.in_retailer(acme):
        suppressions.add(channel="email", address="somebody@quiet.example", reason="manual", source="")
        suppressions.add(channel="sms", address="+442071838750", reason="manual", source="")
        suppressions.lift(Suppression.objects.all())
        kept = str(list(AuditEntry.objects.values()))
        assert "suppression" in kept
    entry: Any = AuditEntry.objects.get(kind="platform suppression")
    assert (entry.action, entry.key, entry.after["reason"]) == ("add", "email", "legal")
    kept += str(list(AuditEntry.objects.values()))
    for secret in ("somebody", "quiet", "7183"):
        assert secret not in kept


@pytest.mark.parametrize(
    ("channel", "address", "reason", "field"),
    [
        ("email", "a@example.test", "unsubscribed", "reason"),
        ("webhook", "https://example.test", "legal", "channel"),
        ("email", "nobody", "legal", "address"),
        ("sms", "12", "legal", "address"),
        ("email", " ", "legal", "address"),
    ],
)
def test_what_the_platforms_list_does_not_take_is_named(
    db: None, channel: str, address: str, reason: str, field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        suppressions.platform.add(suppressions.one(channel, address), reason=reason, source="")
    assert [problem.field for problem in refusal.value.problems] == [field]
    assert not PlatformSuppression.objects.exists()


def test_command_adds_a_file_keeps_the_good_lines_and_names_the_bad(
    both: tuple[Retailer, Retailer], tmp_path: Path
) -> None:
    file = tmp_path / "list.txt"
    file.write_text(f"# from the regulator\n{ANA_HASH}\n\nC2@example.test\nnobody\n")
    with pytest.raises(CommandError, match=r"1 lines were left out:\nline 5: 'nobody' is not an e-mail address"):
        command("suppress", "--platform", file=file, reason="complaint")
    assert [suppressed(each) for each in both] == [["c1", "c2"]] * 2
    file.write_text(f"{ANA}\nc2@example.test\nc3@example.test\n")
    assert command("unsuppress", "--platform", file=file) == {
        "list": "platform", "channel": "email", "given": 3, "removed": 2, "refused": [], "untold": []
    }  # fmt: skip
    assert [suppressed(each) for each in both] == [[], []]


def test_command_changes_the_list_of_one_retailer(both: tuple[Retailer, Retailer], tmp_path: Path) -> None:
    acme, globex = both
    assert command("suppress", "acme", ANA)["added"] == 1
    assert command("suppress", "acme", ANA)["added"] == 0
    file = tmp_path / "list.txt"
    file.write_text("c2@example.test\n" + hashlib.sha256(b"c3@example.test").hexdigest())
    assert command("suppress", "acme", file=file, reason="hard_bounce")["added"] == 2
    assert (suppressed(acme), suppressed(globex)) == (["c1", "c2", "c3"], [])
    with context.in_retailer(acme):
        rows = Suppression.objects.order_by("pk").values_list("address", "reason")
        assert list(rows) == [(ANA, "manual"), ("c2@example.test", "hard_bounce"), ("", "hard_bounce")]
        assert str(Suppression.objects.get(address="")) == "an erased address (Hard bounce)"
    assert command("unsuppress", "acme", ANA_HASH)["removed"] == 1
    assert suppressed(acme) == ["c2", "c3"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Say whose list"),
        (["acme"], "Say what"),
        (["acme", "a@example.test", "b@example.test"], "Say what"),
        (["nobody", "a@example.test"], "There is no retailer"),
        (["acme", "nobody"], "is not an e-mail address"),
        (["acme", "--file", "/nowhere"], "cannot be read"),
        (["--platform", "a@example.test", "--reason", "manual"], "holds for no whole platform"),
    ],
)
def test_command_that_is_not_clear_says_how_to_be(acme: Retailer, words: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("suppress", *words)


def test_lifting_an_erased_address_tells_whoever_has_it_again(at_acme: Retailer) -> None:
    factories.customers(1)
    suppressions.add_all(Addresses("email", {bytes.fromhex(ANA_HASH): ""}), reason="unsubscribed", source="")
    assert suppressed(at_acme) == ["c1"]
    suppressions.lift(Suppression.objects.all())
    assert suppressed(at_acme) == []
    assert Customer.objects.count() == 1


@pytest.mark.parametrize("is_erased", [False, True])
def test_lifting_many_takes_as_many_statements_as_lifting_two(at_acme: Retailer, is_erased: bool) -> None:
    people = factories.customers(60)

    def lift(number: int) -> int:
        hashes = {suppressions.hashed(each.email): "" if is_erased else each.email for each in people[:number]}
        suppressions.add_all(Addresses("email", hashes), reason="unsubscribed", source="")
        assert len(suppressed(at_acme)) == number
        with CaptureQueriesContext(connection) as queries:
            suppressions.lift(Suppression.objects.all())
        assert suppressed(at_acme) == []
        return len(queries)

    assert lift(60) == lift(2)
    trail: Any = AuditEntry.objects.filter(kind="suppression", action="remove").order_by("pk")
    assert [entry.after for entry in trail] == [{"addresses": 60}, {"addresses": 2}]
