"""Opens and clicks over HTTP: answered at once, kept before that; nothing for what is no link of ours."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from campaigns import configuration
from delivery import judgement, pipeline, providers, recording
from delivery.channels.memory import MemoryChannel
from delivery.humans import HUMAN
from delivery.identity import Signer
from delivery.models import Message, Signal
from delivery.recording import Recorder
from delivery.signals import Heard
from delivery.views import hits as views
from tenants import context
from tenants.models import Domain, Retailer
from tests import factories
from tests.delivery.humans.traces import IPHONE
from tests.delivery.signals.following import clicks, opened

HTML = f'<html><body><a href="https://shop.example/ü?a=1">Shop</a>{factories.OUT}</body></html>'
PEOPLE = 20


@pytest.fixture
def sent(live_retailer: Retailer, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The HTML of messages that were sent, committed: another connection writes what comes back of them."""
    monkeypatch.setattr(views, "_hosts", views._Hosts())  # a host's retailer of the test before is another one
    monkeypatch.setattr(recording, "PATIENCE", 60.0)  # on a busy machine too, what is told is kept
    settings.EMAIL_URL = "memory://hits"
    with context.in_retailer(live_retailer):
        channel = providers.channel(live_retailer, "email")
        assert isinstance(channel, MemoryChannel)
        channel.sent.clear()
        factories.customers(PEOPLE)
        factories.template("linked", html=HTML)
        steps = [{"key": "first", "channel": "email", "template": "linked"}]
        configuration.launch(factories.campaign("linked", steps=steps), by="test", now=timezone.now())
        pipeline.work(seconds=30)
        yield [each.html for each in channel.sent]


def browser(retailer: Retailer) -> Client:
    return Client(headers={"host": f"{retailer.slug}.localhost", "user-agent": "Mail/1.0"})


def kept() -> list[tuple[str, int | None, str, str]]:
    return sorted(Signal.objects.values_list("kind", "link", "network", "user_agent"), key=str)


def test_hits_are_answered_and_kept(live_retailer: Retailer, sent: list[str]) -> None:
    reader = browser(live_retailer)
    click = reader.get(f"/t/c/{clicks(sent[0])[0]}")
    assert (click.status_code, click["Location"]) == (302, "https://shop.example/%C3%BC?a=1")
    opening = reader.get(f"/t/o/{opened(sent[0])}", REMOTE_ADDR="203.0.113.9")
    assert (opening.status_code, opening["Content-Type"], opening.content[:6]) == (200, "image/gif", b"GIF89a")
    assert "no-store" in opening["Cache-Control"]
    assert not click.cookies
    context.enter(live_retailer)
    assert kept() == [("click", 1, "127.0.0.0/24", "Mail/1.0"), ("open", None, "203.0.113.0/24", "Mail/1.0")]
    assert Signal.objects.filter(run=Message.objects.first().run_id).count() == 2  # type: ignore[union-attr]


def test_whoever_asks_for_the_head_alone_has_read_nothing(live_retailer: Retailer, sent: list[str]) -> None:
    reader = Client(headers={"host": f"{live_retailer.slug}.localhost", "user-agent": IPHONE})
    assert reader.head(f"/t/c/{clicks(sent[0])[0]}").status_code == 302
    assert reader.get(f"/t/c/{clicks(sent[1])[0]}").status_code == 302
    context.enter(live_retailer)
    now = timezone.now()
    Message.objects.update(settled_at=now - timedelta(hours=2))
    Signal.objects.update(received_at=now - timedelta(minutes=2))
    judgement.advance(live_retailer, now=now)
    by_what = {detail: (human or 0) >= HUMAN for detail, human in Signal.objects.values_list("detail", "human")}
    assert by_what == {"head": False, "": True}


def test_a_web_server_answers_hits_ahead_of_everything_else(live_retailer: Retailer, sent: list[str]) -> None:
    reader = browser(live_retailer)
    for path in (f"/t/o/{opened(sent[0])}", f"/t/c/{clicks(sent[0])[0]}", "/t/o/made-up", "/t/x/", "/t/"):
        for method in ("GET", "HEAD", "POST"):
            behind = reader.generic(method, path)
            status, headers, body = ask_ahead(method, path, live_retailer)
            assert status == f"{behind.status_code} {behind.reason_phrase}"
            assert body == (b"" if method == "HEAD" else behind.content)
            assert headers == {name: behind[name] for name in headers}
            assert int(headers["Content-Length"]) == len(behind.content) or method == "HEAD"
    assert ask_ahead("GET", "/track", live_retailer) == ("418 I'm a Teapot", {}, b"/track")
    context.enter(live_retailer)
    assert {detail for *_, detail in Signal.objects.values_list("kind", "detail")} == {"", "head"}
    assert set(Signal.objects.values_list("kind", flat=True)) == {"open", "click"}


