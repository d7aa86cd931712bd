"""Providers for the contract suite, in a process of their own: `python -m tests.channels.fake_provider`.

It prints its ports as one line of JSON. POST /_behave sets how it treats which message: {"m3": ["take and drop"],
"*": ["fail"]}; a list is used up in order, but for that of "*", and whoever is not named is accepted. GET /_ledger
answers what it took, in order, how often it was called, and over how many connections. What it takes, it has taken,
whatever it then answers.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from tests.channels.dialects import DIALECTS, GOOD, QUESTIONS, Call, Denied, Dialect, Reply, basic
from tests.delivery import scripted
from tests.delivery.scripted import Answer

ASKED_PAUSE = 7  # seconds, in Retry-After
HANGS = 30.0  # seconds that it says nothing, of who hangs


class Ledger:
    """What was taken, and how the next calls are treated."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.begin({})

    def begin(self, behaviour: dict[str, list[str]]) -> None:
        self.behaviour, self.calls, self.connections = behaviour, 0, 0
        self.taken: list[str] = []

    def count(self, *, is_new: bool) -> None:
        with self.lock:
            self.calls += 1
            self.connections += is_new

    def treatment(self, key: str) -> str:
        with self.lock:
            waiting = self.behaviour.get(key)
            if waiting:
                return waiting.pop(0)
            return self.behaviour.get("*", ["accept"])[0]

    def take(self, keys: list[str], *, once: bool) -> None:
        with self.lock:
            self.taken += [key for key in keys if not once or key not in self.taken]


LEDGER = Ledger()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def setup(self) -> None:
        super().setup()
        self.is_new = True  # no message came over this connection yet

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        if self.path == "/_ledger":
            told = {"taken": LEDGER.taken, "calls": LEDGER.calls, "connections": LEDGER.connections}
            mails, connections = SMTP.keys + CHUNKING.keys, SMTP.connections + CHUNKING.connections
            self.answer(Reply(200, told | {"mails": mails, "mail_connections": connections}))
            return
        if urlsplit(self.path).path in QUESTIONS:
            self.tell(urlsplit(self.path))
            return
        known = {f"Bearer {GOOD}", basic("api", GOOD), basic("AC" + "0" * 32, GOOD)}
        is_good = self.headers.get("authorization") in known or self.headers.get("x-postmark-server-token") == GOOD
        is_ses = f"Credential={GOOD}" in self.headers.get("authorization", "")
        self.answer(Reply(200, {}) if is_good or is_ses else Reply(401, {"message": "unauthorised"}))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(urlsplit(self.path).path, headers, body)
        if call.path == "/_behave":
            LEDGER.begin(call.json())
            SMTP.behave(call.json())
            CHUNKING.behave(call.json())
            self.answer(Reply(200, {}))
        elif call.path == "/token":
            assert call.form()["assertion"].count(".") == 2
            if LEDGER.behaviour.get("*") == ["slow token"]:
                OVER.wait(HANGS)
            is_denied = LEDGER.behaviour.get("*") == ["deny"]
            token = {"access_token": GOOD, "expires_in": 3600, "token_type": "Bearer"}
            self.answer(Reply(401, {"error": "invalid_grant"}) if is_denied else Reply(200, token))
        else:
            LEDGER.count(is_new=self.is_new)
            self.is_new = False
            self.treat(call, DIALECTS["/push" if call.path.startswith("/push/") else call.path])

    def tell(self, asked: SplitResult) -> None:
        """What became of a message, for who may ask; `asked` is how questions are treated."""
        told = QUESTIONS[asked.path](parse_qs(asked.query), LEDGER.taken)
        treatment = LEDGER.treatment("asked") if "asked" in LEDGER.behaviour else "accept"
        if treatment == "accept":
            self.answer(Reply(200, told))
        else:
            self.treat_one(treatment, ["x"], DIALECTS["/emails"])

    def treat(self, call: Call, dialect: Dialect) -> None:
        try:
            keys = dialect.keys(call)
        except Denied:
            self.answer(Reply(401, {"message": "unauthorised"}))
            return
        if call.path == "/email/batch":
            self.treat_group(keys, dialect)
            return
        self.treat_one(LEDGER.treatment(keys[0]), keys, dialect)

    def treat_group(self, keys: list[str], dialect: Dialect) -> None:
        """Postmark answers for each message of a request; what concerns the request concerns them all."""
        treatments = {key: LEDGER.treatment(key) for key in keys}
        whole = next((each for each in treatments.values() if each not in ("accept", "refuse")), None)
        if whole:
            self.treat_one(whole, keys, dialect)
            return
        good = [key for key in keys if treatments[key] == "accept"]
        LEDGER.take(good, once=False)
        no = {"ErrorCode": 406, "Message": "inactive recipient"}
        yes = dict(zip(good, dialect.accepted(good).document, strict=True))
        self.answer(Reply(200, [yes.get(key, no) for key in keys]))

    def treat_one(self, treatment: str, keys: list[str], dialect: Dialect) -> None:
        if treatment in ("accept", "take and drop", "take and hang"):
            LEDGER.take(keys, once=dialect.is_keyed)
        if treatment in ("take and drop", "take and hang"):
            if treatment == "take and hang":
                OVER.wait(HANGS)
            self.close_connection = True
            return
        replies = {
            "accept": dialect.accepted(keys),
            "refuse": dialect.refused,
            "fail": Reply(500, {"message": "internal error"}),
            "between": Reply(502, {"message": "bad gateway"}),
            "busy": Reply(429, {"message": "slow down"}, {"Retry-After": str(ASKED_PAUSE)}),
            "deny": Reply(401, {"message": "unauthorised"}),
            "elsewhere": Reply(302, None, {"Location": "http://127.0.0.1:1/"}),
        }
        if treatment in replies:
            self.answer(replies[treatment])
        elif treatment.startswith("say "):  # a status, and a document
            _, status, words = treatment.split(" ", 2)
            self.write(int(status), words.encode(), {"Content-Type": "application/json"})
        elif treatment == "html":
            self.write(200, b"<html><body>Welcome</body></html>", {"Content-Type": "text/html"})
        else:
            assert treatment == "truncate"
            self.write(200, b'{"id": "id-', {"Content-Length": "200"})
            self.close_connection = True

    def answer(self, reply: Reply) -> None:
        body = b"" if reply.document is None else json.dumps(reply.document).encode()
        self.write(reply.status, body, {"Content-Type": "application/json", **reply.headers})

    def write(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | dict(headers)).items():
            if status != 204 or name != "Content-Length":
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # connections at once


