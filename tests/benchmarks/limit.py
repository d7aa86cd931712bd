"""The physical limit: the same mails from a loop written by hand for this one template, with no database at all.

The template is split into its fixed pieces beforehand, the MIME skeleton is one byte string, and each process keeps
several pipelined connections busy: the body of one message and the announcement of the next go out in one write.
"""

from __future__ import annotations

import html
import multiprocessing
import re
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing.connection import Connection
from operator import itemgetter
from typing import Any

from tests.benchmarks import workload
from tests.benchmarks.figures import Measured
from tests.benchmarks.workload import Source

CONNECTIONS = 4  # of each process, so that it has something to write while a server thinks

Person = dict[str, Any]


def send(source: Source, people: Sequence[Person], *, port: int, processes: int) -> Measured:
    """Every person's mail to the server on that port. Making the processes ready is not counted."""
    context = multiprocessing.get_context("spawn")
    pipes, started = [], []
    for number in range(processes):
        ours, theirs = context.Pipe()
        process = context.Process(target=_process, args=(theirs, source, people[number::processes], port))
        process.start()
        pipes.append(ours)
        started.append(process)
    for pipe in pipes:
        pipe.recv()
    begun = time.perf_counter()
    for pipe in pipes:
        pipe.send("go")
    cpu_s = sum(pipe.recv() for pipe in pipes)
    seconds = time.perf_counter() - begun
    for process in started:
        process.join()
    return Measured(len(people), seconds, cpu_s)


def _process(pipe: Connection, source: Source, people: Sequence[Person], port: int) -> None:
    write = writer(source)
    sockets = [_connected(port) for _ in range(min(CONNECTIONS, len(people)))]
    pipe.send("ready")
    pipe.recv()
    begun = time.process_time()
    open_ones = [_conversation(sock, map(write, people[number :: len(sockets)])) for number, sock in enumerate(sockets)]
    while open_ones:
        open_ones = [each for each in open_ones if next(each, None)]
    pipe.send(time.process_time() - begun)
    for sock in sockets:
        sock.close()


def _connected(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _expect(sock, lines=1)
    sock.sendall(b"HELO localhost\r\n")
    _expect(sock, lines=1)
    return sock


def _conversation(sock: socket.socket, letters: Iterable[tuple[bytes, bytes]]) -> Iterator[bool]:
    """Stops after each write, so that others can write while the server works on it."""
    body = b""
    for announcement, next_body in letters:
        sock.sendall(body + announcement)
        yield True
        _expect(sock, lines=4 if body else 3)
        body = next_body
    sock.sendall(body)
    yield True
    _expect(sock, lines=1)


def _expect(sock: socket.socket, *, lines: int) -> None:
    received = b""
    while received.count(b"\n") < lines:
        received += sock.recv(4096)
    if any(line[:1] not in b"23" for line in received.splitlines()):
        raise RuntimeError(f"The server refuses: {received!r}")


def writer(source: Source) -> Callable[[Person], tuple[bytes, bytes]]:
    """Person into announcement and body, end mark included; written for this workload and no other."""
    subject, text = _filler(source.subject, escape=str), _filler(_crlf(source.text), escape=str)
    page = _filler(_crlf(source.html), escape=html.escape)

    def write(person: Person) -> tuple[bytes, bytes]:
        values = workload.values(person)
        title = b64encode(subject(values).encode()).decode()
        letter = _SKELETON % (values["recipient_id"], values["recipient_id"], title, values["email"],
                              values["unsub"], text(values), page(values))  # fmt: skip
        announcement = f"MAIL FROM:<news@news.example.com>\r\nRCPT TO:<{values['email']}>\r\nDATA\r\n"
        return announcement.encode(), letter.encode()

    return write


def _filler(source: str, *, escape: Callable[[str], str]) -> Callable[[Person], str]:
    """The template as three formats: before, for each of and after the products."""
    before, _, rest = source.partition("{% for p in products %}")
    row, _, after = rest.partition("{% endfor %}")
    fill_before, fill_row, fill_after = (_format(part, escape) for part in (before, row, after))

    def fill(values: Person) -> str:
        rows = [fill_row(product) for product in values["products"]] if row else ()
        return fill_before(values) + "".join(rows) + fill_after(values)

    return fill


def _format(part: str, escape: Callable[[str], str]) -> Callable[[Person], str]:
    pieces = re.split(r"{{ (?:p\.)?(\w+) }}", part)
    fixed, names = "%s".join(piece.replace("%", "%%") for piece in pieces[::2]), pieces[1::2]
    if not names:
        return lambda _: fixed % ()
    pick = itemgetter(*names, names[0])  # one more than needed, so that it always gives a tuple

    def fill(values: Person) -> str:
        return fixed % tuple([escape(str(value)) for value in pick(values)[:-1]])

    return fill


def _crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


_SKELETON = _crlf("""\
From: Example Shop <news@news.example.com>
Date: Mon, 23 Nov 2026 06:40:28 +0000
MIME-Version: 1.0
Message-ID: <%s@news.example.com>
X-Bannerline-Message: %s
Subject: =?utf-8?b?%s?=
To: %s
List-Unsubscribe: <%s>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Content-Type: multipart/alternative; boundary="=_0f2c4a"

--=_0f2c4a
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: 8bit

%s
--=_0f2c4a
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: 8bit

%s
--=_0f2c4a--
.
""")
