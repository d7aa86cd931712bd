"""The client that goes where others say: nowhere inside, never further than asked, never for longer."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.channels import guarded
from delivery.channels.guarded import Client, Lost, NotAllowed, Request, Unsent
from tests.channels.servers import OK, answering, server

PROMPT = 10.0  # seconds: far from the half minute of who keeps a caller waiting


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::1", "2001:0:a00:1::",
        "2001:db8::1", "fec0::1",
    ],
)  # fmt: skip
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not guarded.is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_an_address_outside_is_public(address: str) -> None:
    assert guarded.is_public(address)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_no_spelling_of_an_address_inside_is_called(host: str) -> None:
    with pytest.raises((NotAllowed, Unsent)) as refused:
        Client().send(Request("GET", f"https://{host}:8/"), seconds=2)
    assert isinstance(refused.value, NotAllowed) or "not known" in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/", "ftp://shop.example/", "file:///etc/passwd", "javascript:alert(1)", "//shop.example/",
        "https://user:pass@shop.example/", "https://user@shop.example/", "https://shop.example/#x", "https:///x", "",
        "https://shop.example\\@evil.example/", "https://shop.example/a b", "https://shop.example/\r\nHost: x",
        "https://shöp.example/", "https://shop.example:99999/", "https://shop.example:x/", "https://[::1/",
        "https://shop.example/" + "x" * 2_000, "https://shop.example/\x00",
    ],
)  # fmt: skip
def test_an_address_that_could_be_misread_is_refused(url: str) -> None:
    with pytest.raises(NotAllowed):
        guarded.target(url, allow_private=False)


@given(st.text(max_size=60) | st.text(max_size=60).map(lambda rest: f"https://{rest}"))
def test_whatever_is_written_is_a_target_or_refused(url: str) -> None:
    try:
        found = guarded.target(url, allow_private=False)
    except NotAllowed:
        return
    assert found.origin.scheme == "https"
    assert not set(found.origin.host) & set("@/\\#? ")
    assert found.path.startswith("/")


def test_a_name_is_looked_up_once_and_that_address_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second answer, which points inside, is never asked for."""
    with server(answering(OK)) as url:
        port, real, asked = int(url.split(":")[2].split("/")[0]), socket.getaddrinfo, []

        def look_up(host: str, *args: object, **named: object) -> object:
            if host == "shop.example":
                asked.append(host)
                return real("127.0.0.1", port, type=socket.SOCK_STREAM)
            return real(host, *args, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        answer = Client(allow_private=True).send(Request("GET", f"http://shop.example:{port}/"), seconds=5)
    assert (answer.status, answer.body, asked) == (200, b"{}", ["shop.example"])


def test_one_address_inside_among_several_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **named: found)
    with pytest.raises(NotAllowed, match="inside a network"):
        guarded.locate("shop.example", 443, allow_private=False)


def test_where_nobody_listens_it_was_not_sent() -> None:
    with pytest.raises(Unsent):
        Client(allow_private=True).send(Request("POST", "http://127.0.0.1:1/", body=b"x"), seconds=2)


def test_a_name_that_is_unknown_was_not_sent() -> None:
    with pytest.raises(Unsent, match="not known"):
        Client(allow_private=True).send(Request("POST", "http://no-such-host.invalid/", body=b"x"), seconds=2)


def test_no_tls_where_it_should_be_was_not_sent() -> None:
    with server(answering(b"HTTP/1.1 400 Bad\r\n\r\n")) as url, pytest.raises(Unsent, match="TLS"):
        Client(allow_private=True).send(Request("POST", url.replace("http:", "https:"), body=b"x"), seconds=3)


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nContent-", b"HTTP/1.1 200 OK\r\nX-Re", b"HTTP/1.1 200 OK\r\nX: a"]
)
def test_an_answer_that_breaks_off_in_its_head_is_not_whole(head: bytes) -> None:
    with server(answering(head)) as url:
        assert not Client(allow_private=True).send(Request("POST", url, body=b"x"), seconds=3).is_whole


@pytest.mark.parametrize("said", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1."])
def test_no_readable_answer_is_lost(said: bytes) -> None:
    with server(answering(said)) as url, pytest.raises(Lost):
        Client(allow_private=True).send(Request("POST", url, body=b"x"), seconds=3)


def test_an_answer_that_breaks_off_or_is_too_long_says_so() -> None:
    with server(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}")) as url:
        answer = Client(allow_private=True).send(Request("POST", url, body=b"x"), seconds=3)
    assert (answer.status, answer.body, answer.is_whole) == (200, b"{}", False)
    with server(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000)) as url:
        answer = Client(allow_private=True, most_bytes=100).send(Request("POST", url, body=b"x"), seconds=3)
    assert (len(answer.body), answer.is_whole) == (100, False)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"])
def test_an_answer_drop_by_drop_ends_with_the_time_allowed(head: bytes) -> None:
    with server(answering(head, *[b"x"] * 300, pause=0.1)) as url:
        begun = time.monotonic()
        try:
            answer = Client(allow_private=True).send(Request("POST", url, body=b"x"), seconds=1.5)
            assert not answer.is_whole
        except Lost:
            pass
        assert time.monotonic() - begun < PROMPT


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n"])
def test_the_body_of_an_answer_that_ends_with_the_connection_is_read_also_when_it_comes_later(head: bytes) -> None:
    head += b"Content-Length: 2\r\n\r\n"
    with server(answering(head, b"{}", pause=0.05)) as url:
        answer = Client(allow_private=True).send(Request("GET", url), seconds=5)
    assert (answer.body, answer.is_whole) == (b"{}", True)


def test_a_redirect_is_an_answer_like_any_other() -> None:
    moved = b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with server(answering(moved)) as url:
        assert Client(allow_private=True).send(Request("POST", url, body=b"x"), seconds=3).status == 307


def test_a_header_of_two_lines_is_refused() -> None:
    with server(answering(OK)) as url, pytest.raises(NotAllowed):
        Client(allow_private=True).send(Request("POST", url, {"X": "a\r\nHost: b"}, b"x"), seconds=3)


def test_a_connection_that_the_other_side_closed_is_not_used_again() -> None:
    answer, closed = answering(OK), threading.Event()

    def answer_and_close(connection: socket.socket) -> None:  # without saying so
        answer(connection)
        connection.close()
        closed.set()

    with server(answer_and_close) as url:
        client = Client(allow_private=True)
        for _ in range(5):
            assert client.send(Request("POST", url, body=b"x"), seconds=30).status == 200
            assert closed.wait(30)
            closed.clear()


def test_a_look_up_that_hangs_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hang(*args: Any, **more: Any) -> list[Any]:
        over.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    begun = time.monotonic()
    with pytest.raises(guarded.Unsent, match="nobody answered in time"):
        guarded.connect("slow.example", 443, seconds=0.2, allow_private=False)
    assert time.monotonic() - begun < PROMPT
    over.set()
