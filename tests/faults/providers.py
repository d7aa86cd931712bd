"""The truth: providers in a process of their own, whose ledger says what was really sent, whatever anybody believes.

`python -m tests.faults.providers '{"seed": 1, "accounts": {"relay": "smtp"}}'` speaks SMTP, and HTTP as a provider
that takes a message's key (`keyed`, Resend's dialect) and as one that does not (`plain`, SendGrid's). It prints the
port of each account, and then answers a line of JSON on its input with one on its output: see Truth.

What befalls a message follows from the seed, the recipient and how often it was tried: in calm weather most are
accepted, some are taken and the connection dropped, some get no answer in time, taken or not, and of some recipients
every other one is refused. In a storm everything fails.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import select
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any

PACE = 0.004  # seconds that a message takes
DROPPED, HUNG_AFTER, HUNG_BEFORE = 0.02, 0.002, 0.002  # of all tries
HANGS = 30.0  # seconds that nothing is said
UNDER_WAY = 0.1  # seconds, in which what was written together with a message has come
REFUSED = range(200, 300)  # of these among a thousand recipients, every other one is refused for good
MOST_BYTES = 2**24
_NUMBER = re.compile(r"\d+")


def is_refused(recipient: str) -> bool:
    """Whether a provider refuses it in any weather: half of some hand-overs, and of others nothing."""
    number = _NUMBER.search(recipient)
    return number is not None and int(number[0]) % 1000 in REFUSED and int(number[0]) % 2 == 1


@dataclass
class Account:
    """One retailer's account; `taken` has when, key, recipient and sender of each message it answers for, `doubtful`
    the recipients of tries after which the other side cannot know whether it was taken.
    """

    name: str
    seed: int
    weather: str = "calm"
    taken: list[tuple[float, str, str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    ids: dict[str, str] = field(default_factory=dict)
    tries: Counter[str] = field(default_factory=Counter)
    doubtful: set[str] = field(default_factory=set)

    def fate(self, recipient: str) -> str:
        """What befalls this try."""
        self.tries[recipient] += 1
        if self.weather == "storm":
            return self._noted("failed")
        if is_refused(recipient):
            return self._noted("refused")
        told = f"{self.seed}/{recipient}/{self.tries[recipient]}".encode()
        chance = int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "big") / 2**64
        for name, share in (("dropped", DROPPED), ("hung after", HUNG_AFTER), ("hung before", HUNG_BEFORE)):
            if chance < share:
                self.doubtful.add(recipient)
                return self._noted(name)
            chance -= share
        return self._noted("accepted")

    def take(self, key: str, recipient: str, sender: str, *, once: bool) -> str:
        """The provider's own id of a message; with `once`, a key that it knows is the message it has."""
        if once and key in self.ids:
            self.counts["replayed"] += 1
            return self.ids[key]
        self.taken.append((time.time(), key, recipient, sender))
        self.ids[key] = f"{self.name}-{len(self.taken)}"
        return self.ids[key]

    def answered(self, recipient: str, writer: asyncio.StreamWriter) -> None:
        """Before the answer is written: whoever has hung up by now will not hear it."""
        line, poll = writer.get_extra_info("socket").fileno(), select.poll()
        if line >= 0:  # unless it is closed here as well
            poll.register(line, select.POLLRDHUP)
        if line < 0 or poll.poll(0):
            self.counts["too late"] += 1
            self.doubtful.add(recipient)

    def _noted(self, fate: str) -> str:
        self.counts[fate] += 1
        return fate


