"""A mail that comes back is what it says of its own message, however it gets here; one that is made up is nothing."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import Any

import pytest
from django.test import Client

from campaigns.config.gate import Invalid
from campaigns.models import Consent, Customer, Suppression
from delivery import identity, pipeline
from delivery.models import Message, Provider, RawSignal, Signal
from delivery.providers import accounts
from delivery.return_paths import ReturnPaths
from tenants import context
from tenants.models import Retailer
from tests.delivery.bounces import mails
from tests.delivery.bounces.relays import DOMAIN, Path, Pipe, account
from tests.processes import PROJECT, environment

KEPT, IGNORED = "Kept: it is worked through within seconds.\n", "No return path of ours is in it: no effect.\n"


def post(retailer: Retailer, mail: bytes, key: str = "relay") -> Any:
    """By HTTP, as a service does that takes mail in; whom the test acts for stays so."""
    client = Client(headers={"host": f"{retailer.slug}.localhost"})
    with context.on_platform():
        return client.post(f"/api/v1/signals/{key}/", mail, content_type="message/rfc822")


def work() -> None:
    pipeline.work(seconds=60)
    assert not RawSignal.objects.filter(state="new").exists()


def state(message: Message) -> tuple[str, str]:
    message.refresh_from_db()
    return message.state, message.reason


def test_a_hard_bounce_ends_it_for_the_address(sent: list[Message], path: Path, pipe: Pipe) -> None:
    assert pipe(mails.report(path(sent[0]))) == KEPT
    work()
    reason = mails.REASON.replace("c1@example.test", "the recipient")
    assert state(sent[0]) == ("bounced", reason)
    (signal,) = Signal.objects.all()
    assert (signal.kind, signal.is_hard, signal.source, signal.detail) == ("bounce", True, "relay", reason)
    (found,) = Suppression.objects.all()
    assert (found.channel, found.address, found.reason, found.source) == (
        "email", "c1@example.test", "hard_bounce", "provider relay",
    )  # fmt: skip


def test_a_soft_bounce_is_one_and_ends_nothing(sent: list[Message], path: Path, pipe: Pipe) -> None:
    pipe(mails.report(path(sent[0]), status="5.2.2", reason="552 5.2.2 mailbox full"))
    work()
    assert state(sent[0]) == ("bounced", "552 5.2.2 mailbox full")
    assert not Suppression.objects.exists()


def test_what_is_late_or_automatic_is_kept_and_changes_nothing(sent: list[Message], path: Path, pipe: Pipe) -> None:
    pipe(mails.report(path(sent[0]), action="delayed", status="4.4.1", reason="450 4.4.1 no answer"))
    pipe(mails.away(path(sent[1], 2)))
    work()
    assert {state(message) for message in sent} == {("accepted", "kept in memory")}
    told = dict(Signal.objects.values_list("message_id", "detail"))
    assert told == {sent[0].pk: "delayed 4.4.1 450 4.4.1 no answer", sent[1].pk: "automatic reply"}
    assert set(Signal.objects.values_list("kind", flat=True)) == {"unknown"}


def test_a_complaint_ends_it_and_is_the_person_s_own_word(sent: list[Message], path: Path, pipe: Pipe) -> None:
    pipe(mails.complaint(path(sent[0])))
    work()
    assert Suppression.objects.get().reason == "complaint"
    said = Consent.objects.get(customer_id=sent[0].customer_id, is_current=True, is_granted=False)
    assert (said.channel, said.source) == ("email", "provider relay: complaint")


def test_the_same_is_told_once_by_whatever_door_and_however_often(
    at_acme: Retailer, sent: list[Message], path: Path, pipe: Pipe
) -> None:
    mail = mails.report(path(sent[0]))
    for _ in range(3):
        assert pipe(mail) == KEPT
        assert post(at_acme, mail).status_code == 200
    assert pipe(mail.replace(path(sent[0]).encode(), path(sent[0]).upper().encode())) == KEPT
    work()
    assert RawSignal.objects.count() == 7
    assert Signal.objects.count() == 1


def test_the_address_it_was_delivered_to_is_enough(sent: list[Message], path: Path, pipe: Pipe) -> None:
    assert pipe(mails.report("undisclosed-recipients:;"), to=path(sent[0])) == KEPT
    work()
    assert state(sent[0])[0] == "bounced"


def test_any_order_leaves_the_same(sent: list[Message], path: Path, pipe: Pipe) -> None:
    told = [
        mails.report(path(sent[0]), action="delayed", status="4.4.1", reason="450 4.4.1 later"),
        mails.report(path(sent[0]), status="5.2.2", reason="552 5.2.2 full"),
        mails.report(path(sent[0]), action="delivered", status="2.0.0", reason="250 ok"),
        mails.report(path(sent[1], 2), recipient="c2@example.test"),
        mails.report(path(sent[1], 2), action="delivered", status="2.0.0", reason="250 ok"),
    ]
    chance = random.Random(3)
    for _ in range(6):
        Signal.objects.all().delete()
        Message.objects.update(state="accepted", reason="")
        for mail in chance.sample(told, len(told)) + chance.sample(told, 2):
            pipe(mail)
        work()
        assert [state(message)[0] for message in sent] == ["delivered", "bounced", "accepted"]


def test_a_hundred_forged_mails_leave_nothing(
    at_acme: Retailer, globex: Retailer, sent: list[Message], path: Path, pipe: Pipe
) -> None:
    draw = random.Random(7)
    good = path(sent[0])
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    others = ReturnPaths(globex).name(identity.public_id(globex, sent[0].pk), "c1@example.test")
    made_up = [
        *(f"b-{''.join(draw.choices(letters, k=44))}@{DOMAIN}" for _ in range(60)),
        *(good[:at] + ("a" if good[at] != "a" else "b") + good[at + 1 :] for at in range(2, 32)),
        f"{others}@{DOMAIN}", good.replace(DOMAIN, "bounces.other.example"), f"{good}.evil.test",
        f"x{good}", f"news@{DOMAIN}", DOMAIN, "", f"{identity.public_id(at_acme, sent[0].pk)}@{DOMAIN}",
        f"{identity.Signer(at_acme).tokens(sent[0].pk).message}@{DOMAIN}", good.partition("@")[0],
    ]  # fmt: skip
    assert len(made_up) == 100
    for address in made_up:
        assert pipe(mails.report(address)) == IGNORED
        assert post(at_acme, mails.complaint(address)).status_code == 403
    assert post(globex, mails.report(good)).status_code == 404
    work()
    assert not RawSignal.objects.exists()
    assert not Signal.objects.exists()
    assert not Suppression.objects.exists()
    assert {state(message) for message in sent} == {("accepted", "kept in memory")}


def test_whoever_has_one_speaks_of_nobody_else(sent: list[Message], path: Path, pipe: Pipe) -> None:
    mine = path(sent[0])
    pipe(mails.report(mine, recipient="c2@example.test", returned_to="c2@example.test"))
    pipe(mails.complaint(mine).replace(b"c1@example.test", b"c3@example.test"))
    work()
    assert set(Suppression.objects.values_list("address", flat=True)) == {"c1@example.test"}
    assert [state(message)[0] for message in sent] == ["bounced", "accepted", "accepted"]


def test_an_address_that_was_corrected_meanwhile_is_still_written_to(
    sent: list[Message], path: Path, pipe: Pipe
) -> None:
    Customer.objects.filter(pk=sent[0].customer_id).update(email="right@example.test")
    pipe(mails.report(path(sent[0])))
    work()
    assert set(Suppression.objects.values_list("address", flat=True)) == {"c1@example.test"}


def test_pieces_of_mails_stop_nobody(sent: list[Message], path: Path, pipe: Pipe) -> None:
    whole = mails.report(path(sent[0]))
    for end in range(0, len(whole), 60):
        pipe(whole[:end])
    pipe(path(sent[1], 2).encode() + b"\0\xff\x00" * 500)
    pipe(
        b"To: "
        + path(sent[2], 3).encode()
        + b"\r\n"
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" * 500
    )
    pipe(mails.report(path(sent[0])) + b"x" * 3_000_000)
    work()
    assert state(sent[0])[0] == "bounced"
    assert {state(message)[0] for message in sent[1:]} == {"accepted"}
    (refused,) = RawSignal.objects.filter(state="refused")
    assert refused.error == "it has more than 20 multiparts"


def test_it_is_the_account_s_whose_domain_it_came_to(sent: list[Message], path: Path, pipe: Pipe) -> None:
    accounts.save(account("second", bounce_domain="returns.acme.example"))
    pipe(mails.report(path(sent[0]).replace(DOMAIN, "returns.acme.example")))
    pipe(mails.report(path(sent[1], 2)))
    work()
    assert dict(Signal.objects.values_list("message_id", "source")) == {sent[0].pk: "second", sent[1].pk: "relay"}


def test_an_account_without_a_bounce_domain_believes_nothing(
    at_acme: Retailer, sent: list[Message], path: Path, pipe: Pipe, relay: Provider
) -> None:
    mail = mails.report(path(sent[0]))
    accounts.save({"settings": {"host": "127.0.0.1"}}, relay)
    assert pipe(mail) == IGNORED
    assert post(at_acme, mail).status_code == 403


def test_a_process_takes_what_a_mail_server_pipes_to_it(live_retailer: Retailer, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        with context.in_retailer(live_retailer):
            accounts.save(account())
        number = identity.public_id(live_retailer, 1)
        name = ReturnPaths(live_retailer).name(number, "c1@example.test")
        env = environment()

    def piped(slug: str, mail: bytes) -> tuple[int, str]:
        command = [sys.executable, "manage.py", "receive_bounce", slug]
        done = subprocess.run(command, cwd=PROJECT, env=env, input=mail, capture_output=True, timeout=120)
        return done.returncode, done.stdout.decode()

    assert piped(live_retailer.slug, mails.report(f"{name}@{DOMAIN}")) == (0, KEPT)
    assert piped(live_retailer.slug, mails.report(f"b-x@{DOMAIN}")) == (0, IGNORED)
    assert piped("nobody", mails.report(f"{name}@{DOMAIN}"))[0] == 75
    with django_db_blocker.unblock(), context.in_retailer(live_retailer):
        assert RawSignal.objects.get().provider == "relay"


@pytest.mark.parametrize(
    ("wrong", "credentials", "field"),
    [
        ({"bounce_domain": "not a domain"}, {}, "settings.bounce_domain"),
        ({"bounce_domain": "größe.example"}, {}, "settings.bounce_domain"),
        ({"bounce_domain": "", "imap_host": "imap.acme.example"}, {"imap_password": "p"}, "settings"),
        ({"imap_host": "imap.acme.example", "imap_username": "u"}, {}, "credentials.imap_password"),
        ({"imap_host": "imap.acme.example"}, {"imap_password": "p"}, "credentials.imap_password"),
        ({"imap_folder": 'IN"BOX'}, {}, "settings.imap_folder"),
        ({"imap_username": "u\r\nx LOGOUT"}, {}, "settings.imap_username"),
    ],
)
def test_an_account_that_cannot_work_is_refused(
    at_acme: Retailer, wrong: dict[str, str], credentials: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        accounts.save(account(**wrong) | {"credentials": credentials})
    assert [problem.field for problem in refused.value.problems] == [field]


def test_a_mailbox_that_moves_asks_for_its_own_password_alone(at_acme: Retailer) -> None:
    box = {"imap_host": "imap.acme.example", "imap_username": "u"}
    secrets = {"password": "sesame", "imap_password": "sesame two"}
    saved = accounts.save(account(username="u", **box) | {"credentials": secrets})
    for change, asked in (("imap_host", "imap_password"), ("host", "password")):
        moved = saved.settings | {change: "other.acme.example"}
        with pytest.raises(Invalid) as refused:
            accounts.save({"settings": moved}, saved)
        assert [problem.field for problem in refused.value.problems] == [f"credentials.{asked}"]
