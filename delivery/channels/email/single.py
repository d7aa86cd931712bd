"""A connection that takes one message per round trip, announced by MAIL, RCPT and DATA.

With PIPELINING (RFC 2920) the body of a message and the announcement of the next go out in one write; without it, each
command waits for its reply. A message counts as handed over from the first byte of its end mark on; until the answer to
that has come, its outcome is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from delivery.channels.email.connection import Connection, Lost, Reply
from delivery.channels.email.ledger import Ledger
from delivery.channels.email.replies import refuse_goodbye, result, settle_refused, start_afresh
from delivery.channels.email.transactions import Transaction

_END = b".\r\n"


class SingleLine:
    """A connection, and the messages under way on it: `ready` are those to come."""

    def __init__(self, connection: Connection, ledger: Ledger, ready: Iterator[Transaction]) -> None:
        self.connection = connection
        self.is_asked = False  # whether replies are to come
        self._ledger, self._ready = ledger, ready
        self._granted: Transaction | None = None  # its body may go out next
        self._coming = next(ready, None)  # to be announced with that
        self._following: Transaction | None = None

    @property
    def has_more(self) -> bool:
        return bool(self._granted or self._coming)

    def prepare(self, meanwhile: Callable[[], object] | None) -> None:
        """While the server works."""
        self._following = next(self._ready, None)
        if meanwhile:
            meanwhile()

    def hear(self) -> None:
        """Raises Lost and ChannelUnavailable."""
        if self._granted:
            self._settle(self._granted)
        coming = self._coming
        self._granted = coming if coming and self._is_granted(coming) else None
        self._coming, self._following = self._following, None

    def write(self) -> None:
        """Raises Lost."""
        self.is_asked = True
        connection, granted = self.connection, self._granted
        announcement = _commands(self._coming) if self._coming and connection.pipelining else ()
        if not granted:
            if announcement:
                connection.write(b"".join(announcement))
            return
        body = granted.body.replace(b"\r\n.", b"\r\n..")
        try:
            connection.write(b"".join((body, _END, *announcement)))
        except Lost as lost:
            if lost.written > len(body):
                self._ledger.doubt(granted.position, str(lost))
            raise

    def _settle(self, handed_over: Transaction) -> None:
        try:
            reply = self.connection.reply()
            outcome = result(reply, accepted=reply.code < 300)
        except Lost as lost:
            self._ledger.doubt(handed_over.position, str(lost))
            raise
        self._ledger.answer(handed_over.position, outcome, reply)
        refuse_goodbye(reply)

    def _is_granted(self, coming: Transaction) -> bool:
        """Whether the server waits for the body. If not, its answer is in the ledger and the slate is clean."""
        mail, rcpt, data = self._announced(coming)
        if mail.code < 300 and rcpt.code < 300 and data.code == 354:
            return True
        settle_refused(self.connection, self._ledger, coming.position, (mail, rcpt, data))
        self._clear(mail, data)
        return False

    def _announced(self, coming: Transaction) -> list[Reply]:
        """The replies to the three commands; without pipelining, a refusal stands for those then not sent."""
        replies: list[Reply] = []
        connection = self.connection
        for command in _commands(coming):
            if not connection.pipelining:
                if replies and replies[-1].code >= 400:
                    replies.append(replies[-1])
                    continue
                connection.write(command)
            try:
                replies.append(connection.reply())
                refuse_goodbye(replies[-1])
            except Lost:
                self._ledger.broke_at(coming.position if replies and replies[0].code < 300 else None)
                raise
        return replies

    def _clear(self, mail: Reply, data: Reply) -> None:
        """RFC 2920, 3.1: a server may ask for the body of a message that has no recipient; it gets an empty one."""
        if data.code < 400:
            if mail.code >= 300:
                raise Lost("the server took a refused message for a good one")
            self.connection.write(_END)
            refuse_goodbye(self.connection.reply())
        start_afresh(self.connection)


def _commands(transaction: Transaction) -> tuple[bytes, bytes, bytes]:
    return transaction.mail, transaction.rcpt, b"DATA\r\n"
