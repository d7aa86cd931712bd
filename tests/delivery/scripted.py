"""A mail server whose answers a test writes down beforehand, and that remembers what it was told and what it took."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from delivery.channels.base import Envelope, Outbound, Outcome, Result
from delivery.channels.email.settings import SmtpSettings
from delivery.channels.email.smtp import SmtpChannel

PIPELINED = ("PIPELINING", "8BITMIME")
LOCKSTEP = ("8BITMIME",)
CHUNKED = (*PIPELINED, "CHUNKING")
ENVELOPE = Envelope("bounces@acme.example", "Acme", "news@acme.example")


@dataclass(frozen=True)
class Answer:
    """`take` lets the server keep a message it does not say 250 to; `drop` and `hang` follow the reply, if any."""

    reply: str = ""
    after: float = 0.0  # seconds
    drop: bool = False
    hang: bool = False
    take: bool = False


DROP = Answer(drop=True)
HANG = Answer(hang=True)
TAKE_AND_DROP = Answer(drop=True, take=True)
TAKE_AND_HANG = Answer(hang=True, take=True)


_USUAL = {"AUTH": "235 welcome", "QUIT": "221 bye", "RSET": "250 ok", "NOOP": "250 ok", "HELO": "250 ok"}
Script = Mapping[str, Sequence[str | Answer | None]]


@dataclass(frozen=True)
class Mail:
    recipients: tuple[str, ...]
    content: bytes

    @property
    def key(self) -> str:
        return self.content.partition(b"X-Bannerline-Message: ")[2].partition(b"\r\n")[0].decode()


def outbound(
    key: str, *, recipient: str | None = None, subject: str = "Hello", html: str = "Größe", text: str = "x"
) -> Outbound:
    return Outbound(key, f"{key}@shop.example" if recipient is None else recipient, subject, html, text)


def batch(size: int) -> list[Outbound]:
    return [outbound(f"m{number}") for number in range(size)]


class Dropped(Exception):
    """This end of the conversation is over."""


class ScriptedServer:
    """Answers per verb, used up in order over all connections (None: the usual one), then the usual ones.

    Verbs are CONNECT, EHLO, AUTH, STARTTLS, MAIL, RCPT, DATA, BDAT (a chunk that is not the last), `.` (the end of a
    message, also by its last chunk), RSET and QUIT. `knows_bdat`: else a chunk is read as commands.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        extensions: Sequence[str] = PIPELINED,
        tls: ssl.SSLContext | None = None,
        piecemeal: bool = False,
        lenient: bool = False,
        knows_bdat: bool = True,
    ) -> None:
        self.mails: list[Mail] = []
        self.commands: list[list[str]] = []
        self.ran_ahead = False  # whether commands came before the reply to the one before them
        self.extensions, self.tls, self.piecemeal, self.lenient = extensions, tls, piecemeal, lenient
        self.knows_bdat = knows_bdat
        self._script = {verb: list(answers) for verb, answers in (script or {}).items()}
        self.clients: list[socket.socket] = []
        self._over = threading.Event()

    @property
    def keys(self) -> list[str]:
        return [mail.key for mail in self.mails]

    def hang_up(self) -> None:
        """Close every connection, as a server does with idle ones."""
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def next_answer(self, verb: str) -> Answer | None:
        answers = self._script.get(verb)
        answer = answers.pop(0) if answers else None
        return Answer(answer) if isinstance(answer, str) else answer

    def wait(self, seconds: float) -> None:
        self._over.wait(seconds)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self.hang_up()
        self._thread.join(10)
        self._listener.close()

    def _accept(self) -> None:
        sessions: list[threading.Thread] = []
        with contextlib.suppress(OSError):
            while not self._over.is_set():
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.clients.append(client)
                self.commands.append([])
                session = threading.Thread(target=_Session(self, client, self.commands[-1]).run, daemon=True)
                session.start()
                sessions.append(session)
        for session in sessions:
            session.join(10)


