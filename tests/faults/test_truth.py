"""What a provider says of itself afterwards: whom it took, and of whom nobody but it can know that."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator

import pytest

from tests.faults.truth import Account, Truth

PERSON = "c1@keyed.example"
LETTER = json.dumps({"to": [PERSON], "from": "news@keyed.example"}).encode()
HEADERS = {"Idempotency-Key": "k1", "Content-Length": str(len(LETTER))}


@pytest.fixture
def truth() -> Iterator[Truth]:
    with Truth({"keyed": "keyed"}, seed=1) as truth:
        yield truth


def status(truth: Truth) -> int:
    line = http.client.HTTPConnection("127.0.0.1", truth.ports["keyed"], timeout=10)
    line.request("POST", "/emails", LETTER, HEADERS)
    try:
        return line.getresponse().status
    finally:
        line.close()


def account(truth: Truth) -> Account:
    return truth.ledger()["keyed"]


def test_who_was_answered_is_known(truth: Truth) -> None:
    assert status(truth) == 200
    told = account(truth)
    assert ([each.recipient for each in told.taken], told.doubtful) == ([PERSON], frozenset())


def test_an_error_of_the_provider_s_own_leaves_open_what_it_did(truth: Truth) -> None:
    truth.weather("storm")
    assert status(truth) == 503
    assert account(truth).doubtful == {PERSON}


def test_an_answer_that_nobody_waits_for_leaves_it_open(truth: Truth) -> None:
    lines = ["POST /emails HTTP/1.1", *(f"{name}: {value}" for name, value in HEADERS.items()), "", ""]
    with socket.create_connection(("127.0.0.1", truth.ports["keyed"])) as line:
        line.sendall("\r\n".join(lines).encode() + LETTER)
    assert truth.wait_for(1, seconds=10) == 1
    assert account(truth).doubtful == {PERSON}
