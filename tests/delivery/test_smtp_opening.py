"""Getting to a mail server: what a person is told when it does not work, and whether waiting may help."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from delivery.channels.base import ChannelUnavailable, Result
from delivery.channels.email.settings import SmtpSettings
from delivery.channels.email.smtp import SmtpChannel
from tests.delivery.scripted import DROP, ENVELOPE, HANG, PIPELINED, Answer, Script, ScriptedServer, batch, channel

LOGIN = (*PIPELINED, "AUTH PLAIN")


def refusal_of(sender: SmtpChannel) -> ChannelUnavailable:
    with pytest.raises(ChannelUnavailable) as refusal:
        sender.send(ENVELOPE, batch(2), seconds=1)
    return refusal.value


@pytest.mark.parametrize(
    ("script", "cure"),
    [
        ({"CONNECT": ["554 5.7.1 your address is listed"]}, "your address is listed"),
        ({"CONNECT": ["421 4.3.2 too busy"]}, "too busy"),
        ({"CONNECT": [DROP]}, "hung up"),
        ({"CONNECT": [HANG]}, "hung up before it was ready"),
        ({"EHLO": [DROP]}, "hung up"),
        ({"CONNECT": ["HTTP/1.1 400 Bad Request"]}, "turns us away"),
    ],
)
def test_a_server_that_does_not_greet_us_is_unavailable_for_now(script: Script, cure: str) -> None:
    with ScriptedServer(script) as server:
        refusal = refusal_of(channel(server, connect_timeout=2.0))
    assert cure in str(refusal)
    assert f"127.0.0.1:{server.port}" in str(refusal)
    assert not refusal.permanent


def test_a_port_nobody_listens_at_is_said_to_be_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    refusal = refusal_of(SmtpChannel(SmtpSettings("127.0.0.1", port)))
    assert f"127.0.0.1:{port}" in str(refusal)
    assert "start the mail server" in str(refusal)
    assert not refusal.permanent


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", f"{'a' * 64}.example"])
def test_a_host_that_cannot_be_found_is_named(host: str) -> None:
    refusal = refusal_of(SmtpChannel(SmtpSettings(host, 25)))
    assert f"{host}:25" in str(refusal)
    assert "correct it" in str(refusal)


def test_a_login_that_is_taken_lets_the_batch_through() -> None:
    with ScriptedServer(extensions=LOGIN) as server:
        outcomes = channel(server, username="acme", password="secret").send(ENVELOPE, batch(2), seconds=10)
    assert [outcome.result for outcome in outcomes] == [Result.ACCEPTED, Result.ACCEPTED]


@pytest.mark.parametrize(("reply", "permanent"), [("535 5.7.8 wrong", True), ("454 4.7.0 try later", False)])
def test_a_refused_login_is_permanent_only_if_the_server_says_so(reply: str, permanent: bool) -> None:
    with ScriptedServer({"AUTH": [reply] * 2}, extensions=LOGIN) as server:
        refusal = refusal_of(channel(server, username="acme", password="s3cret"))
    assert (refusal.permanent, reply in str(refusal)) == (permanent, True)
    assert "s3cret" not in str(refusal)


@pytest.mark.parametrize("changes", [{"username": "acme", "password": "s3cret"}, {"security": "starttls"}])
def test_a_server_without_what_the_settings_ask_for_needs_a_person(changes: dict[str, str]) -> None:
    with ScriptedServer() as server:
        refusal = refusal_of(channel(server, **changes))
    assert refusal.permanent
    assert "smtps://" in str(refusal)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_a_server_that_wants_a_login_burns_no_message(verb: str) -> None:
    with ScriptedServer({verb: ["530 5.7.0 authentication required"]}) as server:
        refusal = refusal_of(channel(server))
    assert refusal.permanent
    assert "set the user name" in str(refusal)


def test_a_server_that_vanishes_in_the_middle_leaves_the_rest_unsent_without_an_exception() -> None:
    script: Script = {".": [None, Answer("250 ok", drop=True)], "CONNECT": [None, "421 too busy", "421 too busy"]}
    with ScriptedServer(script) as server:
        outcomes = channel(server).send(ENVELOPE, batch(4), seconds=10)
    assert [outcome.result for outcome in outcomes] == [
        Result.ACCEPTED,
        Result.ACCEPTED,
        Result.UNSENT,
        Result.UNSENT,
    ]
    assert "too busy" in outcomes[3].detail


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("needs the openssl command to make a certificate")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    request = (
        f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    made = subprocess.run([*request.split(), "-keyout", "-", "-out", "-"], check=True, capture_output=True)
    path.write_bytes(made.stdout)
    return path


@pytest.mark.parametrize("trusted", [True, False])
def test_tls_is_used_when_asked_for_and_its_certificate_is_checked(
    certificate: Path, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with ScriptedServer(extensions=(*PIPELINED, "STARTTLS"), tls=context) as server:
        sender = SmtpChannel(SmtpSettings("localhost", server.port, security="starttls"))
        if trusted:
            outcomes = [*sender.send(ENVELOPE, batch(20), seconds=10), *sender.send(ENVELOPE, batch(1), seconds=10)]
            assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
            assert len(server.commands) == 1
        else:
            assert "SSL_CERT_FILE" in str(refusal_of(sender))
    assert len(server.mails) == (21 if trusted else 0)
