"""A message that breaks the connection holds up nobody."""

from __future__ import annotations

import socket

from delivery.channels import KINDS
from delivery.channels.base import Channel, Outbound, Result, SmsContent
from delivery.channels.kinds import Account
from tests.channels.contract import ENVELOPE
from tests.channels.servers import server

GATEWAY = KINDS["http_sms"]
LARGE = "x" * 12_000_000


def channel(url: str) -> Channel:
    settings = GATEWAY.settings.model_validate({"url": url})
    return GATEWAY.make(Account("first", settings, GATEWAY.credentials(), timeout=5.0, allow_private=True))


def takes_up_to(most: int, connection: socket.socket) -> None:
    """Hangs up on a request that says it is larger."""
    told = b""
    while b"\r\n\r\n" not in told:
        told += connection.recv(4096)
    head, _, body = told.partition(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    if size > most:
        return
    while len(body) < size:
        body += connection.recv(65_536)
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n{"id":"a"}')


def message(key: str, text: str = "x") -> Outbound:
    return Outbound(key, "+4915112345678", content=SmsContent(text))


def test_a_body_that_is_hung_up_on_is_put_off_and_the_others_go() -> None:
    with server(lambda connection: takes_up_to(100_000, connection)) as url:
        batch = [message("m0", LARGE), *(message(f"m{number}") for number in range(1, 6))]
        outcomes = channel(url).send(ENVELOPE, batch, seconds=10)
    assert [outcome.result for outcome in outcomes] == [Result.DEFERRED] + [Result.ACCEPTED] * 5
    assert outcomes[0].is_recipient_s


def test_where_every_body_is_hung_up_on_the_server_is_the_cause() -> None:
    with server(lambda connection: takes_up_to(10, connection)) as url:
        batch = [message(f"m{number}", LARGE) for number in range(3)]
        outcomes = channel(url).send(ENVELOPE, batch, seconds=10)
    assert sorted(outcome.result for outcome in outcomes) == [Result.DEFERRED, Result.UNSENT, Result.UNSENT]
