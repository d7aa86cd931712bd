"""A DNS server of a test: it answers over UDP, in real messages, with what it is told."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.resolver
import dns.rrset

Zone = dict[tuple[str, str], list[str]]  # (name, type) -> values as a zone file has them; a text without quotes


class _Answering(socketserver.BaseRequestHandler):
    server: Any

    def handle(self) -> None:
        data, socket = self.request
        question = dns.message.from_wire(data)
        self.server.asked.append(str(question.question[0].name).rstrip(".").lower())
        if self.server.silent:
            return
        socket.sendto(_answer(question, self.server.zone, self.server.fails).to_wire(), self.client_address)


class _Server(socketserver.ThreadingUDPServer):
    daemon_threads = True

    def __init__(self, zone: Zone) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.zone, self.asked = zone, list[str]()
        self.silent = self.fails = False


@contextmanager
def serving(zone: Zone) -> Iterator[_Server]:
    server = _Server(zone)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def resolver(server: Any) -> dns.resolver.Resolver:
    made = dns.resolver.Resolver(configure=False)
    made.nameservers, made.port = ["127.0.0.1"], server.server_address[1]
    return made


def _answer(
    question: dns.message.Message, zone: Mapping[tuple[str, str], list[str]], fails: bool
) -> dns.message.Message:
    answer = dns.message.make_response(question)
    answer.flags |= dns.flags.RA
    if fails:
        answer.set_rcode(dns.rcode.SERVFAIL)
        return answer
    asked = question.question[0]
    name, kind = str(asked.name).rstrip(".").lower(), asked.rdtype.name
    for value in zone.get((name, kind), []):
        shown = " ".join(f'"{value[at : at + 250]}"' for at in range(0, len(value), 250)) if kind == "TXT" else value
        answer.find_rrset(answer.answer, asked.name, asked.rdclass, asked.rdtype, create=True).add(
            dns.rrset.from_text(asked.name, 60, "IN", kind, shown)[0]
        )
    if not answer.answer and not any(known == name for known, _ in zone):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer
