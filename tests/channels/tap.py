"""A wire to a mail server that somebody can be at: the server ends at one moment of one message."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import Self

_END = re.compile(rb"BDAT (\d+)( LAST)?\r\n|\r\n\.\r\n")  # of a message: its last chunk, or a dot
_TAKEN, _GO_ON = b"queued as", b"354 "
WITHIN = 20.0  # seconds for the server to answer what is withheld


class Moment(Enum):
    """The server has the whole message and has answered, which nobody hears; or it has the half of it."""

    BETWEEN_DOT_AND_ANSWER = "between the final dot and its answer"
    IN_DATA = "in the midst of the message"


class Tap:
    """Passes everything on, for a `with` block. At the `number`th message over one connection, counted from 1, or with
    the group of messages it is in, `end` is called and the wire is cut, once; after that it leads to whoever listens
    behind it, if anybody does.
    """

    def __init__(self, port: int, *, number: int, moment: Moment, end: Callable[[], None]) -> None:
        self._behind, self._number, self._moment, self._end = port, number, moment, end
        self.has_cut = False

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed: the test is over
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with (
            contextlib.closing(client),
            contextlib.suppress(OSError),  # nobody listens behind it, or somebody has hung up
            socket.create_connection(("127.0.0.1", self._behind), timeout=WITHIN) as server,
        ):
            _Wire(self, client, server).run()

    def is_at(self, ended: int, *, in_data: bool) -> bool:
        """Whether this is the moment, after so many messages were ended."""
        if self.has_cut:
            return False
        if self._moment == Moment.IN_DATA:
            return in_data and ended >= self._number - 1
        return not in_data and ended >= self._number

    def cut(self) -> None:
        self.has_cut = True
        self._end()


class _Wire:
    """One connection, read in turns: what the client says, and what the server answers to it."""

    def __init__(self, tap: Tap, client: socket.socket, server: socket.socket) -> None:
        self._tap, self._client, self._server = tap, client, server
        self._said = bytearray()  # since the last whole message
        self._ended, self._go_ons = 0, 0
        self._in_group = False  # whether what was said last ends a message by a chunk
        self._withheld = bytearray()
        self._mute, self._answered = threading.Event(), threading.Event()

    def run(self) -> None:
        answers = threading.Thread(target=self._pass_answers, daemon=True)
        answers.start()
        try:
            while said := self._client.recv(65_536):
                in_data = self._go_ons > self._ended
                before = self._ended
                self._count(said)
                if self._tap.is_at(self._ended - 1 if self._in_group else before, in_data=in_data or self._in_group):
                    self._server.sendall(said[: len(said) // 2])
                    self._tap.cut()
                    return
                if self._tap.is_at(self._ended, in_data=False):
                    self._mute.set()
                    self._server.sendall(said)
                    assert self._answered.wait(WITHIN), bytes(self._withheld)
                    self._tap.cut()
                    return
                self._server.sendall(said)
        finally:
            for end in (self._client, self._server):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            answers.join()

    def _count(self, said: bytes) -> None:
        self._said += said
        self._in_group = False
        while found := _END.search(self._said):
            end = found.end() + int(found[1] or 0)
            if end > len(self._said):
                return
            self._in_group = bool(found[2])
            self._ended += found[1] is None or self._in_group
            del self._said[:end]

    def _pass_answers(self) -> None:
        with contextlib.suppress(OSError):
            while answer := self._server.recv(65_536):
                if self._mute.is_set():
                    self._withheld += answer
                    if _TAKEN in self._withheld:
                        self._answered.set()
                    continue
                self._go_ons += answer.count(_GO_ON)
                self._client.sendall(answer)
            self._client.shutdown(socket.SHUT_WR)