async def be_a_relay(account: Account, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One SMTP connection. Where it breaks, nobody can know of what else was written by then."""
    writer.write(b"220 relay ESMTP\r\n")
    try:
        await _converse(account, reader, writer)
    except _Dropped:
        with suppress(TimeoutError):
            async with asyncio.timeout(UNDER_WAY):
                await _doubt_rest(account, reader)
        raise


async def _converse(account: Account, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    sender = recipient = ""
    chunks = b""
    while line := await reader.readline():
        verb, address = line[:4].upper(), line.decode().partition("<")[2].partition(">")[0]
        if verb == b"MAIL":
            sender, recipient, chunks = address, "", b""
        elif verb == b"RCPT" and not _refuses(account, address):
            recipient = address
        elif verb == b"DATA" and recipient:
            writer.write(b"354 go on\r\n")
            content = await reader.readuntil(b"\r\n.\r\n")
            await _end_of_mail(account, content, sender, recipient, writer)
            continue
        elif verb == b"BDAT":
            chunks += await reader.readexactly(int(line.split()[1]))
            if recipient and b"LAST" in line:
                content, chunks = chunks, b""
                await _end_of_mail(account, content, sender, recipient, writer)
                continue
            verb = b"BDAT" if recipient else b"DATA"
        writer.write(_REPLIES.get(verb, b"250 2.0.0 Ok\r\n") if verb != b"RCPT" or recipient else _NO_SUCH_USER)


_NO_SUCH_USER = b"550 5.1.1 no such user\r\n"
_REPLIES = {
    b"EHLO": b"250-relay\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 8BITMIME\r\n",
    b"DATA": b"554 5.5.1 no valid recipients\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


async def _doubt_rest(account: Account, reader: asyncio.StreamReader) -> None:
    """Messages that have come whole, by BDAT, and that nobody looked at."""
    recipient = ""
    with suppress(asyncio.IncompleteReadError):
        while line := await reader.readline():
            if line.startswith(b"RCPT"):
                recipient = line.decode().partition("<")[2].partition(">")[0]
            elif line.startswith(b"BDAT"):
                await reader.readexactly(int(line.split()[1]))
                account.doubtful.add(recipient)


def _refuses(account: Account, recipient: str) -> bool:
    """Refused ones are known by their address, before there is a body."""
    if account.weather == "storm" or not is_refused(recipient):
        return False
    account.counts["refused"] += 1
    return True


async def _end_of_mail(
    account: Account, content: bytes, sender: str, recipient: str, writer: asyncio.StreamWriter
) -> None:
    key = content.partition(b"X-Bannerline-Message: ")[2].partition(b"\r\n")[0].decode()
    fate = account.fate(recipient)
    await asyncio.sleep(PACE)
    if fate == "failed":
        account.answered(recipient, writer)
        writer.write(b"451 4.3.0 internal error\r\n")
        return
    told = account.take(key, recipient, sender, once=False) if fate != "hung before" else ""
    await _silence(fate)
    account.answered(recipient, writer)
    writer.write(f"250 2.0.0 Ok: queued as {told}\r\n".encode())


async def be_an_api(account: Account, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One HTTP connection."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        request, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        key, recipient, sender = _DIALECTS[request.split()[1]](headers, json.loads(body))
        fate = account.fate(recipient)
        await asyncio.sleep(PACE)
        once = "idempotency-key" in headers
        if fate in ("failed", "refused"):
            if fate == "failed":  # an error within an API says nothing of what was done before it; where there is a
                account.doubtful.add(recipient)  # key it is asked again, unless they were suppressed meanwhile
            account.answered(recipient, writer)
            status = "503 Service Unavailable" if fate == "failed" else "422 Unprocessable"
            _answer(writer, status, {"message": fate})
            continue
        told = account.take(key, recipient, sender, once=once) if fate != "hung before" else ""
        await _silence(fate)
        account.answered(recipient, writer)
        _answer(writer, "200 OK" if once else "202 Accepted", {"id": told}, {"X-Message-Id": told})


def _resend(headers: dict[str, str], told: Any) -> tuple[str, str, str]:
    return headers["idempotency-key"], told["to"][0], parseaddr(told["from"])[1]


def _sendgrid(headers: dict[str, str], told: Any) -> tuple[str, str, str]:
    person = told["personalizations"][0]
    return person["custom_args"]["bannerline"], person["to"][0]["email"], told["from"]["email"]


_DIALECTS = {"/emails": _resend, "/v3/mail/send": _sendgrid}


class _Dropped(Exception):
    """The connection ends here."""


async def _silence(fate: str) -> None:
    """Raises _Dropped for what gets no answer."""
    if fate.startswith("hung"):
        await asyncio.sleep(HANGS)
    if fate != "accepted":
        raise _Dropped


def _answer(writer: asyncio.StreamWriter, status: str, document: Any, headers: dict[str, str] | None = None) -> None:
    body = json.dumps(document).encode()
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)


_PROTOCOLS = {"smtp": be_a_relay, "keyed": be_an_api, "plain": be_an_api}


async def open_account(account: Account, protocol: str) -> int:
    """The port that it listens on."""
    speak = _PROTOCOLS[protocol]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(_Dropped, ConnectionError, asyncio.IncompleteReadError):
            await speak(account, reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=MOST_BYTES, backlog=128)
    port: int = server.sockets[0].getsockname()[1]
    return port


def obey(accounts: dict[str, Account], order: dict[str, Any]) -> Any:
    """The answer to one line of input."""
    if order["do"] == "weather":
        for account in accounts.values():
            account.weather = order["weather"]
        return {}
    if order["do"] == "count":
        return {name: len(account.taken) for name, account in accounts.items()}
    return {
        name: {"taken": account.taken, "counts": account.counts, "doubtful": sorted(account.doubtful)}
        for name, account in accounts.items()
    }


async def main() -> None:
    told = json.loads(sys.argv[1])
    accounts = {name: Account(name, told["seed"]) for name in told["accounts"]}
    ports = {name: await open_account(accounts[name], protocol) for name, protocol in told["accounts"].items()}
    print(json.dumps(ports), flush=True)  # noqa: T201
    orders = asyncio.StreamReader(limit=MOST_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():  # until whoever started it ends, or closes the pipe
        print(json.dumps(obey(accounts, json.loads(line))), flush=True)  # noqa: T201
    os._exit(0)  # without a word to those who still wait for an answer


if __name__ == "__main__":
    asyncio.run(main())
