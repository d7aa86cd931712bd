"""A digest goes to those who chose it, once for each period, and ends with one click."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from campaigns import configuration
from campaigns.models import Run
from delivery import digests, identity, pipeline, tallies
from delivery.channels.memory import MemoryChannel
from delivery.digests import periods, sending
from delivery.models import Message
from tenants import agenda
from tenants.accounts.models import AuditEntry, Digest, User
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.benchmarks.sink import SinkProcess

LONDON = ZoneInfo("Europe/London")
MONDAY = datetime(2026, 11, 30, 7, tzinfo=LONDON)


@pytest.fixture
def reader(at_acme: Retailer, outbox: MemoryChannel) -> User:
    """Ana, who chose a daily digest on Sunday at noon."""
    user = User.objects.get(email="admin@acme.example")
    digests.choose(user, Digest.DAILY, now=MONDAY - timedelta(hours=19))
    return user


@given(
    st.sampled_from([Digest.DAILY, Digest.WEEKLY]),
    st.integers(0, 2 * 365 * 24 * 3600).map(
        lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    ),
    st.sampled_from(["Europe/London", "America/Denver", "Asia/Kolkata", "Pacific/Apia"]),
)
def test_periods_follow_one_another_at_seven(how_often: Digest, now: datetime, zone: str) -> None:
    where = ZoneInfo(zone)
    last, following = periods.last(how_often, now, where), periods.next_after(how_often, now, where)
    assert last <= now < following
    assert (last.hour, following.hour) == (7, 7)
    assert periods.begins(how_often, following) == last
    assert periods.last(how_often, following, where) == following


def test_nobody_gets_one_who_did_not_ask(at_acme: Retailer, outbox: MemoryChannel) -> None:
    user = User.objects.get(email="admin@acme.example")
    assert user.digest == Digest.NONE
    assert digests.advance(user.pk, at_acme, now=MONDAY) is None
    assert outbox.sent == []


def test_it_is_chosen_on_its_page_and_announced(at_acme: Retailer, ana: Client) -> None:
    assert "You get no digest." in ana.get("/admin/digest/").content.decode()
    assert ana.post("/admin/digest/", {"digest": "weekly"})["Location"] == "/admin/digest/"
    item = AgendaItem.objects.get(kind=digests.AGENDA_KIND)
    due = item.due_at.astimezone(LONDON)
    assert (due.weekday(), due.hour, due > timezone.now()) == (0, 7, True)
    assert "on Monday" in ana.get("/admin/digest/").content.decode()
    entry = AuditEntry.objects.get(kind="digest")
    assert (entry.before, entry.after) == ({"digest": "none"}, {"digest": "weekly"})
    ana.post("/admin/digest/", {"digest": "none"})
    assert not AgendaItem.objects.filter(kind=digests.AGENDA_KIND).exists()


def test_what_is_no_choice_is_refused(at_acme: Retailer, ana: Client) -> None:
    assert "Choose one of these." in ana.post("/admin/digest/", {"digest": "hourly"}).content.decode()


def test_it_goes_once_for_each_day(reader: User, at_acme: Retailer, outbox: MemoryChannel) -> None:
    assert digests.advance(reader.pk, at_acme, now=MONDAY - timedelta(minutes=1)) == MONDAY
    assert outbox.sent == []
    for _ in range(3):
        assert digests.advance(reader.pk, at_acme, now=MONDAY + timedelta(seconds=1)) == MONDAY + timedelta(days=1)
    assert [each.recipient for each in outbox.sent] == ["admin@acme.example"]
    digests.advance(reader.pk, at_acme, now=MONDAY + timedelta(days=1))
    assert len({each.key for each in outbox.sent}) == 2


def test_the_pipeline_sends_it_also_while_sending_is_stopped(
    reader: User, at_acme: Retailer, outbox: MemoryChannel
) -> None:
    User.objects.update(digested_until=timezone.now() - timedelta(days=9))
    agenda.put(at_acme, digests.AGENDA_KIND, reader.pk)
    pipeline.work(seconds=5)
    assert len(outbox.sent) == 1
    assert AgendaItem.objects.get(kind=digests.AGENDA_KIND).due_at > timezone.now()


def test_it_says_what_ran_and_what_needs_somebody(reader: User, at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(7)
    run = configuration.launch(factories.campaign(name="<Big> & bold"), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    outbox.sent.clear()
    Message.objects.update(settled_at=MONDAY - timedelta(hours=3))
    Run.objects.update(finished_at=MONDAY - timedelta(hours=3))
    tallies.count(run, now=timezone.now())
    factories.customers(2, first=100)
    waits = configuration.launch(factories.campaign("later"), by="test", now=timezone.now())
    configuration.pause(waits, reason="Paused by itself: too many came back")
    digests.advance(reader.pk, at_acme, now=MONDAY)
    mail = outbox.sent[0]
    assert mail.subject == "Acme Foods: 7 messages since yesterday morning, 1 thing needs you"
    assert "7 messages, 100.0 % of those tried arrived" in mail.text
    assert "<Big> & bold (completed): 7 messages" in mail.text
    assert "Later is paused: Paused by itself: too many came back" in mail.text
    assert "&lt;Big&gt; &amp; bold" in mail.html
    assert "<Big>" not in mail.html
    assert f"/admin/campaigns/run/{waits.pk}/change/" in mail.text


def test_its_link_ends_it_with_one_post_and_a_look_at_it_does_not(
    reader: User, at_acme: Retailer, outbox: MemoryChannel
) -> None:
    digests.advance(reader.pk, at_acme, now=MONDAY)
    headers = outbox.sent[0].headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = re.sub(r"^<https?://[^/]+|>$", "", headers["List-Unsubscribe"])
    anybody = Client(headers={"host": "acme.localhost"}, enforce_csrf_checks=True)
    assert "No more digests?" in anybody.get(path).content.decode()
    reader.refresh_from_db()
    assert reader.digest == Digest.DAILY
    assert anybody.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    reader.refresh_from_db()
    assert reader.digest == Digest.NONE
    assert digests.advance(reader.pk, at_acme, now=MONDAY + timedelta(days=1)) is None


def test_links_of_another_retailer_or_purpose_end_nothing(reader: User, at_acme: Retailer, globex: Retailer) -> None:
    pk = str(reader.pk)
    foreign, ours = identity.Signer(globex).seal("digest", pk), identity.Signer(at_acme).seal("digest", pk)
    other_purpose = identity.Signer(at_acme).seal("ref", pk)
    forged = (f"{pk}.{foreign}", f"{pk}.{other_purpose}", f"{pk}.{ours[:12]}", f"{pk}1.{ours}", "nonsense", f".{ours}")
    for token in forged:
        answer = Client(headers={"host": "acme.localhost"}).post(f"/d/{token}")
        assert answer.status_code == 404
    reader.refresh_from_db()
    assert reader.digest == Digest.DAILY


def test_somebody_who_may_not_sign_in_gets_none(reader: User, at_acme: Retailer, outbox: MemoryChannel) -> None:
    User.objects.filter(pk=reader.pk).update(is_active=False)
    assert digests.advance(reader.pk, at_acme, now=MONDAY) is None
    assert outbox.sent == []


def test_a_mail_server_that_is_away_is_tried_again(reader: User, at_acme: Retailer, settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    assert digests.advance(reader.pk, at_acme, now=MONDAY) == MONDAY + sending.AGAIN
    settings.EMAIL_URL = "memory://back"
    assert digests.advance(reader.pk, at_acme, now=MONDAY + sending.AGAIN) == MONDAY + timedelta(days=1)


def test_one_that_could_not_be_written_is_still_to_be_told(
    reader: User, at_acme: Retailer, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise ArithmeticError

    with monkeypatch.context() as broken:
        broken.setattr(sending.writing, "write", failing)
        with pytest.raises(ArithmeticError):
            digests.advance(reader.pk, at_acme, now=MONDAY)
    assert digests.advance(reader.pk, at_acme, now=MONDAY) == MONDAY + timedelta(days=1)
    assert len(outbox.sent) == 1


def test_it_arrives_as_text_and_html_from_the_platform(
    reader: User, at_acme: Retailer, settings: Settings, tmp_path: Path
) -> None:
    with SinkProcess(spool=tmp_path / "spool") as sink:
        settings.EMAIL_URL = sink.url
        digests.advance(reader.pk, at_acme, now=MONDAY)
        assert sink.wait_for(1, seconds=5) == 1
        mail = message_from_bytes(next(raw for _, raw in sink.messages()), policy=policy.default)
    assert mail["From"] == "Acme Foods <no-reply@localhost>"
    assert mail["To"] == "admin@acme.example"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert "Nothing went out." in mail.get_body(("plain",)).get_content()
