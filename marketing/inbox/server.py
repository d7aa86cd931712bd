"""The SMTP server. Pipelined mails are answered, and committed, in groups."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import AnyStr

from aiosmtpd.smtp import SMTP, Envelope, Session

from marketing.inbox.store import Inbox

HOST = "127.0.0.1"
ADDRESS_FILE = "inbox.json"
MAX_MAIL = 32 * 1024 * 1024
MAX_LINE = 1000  # with its CRLF; RFC 5321, section 4.5.3.1.6
_WINDOW = 256 * 1024  # how much may be read ahead
_END = b"\r\n.\r\n"
_PRAISE = (b"250", b"354")
_PLAIN_ADDRESS = re.compile(r"<([\w.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9.-]+)>(.*)", re.ASCII)
logger = logging.getLogger("marketing.inbox")


def banner(pid: int) -> str:
    """What the server greets with: whoever reads it knows that this is the process that inbox.json names."""
    return f"Bannerline inbox {pid}"


def run(home: Path, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Port 0 means the last one used under this home, or else any free one."""
    with Inbox(home) as inbox:
        asyncio.run(_serve(home, inbox, port))


async def _serve(home: Path, inbox: Inbox, port: int) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await _listen(inbox, [port] if port else [_last_port(home), 0])
    address = {"host": HOST, "port": server.sockets[0].getsockname()[1], "pid": os.getpid()}
    _write(home / ADDRESS_FILE, address)
    sys.stdout.write(json.dumps(address) + "\n")
    sys.stdout.flush()
    await stopped.wait()
    server.close()


async def _listen(inbox: Inbox, ports: list[int]) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    for port in ports[:-1]:
        try:
            return await loop.create_server(lambda: Conversation(inbox), HOST, port)
        except OSError:
            logger.info("port %s is taken", port)
    return await loop.create_server(lambda: Conversation(inbox), HOST, ports[-1])


def _last_port(home: Path) -> int:
    try:
        return int(json.loads((home / ADDRESS_FILE).read_text())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _write(file: Path, data: dict[str, object]) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_text(json.dumps(data))
    draft.replace(file)


class Extensions:
    """What EHLO offers beyond SIZE and 8BITMIME."""

    async def handle_EHLO(  # noqa: N802 -- aiosmtpd finds hooks by this name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]


class Conversation(SMTP):
    """One connection.

    The library reads a body line by line and sends each answer on its own. Here a body is read in one piece, and
    good answers are held back until the client has nothing more under way: then one commit, one write.
    """

    line_length_limit = _WINDOW

    def __init__(self, inbox: Inbox) -> None:
        super().__init__(
            Extensions(),
            data_size_limit=MAX_MAIL,
            hostname="localhost",
            ident=banner(os.getpid()),
            loop=asyncio.get_running_loop(),
        )
        self._inbox = inbox
        self._held: list[bytes] = []

    async def push(self, status: AnyStr) -> None:
        answer = status.encode() if isinstance(status, str) else status
        self._held.append(answer + b"\r\n")
        if not answer.startswith(_PRAISE):
            self._answer()
        elif len(self._held) == 1:
            self.loop.call_soon(self._answer)  # runs once this task waits for the client
        await self._writer.drain()

    def _answer(self) -> None:
        """Mails first, answers after: what is answered can be read by anyone."""
        if not self._held:
            return
        answers, self._held = b"".join(self._held), []
        try:
            self._inbox.commit()
        except sqlite3.Error:
            logger.exception("mails could not be kept")
            self._writer.close()  # unanswered, so that the sender does not count on them
            return
        self._writer.write(answers)

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """An ordinary address by pattern; the library's grammar, which costs as much as the mail, for the rest."""
        plain = _PLAIN_ADDRESS.fullmatch(arg)
        return (plain[1], plain[2].strip()) if plain else super()._getaddr(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 -- aiosmtpd finds commands by this name
        if await self.check_helo_needed():
            return
        assert self.envelope is not None
        if not self.envelope.rcpt_tos:
            await self.push("503 Error: need RCPT command")
        elif arg:
            await self.push("501 Syntax: DATA")
        else:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            await self.push(self._keep(await self._read_body()))
            self.envelope = self._create_envelope()

    async def _read_body(self) -> bytes | None:
        """The mail with its dots unstuffed, or None when it is too large; it is read to its end all the same."""
        body = b"\r\n"  # the command's own line end may be the beginning of the terminator
        while b"\r" in body[-4:] and not body.endswith(_END):
            body += await self._reader.readexactly(1)
        parts, size = [body], len(body)
        while not parts[-1].endswith(_END):
            try:
                parts.append(await self._reader.readuntil(_END))
            except asyncio.LimitOverrunError as overrun:
                parts.append(await self._reader.readexactly(overrun.consumed))
            size += len(parts[-1])
            if size > MAX_MAIL:
                del parts[:-1]
        if size > MAX_MAIL:
            return None
        return b"".join(parts)[:-3].replace(b"\r\n.", b"\r\n")[2:]

    def _keep(self, body: bytes | None) -> str:
        """The answer to a mail."""
        if body is None:
            return "552 5.3.4 Error: Too much mail data"
        if max(map(len, body.split(b"\n"))) >= MAX_LINE:
            return "500 5.6.0 Line too long (see RFC5321 4.5.3.1.6)"
        assert self.envelope is not None
        try:
            self._inbox.add(self.envelope.mail_from or "", self.envelope.rcpt_tos, body, received_at=datetime.now(UTC))
        except sqlite3.Error as error:
            logger.exception("a mail could not be kept")
            return f"451 4.3.0 Not kept: {error}"
        return "250 2.0.0 OK: kept"
