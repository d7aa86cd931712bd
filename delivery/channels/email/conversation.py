"""A batch over one connection: one round trip per message.

With PIPELINING (RFC 2920) the body of a message and the announcement (MAIL, RCPT, DATA) of the next go out in one
write; without it, each command waits for its reply. Replies come in order, so each is somebody's. A message counts as
handed over from the first byte of its end mark on; until the answer to that has come, its outcome is unknown.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from delivery.channels.base import ChannelUnavailable, Envelope, Outbound, Outcome, Result
from delivery.channels.email import headers, mime
from delivery.channels.email.connection import Connection, Lost, Reply

_END = b".\r\n"
_LONGEST_DETAIL = 200
_LOGIN_WANTED = {530, 534, 535, 538}
_OF_THE_MESSAGE = {501, 504, 552, 555}  # to MAIL FROM: its parameters, which a message's body and recipient ask for
_OF_THE_RECIPIENT = re.compile(r"4\.[12]\.")  # address and mailbox status (RFC 3463, 3.2 and 3.3)
_DOT_FIRST = re.compile(rb"\n\.")  # this finds them in a quarter of the time that bytes.replace takes
_QUEUE_ID = re.compile(r"(?:queued as|\bid=) ?<?([\w.@-]+)", re.IGNORECASE)


class Ledger:
    """The outcomes of a batch, as they come in."""

    def __init__(self, batch: Sequence[Outbound]) -> None:
        self.batch = batch
        self.outcomes: list[Outcome | None] = [None] * len(batch)
        self.answered = 0
        self.in_doubt = 0
        self._suspect: int | None = None  # at whose announcement the last connection broke
        self._is_confirmed = False  # so did the one before
        self._has_put_off = False

    def open(self) -> Iterator[int]:
        return (position for position, outcome in enumerate(self.outcomes) if outcome is None)

    def answer(self, position: int, result: Result, reply: Reply, *, is_recipient_s: bool = False) -> None:
        """The server's own answer to a message."""
        self.answered += 1
        if result is Result.DEFERRED:
            is_recipient_s = is_recipient_s or bool(_OF_THE_RECIPIENT.match(reply.text))
        self._close(position, result, str(reply), _queue_id(reply) if result is Result.ACCEPTED else "", is_recipient_s)

    def doubt(self, position: int, why: str) -> None:
        self.in_doubt += 1
        self._close(position, Result.UNKNOWN, f"handed over, but no answer came: {why}")

    def broke_at(self, position: int | None) -> None:
        """The connection broke at this message's announcement, after its sender was granted; None: at anything else."""
        self._is_confirmed = position is not None and position == self._suspect
        self._suspect = position

    def put_off_suspect(self, why: str) -> bool:
        """Put off the message that two connections in a row broke at, so that it holds up nobody; whether there is one.

        Once in a hand-over: the server may be the cause all the same.
        """
        if self._suspect is None or not self._is_confirmed or self._has_put_off:
            return False
        self.answered += 1
        self._has_put_off = True
        self._close(self._suspect, Result.DEFERRED, why, is_recipient_s=True)
        return True

    def refuse(self, position: int, why: str) -> None:
        """Not worth a server's time: it never went out and never will."""
        self._close(position, Result.REJECTED, why)

    def leave_rest(self, why: str) -> None:
        for position in self.open():
            self._close(position, Result.UNSENT, f"not handed over: {why}")

    def settled(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome is not None]

    def _close(
        self, position: int, result: Result, detail: str, provider_id: str = "", is_recipient_s: bool = False
    ) -> None:
        key = self.batch[position].key
        self.outcomes[position] = Outcome(
            key, result, detail[:_LONGEST_DETAIL], provider_id, is_recipient_s=is_recipient_s
        )


class Transaction(NamedTuple):
    """A message made ready: its announcement, and its body up to the end mark."""

    position: int
    commands: tuple[bytes, bytes, bytes]
    body: bytes


