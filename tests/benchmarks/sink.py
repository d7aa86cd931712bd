"""A mail server that takes everything and remembers only (key, recipient) of each message, as fast as Python can.

`python -m tests.benchmarks.sink --port 0 --print-port` runs it until SIGTERM. Besides SMTP it speaks three verbs of
its own: XCOUNT (how many messages), XKEYS (their keys and recipients, a line each) and XRESET (forget them).
`SinkProcess` runs it in a process of its own for a `with` block.
"""

from __future__ import annotations

import argparse
import contextlib
import select
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import BinaryIO, NamedTuple, Self

_ROOT = Path(__file__).resolve().parents[2]
_KEY_FIELD = b"X-Bannerline-Message: "
_END = b"\r\n.\r\n"
_CHUNK = 262_144
_CHUNKING = b"250-CHUNKING\r\n"
_REPLIES = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n" + _CHUNKING + b"250 SIZE 52428800\r\n",
    b"HELO": b"250 sink\r\n",
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RSET": b"250 2.0.0 Ok\r\n",
    b"NOOP": b"250 2.0.0 Ok\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


class Received(NamedTuple):
    key: str
    recipient: str


class SinkProcess:
    """The sink in its own process. `spool` names a file that is to get every message whole; `chunking`: it says that
    it knows BDAT.
    """

    def __init__(self, *, spool: Path | None = None, chunking: bool = True) -> None:
        self.host, self.port = "127.0.0.1", 0
        self._spool, self._chunking = spool, chunking

    @property
    def url(self) -> str:
        return f"smtp://{self.host}:{self.port}"

    def count(self) -> int:
        return int(self._ask("XCOUNT"))

    def received(self) -> list[Received]:
        """Every message so far, in order of arrival; a key that occurs twice was sent twice."""
        return [Received(*line.split(" ", 1)) for line in self._ask("XKEYS").splitlines()[:-1]]

    def wait_for(self, count: int, *, seconds: float) -> int:
        """The number of messages, once it has reached `count` or the time is over."""
        deadline = time.monotonic() + seconds
        while (arrived := self.count()) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return arrived

    def reset(self) -> None:
        self._ask("XRESET")

    def messages(self) -> Iterator[tuple[Received, bytes]]:
        """What the spool holds: each message without dots doubled on the way, and without its last line end."""
        if self._spool is None:
            raise ValueError("Nothing is spooled: start with SinkProcess(spool=path).")
        with self._spool.open("rb") as file:
            while head := file.readline():
                key, recipient, size = head.decode().split()
                yield Received(key, recipient), file.read(int(size))

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.benchmarks.sink", "--port", "0", "--print-port", "--until-input-ends"]
        if self._spool:
            command += ["--spool", str(self._spool)]
        if not self._chunking:
            command.append("--without-chunking")
        # Its input ends with us, however we end: no sink outlives a benchmark that was killed.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    def _ask(self, verb: str) -> str:
        with smtplib.SMTP(self.host, self.port, local_hostname="localhost", timeout=30) as client:
            return client.docmd(verb)[1].decode()


class Sink:
    """What has arrived, whoever brought it."""

    def __init__(self, spool: BinaryIO | None = None, *, chunking: bool = True) -> None:
        self.received: list[tuple[bytes, bytes]] = []
        self.abilities = _REPLIES[b"EHLO"] if chunking else _REPLIES[b"EHLO"].replace(_CHUNKING, b"")
        self._spool = spool

    def take(self, content: bytearray, start: int, end: int, recipient: bytes, *, stuffed: bool) -> bytes:
        """The reply to one message, which lies in `content[start:end]`, its last line end left out."""
        key_start = content.find(_KEY_FIELD, start, end) + len(_KEY_FIELD)
        key = bytes(content[key_start : content.find(b"\r\n", key_start)]) if key_start >= len(_KEY_FIELD) else b"-"
        self.received.append((key, recipient))
        if self._spool:
            whole = bytes(content[start:end])
            whole = whole.replace(b"\r\n..", b"\r\n.") if stuffed else whole
            self._spool.write(b"%b %b %d\n%b" % (key, recipient, len(whole), whole))
            self._spool.flush()
        return b"250 2.0.0 Ok: queued as S%d\r\n" % len(self.received)

    def answer(self, verb: bytes) -> bytes:
        """The replies to the sink's own verbs."""
        if verb == b"XCOUNT":
            return b"250 %d\r\n" % len(self.received)
        if verb == b"XKEYS":
            return b"".join([b"250-%b %b\r\n" % pair for pair in self.received]) + b"250 end\r\n"
        if verb == b"XRESET":
            self.received.clear()
            return b"250 0\r\n"
        return b"502 5.5.1 What?\r\n"