def ask_ahead(method: str, path: str, retailer: Retailer) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers and body; whatever is no hit is answered by a teapot."""
    told: list[Any] = []

    def teapot(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("418 I'm a Teapot", [])
        return [environ["PATH_INFO"].encode()]

    def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        told.extend((status, dict(headers)))

    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_HOST": f"{retailer.slug}.localhost:80",
               "HTTP_USER_AGENT": f"Mail/{method}", "REMOTE_ADDR": "127.0.0.1"}  # fmt: skip
    body = b"".join(views.ahead_of(teapot)(environ, start_response))
    return told[0], told[1], body


def test_what_is_no_link_of_ours_leaves_nothing(live_retailer: Retailer, sent: list[str], globex: Retailer) -> None:
    reader, chance = browser(live_retailer), random.Random(5)
    click, opening = clicks(sent[0])[0], opened(sent[0])
    abroad = Signer(globex).tokens(Message.objects.earliest("pk").pk)
    bad = [
        f"/t/c/{opening}.{click.partition('.')[2]}", f"/t/o/{click.partition('.')[0]}", f"/t/o/{abroad.open}",
        f"/t/x/{opening}", "/t/", "/t/o", "/t/c/" + "A" * 5000, f"/t/o/{opening}/", f"/t/c/{click}?url=https://x.example",
    ]  # fmt: skip
    for _ in range(100):
        token = chance.choice((click, opening))
        at = chance.randrange(len(token))
        other = chance.choice("ABCxyz019-_".replace(token[at], ""))
        changed = token[:at] + other + token[at + 1 :]
        bad.append(f"/t/{'c' if token is click else 'o'}/{changed}")
    answers = {path: reader.get(path).status_code for path in bad}
    assert {path: status for path, status in answers.items() if status != 404} == {bad[8]: 302}  # to where it leads
    assert reader.post(f"/t/o/{opening}").status_code == 405
    assert browser(globex).get(f"/t/o/{opening}").status_code == 404
    context.enter(live_retailer)
    assert Signal.objects.count() == 1


def test_many_at_once_are_each_kept_once(live_retailer: Retailer, sent: list[str]) -> None:
    paths = [f"/t/o/{opened(html)}" for html in sent] * 3
    schema = live_retailer

    def ask(path: str) -> int:
        try:
            return browser(schema).get(path).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, paths)) == {200}
    context.enter(live_retailer)
    assert Signal.objects.values("message").distinct().count() == PEOPLE


def test_a_click_leads_on_where_nothing_can_be_kept(
    live_retailer: Retailer, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "keep", lambda *_: False)
    reader = browser(live_retailer)
    assert reader.get(f"/t/c/{clicks(sent[0])[0]}").status_code == 302
    assert reader.get(f"/t/o/{opened(sent[0])}").status_code == 503


def test_a_lost_connection_is_made_anew(live_retailer: Retailer, sent: list[str]) -> None:
    recorder, number = Recorder(), Message.objects.earliest("pk").pk
    assert recorder.keep(live_retailer, Heard(number, "open", "link", "1"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert recorder.keep(live_retailer, Heard(number, "open", "link", "2"))
    assert Signal.objects.filter(message=number).count() == 2
    assert threading.active_count() > 1


def test_one_link_asked_for_again_and_again_does_not_fill_the_table(live_retailer: Retailer, sent: list[str]) -> None:
    reader, path, begun = browser(live_retailer), f"/t/o/{opened(sent[0])}", time.monotonic() // 60
    assert {reader.get(path, headers={"user-agent": f"Mail/{n}"}).status_code for n in range(90)} == {200}
    minutes = time.monotonic() // 60 - begun + 1  # that it was asked for in: each has its own bound
    context.enter(live_retailer)
    assert Signal.objects.count() <= views.MOST_HITS * minutes


@pytest.mark.parametrize("purpose", [Domain.Purpose.TRACKING, Domain.Purpose.FORMER])
def test_a_domain_for_tracking_serves_links_alone(
    live_retailer: Retailer, sent: list[str], purpose: Domain.Purpose
) -> None:
    Domain.objects.create(tenant=live_retailer, domain="links.initech.example", purpose=purpose)
    reader = Client(headers={"host": "links.initech.example"})
    tokens = Signer(live_retailer).tokens(Message.objects.earliest("pk").pk)
    paths = (f"/t/o/{tokens.open}", f"/u/{tokens.message}", f"/p/{tokens.message}", f"/v/{tokens.view}")
    assert [reader.get(path).status_code for path in paths] == [200] * 4
    assert [reader.get(path).status_code for path in ("/", "/admin/", "/admin/login/", "/api/v1/runs/")] == [404] * 4
