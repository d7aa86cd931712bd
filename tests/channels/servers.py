"""Servers of this process for channels to talk to: over HTTP as a function answers, or byte by byte."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Asked(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str]  # found in any case
    body: bytes


@contextmanager
def serving(answer: Callable[[Asked], tuple[int, bytes]]) -> Iterator[str]:
    """The URL of a server that answers each request with this status and body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.say()

        def do_POST(self) -> None:
            self.say()

        def say(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, said = answer(Asked(self.command, self.path, self.headers, body))  # type: ignore[arg-type]
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Echo:
    """A hostile provider: it answers with what it was sent.

    `status` of its answers, before the echo of each request, or the `answer` that it gives instead.
    """

    def __init__(self) -> None:
        self.status, self.answer, self.seen, self.url = 400, b"", list[str](), ""

    def repeat(self, asked: Asked) -> tuple[int, bytes]:
        told = {name: value for name, value in asked.headers.items() if name not in ("Host", "User-Agent")}
        self.seen.append(f"{asked.path} {asked.body.decode()} {told}")
        return self.status, self.answer or self.seen[-1].encode()


@contextmanager
def echoing() -> Iterator[Echo]:
    echo = Echo()
    with serving(echo.repeat) as echo.url:
        yield echo


@contextmanager
def server(speak: Callable[[socket.socket], object]) -> Iterator[str]:
    """The URL of a server whose every connection is handed to `speak`, and then closed."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with closing(connection):
                try:
                    speak(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def answering(*pieces: bytes, pause: float = 0.0) -> Callable[[socket.socket], None]:
    """Says the pieces to each request, with a pause of so many seconds after each."""

    def speak(connection: socket.socket) -> None:
        asked = b""
        while not asked.endswith(b"x" if b"Content-Length: 1" in asked else b"\r\n\r\n"):
            received = connection.recv(65_536)
            if not received:
                return
            asked += received  # to the end: what is left unread would take the answer with it
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)

    return speak