class Session:
    """One connection: bytes in, replies out."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._unread = bytearray()
        self._recipient = b""
        self._in_content = False
        self._kept = bytearray()  # chunks of a message whose last is to come

    def feed(self, data: memoryview) -> bytes:
        self._unread += data
        at, replies = 0, []
        while True:
            found = self._content(at) if self._in_content else self._command(at)
            if found is None:
                break
            at, reply = found
            replies.append(reply)
        del self._unread[:at]
        return b"".join(replies)

    def _content(self, at: int) -> tuple[int, bytes] | None:
        # The line end before the dot may be the one after DATA.
        end = self._unread.find(_END, at)
        if self._unread.startswith(_END[2:], at):
            end = at - 2
        if end < 0:
            return None
        self._in_content = False
        return end + len(_END), self._sink.take(self._unread, at, max(end, at), self._recipient, stuffed=True)

    def _command(self, at: int) -> tuple[int, bytes] | None:
        end = self._unread.find(b"\r\n", at)
        if end < 0:
            return None
        line = bytes(self._unread[at:end])
        return self._chunk(line, end + 2) if line.startswith(b"BDAT") else (end + 2, self._reply(line))

    def _chunk(self, line: bytes, at: int) -> tuple[int, bytes] | None:
        size, _, last = line[5:].partition(b" ")
        end = at + int(size)
        if end > len(self._unread):
            return None
        if self._kept or not last:
            self._kept += self._unread[at:end]
            if not last:
                return end, b"250 2.0.0 Ok\r\n"
            content, self._kept = self._kept, bytearray()
            return end, self._sink.take(content, 0, len(content) - 2, self._recipient, stuffed=False)
        return end, self._sink.take(self._unread, at, end - 2, self._recipient, stuffed=False)

    def _reply(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"RCPT":
            self._recipient = line[line.find(b"<") + 1 : line.rfind(b">")]
            return b"250 2.1.5 Ok\r\n"
        if verb == b"DATA":
            self._in_content = True
            return b"354 End data with <CR><LF>.<CR><LF>\r\n"
        if verb == b"EHLO":
            return self._sink.abilities
        return _REPLIES.get(verb) or self._sink.answer(line.strip().upper())


def serve(listener: socket.socket, sink: Sink, *, until_input_ends: bool) -> None:
    """Runs until SIGTERM, or until standard input ends."""
    listener.setblocking(False)
    scratch = memoryview(bytearray(_CHUNK))
    clients: dict[int, tuple[socket.socket, Session]] = {}
    waiting = select.poll()  # of the few that connect it costs a third of what a selector does
    waiting.register(listener, select.POLLIN)
    if until_input_ends:
        waiting.register(sys.stdin, select.POLLIN)
    while True:
        for number, _ in waiting.poll():
            if number in clients:
                if not _serve_one(*clients[number], scratch):
                    waiting.unregister(number)
                    clients.pop(number)[0].close()
            elif number == listener.fileno():
                client = _greeted(listener)
                clients[client.fileno()] = client, Session(sink)
                waiting.register(client, select.POLLIN)
            else:
                return


def _greeted(listener: socket.socket) -> socket.socket:
    client, _ = listener.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(b"220 sink ESMTP\r\n")
    client.setblocking(False)
    return client


def _serve_one(client: socket.socket, session: Session, scratch: memoryview) -> bool:
    """Whether it goes on."""
    try:
        size = client.recv_into(scratch)
        if not size:
            return False
        replies = session.feed(scratch[:size])
        _send(client, replies)
    except ConnectionError:
        return False
    return not replies.endswith(_REPLIES[b"QUIT"])


def _send(client: socket.socket, replies: bytes) -> None:
    sent = client.send(replies) if replies else 0
    if sent < len(replies):  # a long list of keys: wait for its reader
        client.setblocking(True)
        client.sendall(replies[sent:])
        client.setblocking(False)


def _stop(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=2525, help="0 takes any free one")
    parser.add_argument("--print-port", action="store_true", help="print the port as the first line")
    parser.add_argument("--spool", type=Path, help="a file to write every message to")
    parser.add_argument("--until-input-ends", action="store_true", help="stop when standard input is closed")
    parser.add_argument("--without-chunking", action="store_true", help="do not announce CHUNKING")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    with contextlib.ExitStack() as stack:
        spool = stack.enter_context(options.spool.open("wb")) if options.spool else None
        listener = stack.enter_context(socket.create_server((options.host, options.port), backlog=128))
        if options.print_port:
            print(listener.getsockname()[1], flush=True)
        sink = Sink(spool, chunking=not options.without_chunking)
        serve(listener, sink, until_input_ends=options.until_input_ends)


if __name__ == "__main__":
    main()