class MailServer(scripted.ScriptedServer):
    """The same treatments in SMTP, where a message is known by its recipient."""

    def behave(self, behaviour: dict[str, list[str]]) -> None:
        self.behaviour = behaviour
        self.mails.clear()
        self.connections_before = len(self.clients)

    @property
    def connections(self) -> int:
        return len(self.clients) - self.connections_before

    def next_answer(self, verb: str) -> Answer | None:
        everybody = self.behaviour.get("*", [""])[0]
        announced = [line for line in self.commands[-1] if line.upper().startswith("RCPT")]
        key = announced[-1].partition("<")[2].partition("@")[0] if announced else ""
        if (verb, everybody) == ("CONNECT", "busy"):
            return Answer("421 too busy", drop=True)
        if (verb, everybody) == ("MAIL", "deny"):
            return Answer("530 5.7.0 authentication required")
        if verb == "RCPT" and self.behaviour.get(key) == ["refuse"]:
            return Answer("550 5.1.1 no such user")
        return self._end_answer(key, everybody) if verb == "." else None

    def _end_answer(self, key: str, everybody: str) -> Answer | None:
        waiting = self.behaviour.get(key)
        return {
            "take and drop": scripted.TAKE_AND_DROP,
            "take and hang": scripted.TAKE_AND_HANG,
            "fail": Answer("451 4.3.0 internal error"),
            "html": Answer("<html>"),
            "truncate": Answer("25"),
        }.get(waiting.pop(0) if waiting else everybody)


OVER = threading.Event()
SMTP, CHUNKING = MailServer(), MailServer(extensions=scripted.CHUNKED)


def main() -> None:
    SMTP.behave({})
    CHUNKING.behave({})
    with SMTP, CHUNKING:
        server = Server(("127.0.0.1", 0), Handler)
        ports = {"http": server.server_address[1], "smtp": SMTP.port, "chunking": CHUNKING.port}
        print(json.dumps(ports), flush=True)  # noqa: T201
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.read()  # until whoever started it ends, or closes the pipe
        OVER.set()
        server.shutdown()


if __name__ == "__main__":
    main()