class Conversation:
    """`sign` makes the signature field that goes before a message; `return_path` is where one comes back to.

    Raises ValueError when the envelope cannot be written.
    """

    def __init__(
        self,
        connection: Connection,
        envelope: Envelope,
        ledger: Ledger,
        *,
        start_by: float,
        sign: Callable[[bytes], bytes] | None = None,
        return_path: Callable[[str, str], str] | None = None,
    ) -> None:
        self._connection = connection
        self._ledger = ledger
        self._start_by = start_by
        sender = headers.address("The sender", envelope.sender or envelope.from_email)
        self._mail, self._return_path = f"MAIL FROM:<{sender}>".encode(), return_path
        self._utf8 = not (sender + envelope.from_email + envelope.reply_to).isascii()
        if self._utf8:
            self._need_utf8("the envelope's addresses")
        self._sign = sign
        self._skeleton = mime.Skeleton(envelope, date=datetime.now(UTC), eight_bit=connection.eight_bit)
        self._ready = self._transactions()

    def run(self, meanwhile: Callable[[], object] | None = None) -> None:
        """Settle what is open in the ledger, in order, handing over no body after `start_by`. `meanwhile` is done once
        while the server works on a message.

        The connection is fit for another conversation afterwards. Raises Lost, with the ledger right up to then, and
        ChannelUnavailable when the server wants a login.
        """
        granted: Transaction | None = None
        coming = next(self._ready, None)
        while granted or coming:
            if time.monotonic() > self._start_by:
                raise Lost("the time allowed ran out")
            granted, coming = self._exchange(granted, coming, meanwhile)

    def _exchange(
        self, granted: Transaction | None, coming: Transaction | None, meanwhile: Callable[[], object] | None
    ) -> tuple[Transaction | None, Transaction | None]:
        """One round trip. Returns the message whose body may go out next, and the one after it."""
        self._write(granted, coming)
        following = next(self._ready, None)  # made ready while the server works
        if meanwhile:
            meanwhile()
        if granted:
            self._settle(granted)
        return (coming if coming and self._is_granted(coming) else None), following

    def _write(self, granted: Transaction | None, coming: Transaction | None) -> None:
        announcement = coming.commands if coming and self._connection.pipelining else ()
        if not granted:
            if announcement:
                self._connection.write(b"".join(announcement))
            return
        try:
            self._connection.write(b"".join((granted.body, _END, *announcement)))
        except Lost as lost:
            if lost.written > len(granted.body):
                self._ledger.doubt(granted.position, str(lost))
            raise

    def _settle(self, handed_over: Transaction) -> None:
        try:
            reply = self._connection.reply()
            result = _result(reply, accepted=reply.code < 300)
        except Lost as lost:
            self._ledger.doubt(handed_over.position, str(lost))
            raise
        self._ledger.answer(handed_over.position, result, reply)
        _refuse_goodbye(reply)

    def _is_granted(self, coming: Transaction) -> bool:
        """Whether the server waits for the body. If not, its answer is in the ledger and the slate is clean."""
        mail, rcpt, data = self._announced(coming)
        if mail.code < 300 and rcpt.code < 300 and data.code == 354:
            return True
        refusal = next((reply for reply in (mail, rcpt, data) if reply.code >= 400), data)
        if refusal.code in _LOGIN_WANTED:
            raise ChannelUnavailable(
                f"{self._connection.address} wants a login first ({refusal}): set the user name and password.",
                permanent=True,
            )
        if mail.code >= 500 and mail.code not in _OF_THE_MESSAGE:  # whoever asks: the next message has the same sender
            cure = "let this account send from it, or change the sender"
            raise ChannelUnavailable(f"{self._connection.address} refuses the sender ({mail}): {cure}.", permanent=True)
        is_recipient_s = mail.code < 300 and rcpt.code >= 400
        result = _result(refusal, accepted=False)
        self._ledger.answer(coming.position, result, refusal, is_recipient_s=is_recipient_s)
        self._clear(mail, data)
        return False

    def _announced(self, coming: Transaction) -> list[Reply]:
        """The replies to the three commands; without pipelining, a refusal stands for those then not sent."""
        replies: list[Reply] = []
        for command in coming.commands:
            if not self._connection.pipelining:
                if replies and replies[-1].code >= 400:
                    replies.append(replies[-1])
                    continue
                self._connection.write(command)
            try:
                replies.append(self._connection.reply())
                _refuse_goodbye(replies[-1])
            except Lost:
                self._ledger.broke_at(coming.position if replies and replies[0].code < 300 else None)
                raise
        return replies

    def _clear(self, mail: Reply, data: Reply) -> None:
        """RFC 2920, 3.1: a server may ask for the body of a message that has no recipient; it gets an empty one."""
        if data.code < 400:
            if mail.code >= 300:
                raise Lost("the server took a refused message for a good one")
            self._connection.write(_END)
            _refuse_goodbye(self._connection.reply())
        self._connection.write(b"RSET\r\n")
        if self._connection.reply().code >= 300:
            raise Lost("the server could not start afresh")

    def _transactions(self) -> Iterator[Transaction]:
        for position in self._ledger.open():
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
        if _DOT_FIRST.search(body):  # replacing none would copy the whole body
            body = _DOT_FIRST.sub(b"\n..", body)
        eight_bit = self._connection.eight_bit and not body.isascii()
        mail = self._from(message) + (b" BODY=8BITMIME" if eight_bit else b"") + (b" SMTPUTF8\r\n" if utf8 else b"\r\n")
        return Transaction(position, (mail, f"RCPT TO:<{message.recipient}>\r\n".encode(), b"DATA\r\n"), body)

    def _from(self, message: Outbound) -> bytes:
        own = self._return_path(message.key, message.recipient) if self._return_path else ""
        return f"MAIL FROM:<{own}>".encode() if own else self._mail

    def _need_utf8(self, what: str) -> None:
        if not self._connection.utf8:
            raise ValueError(
                f"{self._connection.address} takes only ASCII addresses (no SMTPUTF8), and {what} has others: "
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


def _queue_id(reply: Reply) -> str:
    found = _QUEUE_ID.search(reply.text)
    return found[1] if found else ""