class _Session:
    def __init__(self, server: ScriptedServer, client: socket.socket, commands: list[str]) -> None:
        self._server, self._client, self._commands = server, client, commands
        self._unread = b""
        self._mail_given = False
        self._recipients: list[str] = []
        self._chunks = b""

    def run(self) -> None:
        with contextlib.suppress(Dropped, OSError), contextlib.closing(self):
            self._answer("CONNECT", "220 scripted ESMTP")
            while True:
                line = self._line().decode("utf-8", "replace").strip()
                self._commands.append(line)
                self._command(line.partition(" ")[0].upper(), line)

    def close(self) -> None:
        self._client.close()

    def _command(self, verb: str, line: str) -> None:
        if verb == "EHLO":
            self._answer(
                "EHLO", "\r\n".join(["250-scripted", *[f"250-{x}" for x in self._server.extensions], "250 HELP"])
            )
        elif verb == "STARTTLS":
            self._answer("STARTTLS", "220 go ahead")
            assert self._server.tls is not None
            self._client = self._server.tls.wrap_socket(self._client, server_side=True)
            self._server.clients.append(self._client)
        elif verb == "MAIL":
            said = self._answer("MAIL", "503 nested MAIL" if self._mail_given else "250 sender ok")
            self._mail_given = self._mail_given or said.startswith("2")
        elif verb == "RCPT":
            said = self._answer("RCPT", "250 recipient ok" if self._mail_given else "503 MAIL first")
            if said.startswith("2"):
                self._recipients.append(line.partition("<")[2].partition(">")[0])
        elif verb == "DATA":
            if self._answer("DATA", "354 go on" if self._recipients else "554 no valid recipients").startswith("3"):
                self._content()
        else:
            self._other(verb, line)

    def _other(self, verb: str, line: str) -> None:
        if verb == "BDAT" and self._server.knows_bdat:
            self._chunk(*line.split()[1:])
            return
        if verb == "RSET":
            self._mail_given, self._recipients, self._chunks = False, [], b""
        self._answer(verb, _USUAL.get(verb, "500 what?"))
        if verb == "QUIT":
            raise Dropped

    def _content(self) -> None:
        lines: list[bytes] = []
        ends = {b".\r\n", b".\n"} if self._server.lenient else {b".\r\n"}
        while (line := self._line()) not in ends:
            lines.append(line.removeprefix(b"."))
        self._end_of_mail(b"".join(lines))

    def _chunk(self, size: str, last: str = "") -> None:
        """Whatever it answers, it reads the octets. A refused message is not over before RSET."""
        self._chunks += self._octets(int(size))
        if not self._recipients:
            self._chunks = b""
            self._answer("." if last else "BDAT", "554 no valid recipients" if self._mail_given else "503 MAIL first")
        elif last:
            self._end_of_mail(self._chunks)
        else:
            self._answer("BDAT", "250 go on")

    def _end_of_mail(self, content: bytes) -> None:
        mail = Mail(tuple(self._recipients), content)
        self._mail_given, self._recipients, self._chunks = False, [], b""
        answer = self._server.next_answer(".") or Answer(f"250 2.0.0 Ok: queued as Q{len(self._server.mails)}")
        if answer.take or answer.reply.startswith("2"):
            self._server.mails.append(mail)
        self._say(answer)

    def _answer(self, verb: str, usual: str) -> str:
        answer = self._server.next_answer(verb) or Answer(usual)
        self._say(answer)
        return answer.reply

    def _say(self, answer: Answer) -> None:
        self._server.ran_ahead = self._server.ran_ahead or bool(self._unread) or self._has_more()
        self._server.wait(answer.after)
        data = f"{answer.reply}\r\n".encode("utf-8", "surrogateescape") if answer.reply else b""
        for piece in [data[i : i + 1] for i in range(len(data))] if self._server.piecemeal else [data]:
            self._client.sendall(piece)
        if answer.hang:
            self._server.wait(30)
        if answer.hang or answer.drop:
            raise Dropped

    def _has_more(self) -> bool:
        return not isinstance(self._client, ssl.SSLSocket) and bool(select.select([self._client], [], [], 0)[0])

    def _octets(self, number: int) -> bytes:
        while len(self._unread) < number:
            self._receive()
        octets, self._unread = self._unread[:number], self._unread[number:]
        return octets

    def _receive(self) -> None:
        received = self._client.recv(65_536)
        if not received:
            raise Dropped
        self._unread += received

    def _line(self) -> bytes:
        while b"\n" not in self._unread:
            self._receive()
        line, end, self._unread = self._unread.partition(b"\n")
        return line + end


def channel(server: ScriptedServer, **changes: Any) -> SmtpChannel:
    return SmtpChannel(SmtpSettings("127.0.0.1", server.port, **changes))


def check(server: ScriptedServer, outcomes: Sequence[Outcome]) -> None:
    """What is told of m0, m1 ... is what became of them: nobody's arrived twice, or at another's."""
    taken = Counter(mail.key for mail in server.mails if mail.recipients)
    assert [outcome.key for outcome in outcomes] == [f"m{number}" for number in range(len(outcomes))]
    assert all(mail.recipients in {(), (f"{mail.key}@shop.example",)} for mail in server.mails)
    for outcome in outcomes:
        assert taken[outcome.key] in _TAKEN[outcome.result], outcome


_TAKEN = {
    Result.ACCEPTED: {1},
    Result.REJECTED: {0},
    Result.DEFERRED: {0},
    Result.UNSENT: {0},
    Result.UNKNOWN: {0, 1},
}


def results(server: ScriptedServer, messages: Sequence[Outbound]) -> list[Result]:
    return [outcome.result for outcome in channel(server).send(ENVELOPE, messages, seconds=10)]
