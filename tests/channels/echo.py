"""A hostile provider: it answers with what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Echo:
    """`status` of its answers, before the echo of each request, or the `answer` that it gives instead."""

    def __init__(self) -> None:
        self.status, self.answer, self.seen, self.url = 400, b"", list[str](), ""


@contextmanager
def echoing() -> Iterator[Echo]:
    echo = Echo()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            told = {name: value for name, value in self.headers.items() if name not in ("Host", "User-Agent")}
            echo.seen.append(f"{self.path} {body} {told}")
            answer = echo.answer or echo.seen[-1].encode()
            self.send_response(echo.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        echo.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield echo
        finally:
            server.shutdown()
            thread.join()
