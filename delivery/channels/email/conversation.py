"""A batch over a server's connections, each of which takes one message per round trip.

With PIPELINING (RFC 2920) the body of a message and the announcement (MAIL, RCPT, DATA) of the next go out in one
write; without it, each command waits for its reply. Replies come in order, so each is somebody's. A message counts as
handed over from the first byte of its end mark on; until the answer to that has come, its outcome is unknown.

Over several connections, each is written to in turn before the first is listened to again: the server finds more to do
whenever it looks, and so do we. Where one breaks, the others go on; what it had taken and not yet handed over is left
open in the ledger, for another conversation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from delivery.channels.base import ChannelUnavailable, Envelope, Outbound, Result
from delivery.channels.email import headers, mime
from delivery.channels.email.connection import Connection, Lost, Reply
from delivery.channels.email.ledger import Ledger

_END = b".\r\n"
_LAST_WORD = 0.25  # seconds that answers may still be read in, once another connection has used up the time
_LOGIN_WANTED = {530, 534, 535, 538}
_OF_THE_MESSAGE = {501, 504, 552, 555}  # to MAIL FROM: its parameters, which a message's body and recipient ask for


class Transaction(NamedTuple):
    """A message made ready: its announcement, and its body up to the end mark."""

    position: int
    commands: tuple[bytes, bytes, bytes]
    body: bytes


class _Line:
    """A connection, and the messages under way on it."""

    def __init__(self, connection: Connection, coming: Transaction | None) -> None:
        self.connection = connection
        self.granted: Transaction | None = None  # its body may go out next
        self.coming = coming  # to be announced with that
        self.following: Transaction | None = None
        self.is_asked = False  # whether replies are to come

    def move_up(self, granted: Transaction | None) -> None:
        self.granted, self.coming, self.following = granted, self.following, None


class Conversation:
    """Over `connections` that are alike; `fit`, once it has run, are those that can take part in another one.

    `sign` makes the signature field that goes before a message; `return_path` is where one comes back to.

    Raises ValueError when the envelope cannot be written.
    """

    def __init__(
        self,
        connections: Sequence[Connection],
        envelope: Envelope,
        ledger: Ledger,
        *,
        start_by: float,
        sign: Callable[[bytes], bytes] | None = None,
        return_path: Callable[[str, str], str] | None = None,
    ) -> None:
        self.fit: list[Connection] = []
        self._connections = connections
        self._likeness = connections[0]
        self._ledger = ledger
        self._start_by = start_by
        sender = headers.address("The sender", envelope.sender or envelope.from_email)
        self._mail, self._return_path = f"MAIL FROM:<{sender}>".encode(), return_path
        self._utf8 = not (sender + envelope.from_email + envelope.reply_to).isascii()
        if self._utf8:
            self._need_utf8("the envelope's addresses")
        self._sign = sign
        self._skeleton = mime.Skeleton(envelope, date=datetime.now(UTC), eight_bit=self._likeness.eight_bit)
        self._ready = self._transactions()
        self._lost: Lost | None = None
        self._refusal: ChannelUnavailable | None = None

    def run(self, meanwhile: Callable[[], object] | None = None) -> None:
        """Settle what waits in the ledger, handing over no body after `start_by`. `meanwhile` is done once while the
        server works on a message.

        Raises Lost, with the ledger right up to then, when a connection broke, and ChannelUnavailable when the server
        wants a login, or not this sender; neither before the answers to all that was handed over have been heard.
        """
        lines = [_Line(connection, next(self._ready, None)) for connection in self._connections]
        while lines := [line for line in lines if self._goes_on(line)]:
            for line in lines:
                line.following = next(self._ready, None)  # made ready while the server works
                if meanwhile:
                    meanwhile()
        if trouble := self._refusal or self._lost:
            raise trouble

    def _goes_on(self, line: _Line) -> bool:
        """One round trip: hear what came back, and say what is next. False where there is nothing more to say."""
        try:
            if line.is_asked:
                self._hear(line)
            if self._refusal:
                return False
            if not (line.granted or line.coming):
                self.fit.append(line.connection)
                return False
            if time.monotonic() > self._start_by:
                raise Lost("the time allowed ran out")
            line.is_asked = True
            self._write(line)
        except Lost as lost:
            self._lost = self._lost or lost
            return False
        except ChannelUnavailable as refusal:
            self._refusal = self._refusal or refusal
            return False
        return True

    def _hear(self, line: _Line) -> None:
        if self._lost:
            line.connection.allow_for(_LAST_WORD)
        if line.granted:
            self._settle(line.connection, line.granted)
        coming = line.coming
        line.move_up(coming if coming and self._is_granted(line.connection, coming) else None)

    def _write(self, line: _Line) -> None:
        connection, granted, coming = line.connection, line.granted, line.coming
        announcement = coming.commands if coming and connection.pipelining else ()
        if not granted:
            if announcement:
                connection.write(b"".join(announcement))
            return
        try:
            connection.write(b"".join((granted.body, _END, *announcement)))
        except Lost as lost:
            if lost.written > len(granted.body):
                self._ledger.doubt(granted.position, str(lost))
            raise

    def _settle(self, connection: Connection, handed_over: Transaction) -> None:
        try:
            reply = connection.reply()
            result = _result(reply, accepted=reply.code < 300)
        except Lost as lost:
            self._ledger.doubt(handed_over.position, str(lost))
            raise
        self._ledger.answer(handed_over.position, result, reply)
        _refuse_goodbye(reply)

    def _is_granted(self, connection: Connection, coming: Transaction) -> bool:
        """Whether the server waits for the body. If not, its answer is in the ledger and the slate is clean."""
        mail, rcpt, data = self._announced(connection, coming)
        if mail.code < 300 and rcpt.code < 300 and data.code == 354:
            return True
        refusal = next((reply for reply in (mail, rcpt, data) if reply.code >= 400), data)
        if refusal.code in _LOGIN_WANTED:
            raise ChannelUnavailable(
                f"{connection.address} wants a login first ({refusal}): set the user name and password.",
                permanent=True,
            )
        if mail.code >= 500 and mail.code not in _OF_THE_MESSAGE:  # whoever asks: the next message has the same sender
            cure = "let this account send from it, or change the sender"
            raise ChannelUnavailable(f"{connection.address} refuses the sender ({mail}): {cure}.", permanent=True)
        is_recipient_s = mail.code < 300 and rcpt.code >= 400
        result = _result(refusal, accepted=False)
        self._ledger.answer(coming.position, result, refusal, is_recipient_s=is_recipient_s)
        self._clear(connection, mail, data)
        return False

    def _announced(self, connection: Connection, coming: Transaction) -> list[Reply]:
        """The replies to the three commands; without pipelining, a refusal stands for those then not sent."""
        replies: list[Reply] = []
        for command in coming.commands:
            if not connection.pipelining:
                if replies and replies[-1].code >= 400:
                    replies.append(replies[-1])
                    continue
                connection.write(command)
            try:
                replies.append(connection.reply())
                _refuse_goodbye(replies[-1])
            except Lost:
                self._ledger.broke_at(coming.position if replies and replies[0].code < 300 else None)
                raise
        return replies

    def _clear(self, connection: Connection, mail: Reply, data: Reply) -> None:
        """RFC 2920, 3.1: a server may ask for the body of a message that has no recipient; it gets an empty one."""
        if data.code < 400:
            if mail.code >= 300:
                raise Lost("the server took a refused message for a good one")
            connection.write(_END)
            _refuse_goodbye(connection.reply())
        connection.write(b"RSET\r\n")
        if connection.reply().code >= 300:
            raise Lost("the server could not start afresh")

    def _transactions(self) -> Iterator[Transaction]:
        for position in self._ledger.waiting:
            message = self._ledger.batch[position]
            try:
                yield self._transaction(position, message)
            except ValueError as error:
                self._ledger.refuse(position, str(error))

    def _transaction(self, position: int, message: Outbound) -> Transaction:
        body = self._skeleton.fill(message)
        if self._sign:
            body = self._sign(body) + body
        utf8 = self._utf8
        if not message.recipient.isascii():
            self._need_utf8("the recipient")
            utf8 = True
        body = body.replace(b"\r\n.", b"\r\n..")
        eight_bit = self._likeness.eight_bit and not body.isascii()
        mail = self._from(message) + (b" BODY=8BITMIME" if eight_bit else b"") + (b" SMTPUTF8\r\n" if utf8 else b"\r\n")
        return Transaction(position, (mail, f"RCPT TO:<{message.recipient}>\r\n".encode(), b"DATA\r\n"), body)

    def _from(self, message: Outbound) -> bytes:
        own = self._return_path(message.key, message.recipient) if self._return_path else ""
        return f"MAIL FROM:<{own}>".encode() if own else self._mail

    def _need_utf8(self, what: str) -> None:
        if not self._likeness.utf8:
            raise ValueError(
                f"{self._likeness.address} takes only ASCII addresses (no SMTPUTF8), and {what} has others: "
                "write the domain in its xn-- form, or use another provider."
            )


def _result(reply: Reply, *, accepted: bool) -> Result:
    if accepted:
        return Result.ACCEPTED
    if reply.code < 400:
        raise Lost(f"the server answered out of turn: {reply}")
    return Result.DEFERRED if reply.code < 500 else Result.REJECTED


def _refuse_goodbye(reply: Reply) -> None:
    if reply.code == 421:
        raise Lost(f"the server said good-bye: {reply}")
