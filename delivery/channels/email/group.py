"""A connection that takes several messages per round trip: where it chunks (RFC 3030), none of them waits for leave.

Each is MAIL, RCPT and BDAT with its octets; those of a group go out in one write, and the replies to all of them are
read before any is believed. Servers differ in whether a refused message is over: RSET stands before each but the first.

A message counts as handed over once the last of its octets may have been written, for a server throws away what was cut
off; until its answer has come, its outcome is unknown. After a good-bye (421) and the end of the connection nothing
more was taken. The first message over a connection goes alone, and is announced with no more than its first line: who
does not know BDAT, though it was promised, takes octets for commands, and anything might stand in a message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from delivery.channels.base import ChannelUnavailable
from delivery.channels.email.connection import Connection, Lost, Reply
from delivery.channels.email.ledger import Ledger
from delivery.channels.email.replies import GOOD_BYE, refuse_goodbye, result, settle_refused, start_afresh
from delivery.channels.email.transactions import Transaction

_AT_ONCE = 4  # messages, that may be in doubt when a connection breaks
_MOST_OCTETS = 262_144  # after which no more join a group
_SOON = 0.5  # seconds, within which the answers to a group should come: a slow server gets fewer at once
_LAST_WORD = 0.25  # seconds for the answers to what was written before a connection broke
_OF_ADDRESSES = "2.1."  # enhanced status codes (RFC 3463, 3.2): of an answer to MAIL or RCPT, never to octets
_NOT_KNOWN = range(500, 505)  # a command, or its parameters (RFC 5321, 4.2.2)
_GRANTED = Reply(250, "")


class _Handed(NamedTuple):
    """A message of a group: how many replies it gets, and where in the write it ends."""

    position: int
    replies: int
    end: int


class GroupLine:
    """A connection, and the messages under way on it: `ready` are those to come."""

    def __init__(self, connection: Connection, ledger: Ledger, ready: Iterator[Transaction]) -> None:
        self.connection = connection
        self.is_asked = False  # whether replies are to come
        self._ledger, self._ready = ledger, ready
        self._on_trial: Transaction | None = None  # announced with its first line
        self._begun: Transaction | None = None  # the same, and the server has understood
        self._coming = self._taken()
        self._following: list[Transaction] = []
        self._group: list[_Handed] = []
        self._written_at = 0.0
        self._is_clean = True  # whether the last message left nothing at the server
        self._refusal: ChannelUnavailable | None = None

    @property
    def has_more(self) -> bool:
        return bool(self._begun or self._coming)

    def prepare(self, meanwhile: Callable[[], object] | None) -> None:
        """While the server works."""
        self._following = self._taken()
        if meanwhile:
            for _ in self._group:
                meanwhile()

    def hear(self) -> None:
        """Raises Lost and ChannelUnavailable."""
        if self._on_trial:
            self._hear_trial(self._on_trial)
        else:
            self._hear_group(*self._answers(is_whole=True))
            self._begun = None
            if not self._is_clean:
                start_afresh(self.connection)
            self._note_pace()
        self._coming, self._following = self._following, []

    def write(self) -> None:
        """Raises Lost."""
        self.is_asked, self._written_at = True, time.monotonic()
        if not self._begun and not self.connection.at_once:
            self._announce(self._coming[0])
            return
        if self.connection.is_stale():  # or a whole group would be in doubt
            raise Lost(f"{self.connection.address} closed the connection", is_over=True)
        data = self._joined()
        try:
            self.connection.write(data)
        except Lost as lost:
            self._hear_out(lost.written)
            raise

    def _taken(self) -> list[Transaction]:
        taken: list[Transaction] = []
        octets = 0
        while len(taken) < max(self.connection.at_once, 1) and octets < _MOST_OCTETS:
            transaction = next(self._ready, None)
            if transaction is None:
                break
            taken.append(transaction)
            octets += len(transaction.body)
        return taken

    def _announce(self, transaction: Transaction) -> None:
        self._on_trial = transaction
        self._group = [_Handed(transaction.position, 3, 0)]
        first = transaction.body[: _first_line(transaction.body)]
        self.connection.write(b"%b%bBDAT %d\r\n%b" % (transaction.mail, transaction.rcpt, len(first), first))

    def _hear_trial(self, transaction: Transaction) -> None:
        """Raises Lost and ChannelUnavailable."""
        self._on_trial = None
        replies: list[Reply] = []
        try:
            while len(replies) < 3:
                replies.append(self.connection.reply())
                refuse_goodbye(replies[-1])
        except Lost:
            self._ledger.broke_at(transaction.position if replies and replies[0].code < 300 else None)
            raise
        mail, rcpt, chunk = replies
        is_granted = mail.code < 300 and rcpt.code < 300
        if is_granted and chunk.code < 300:
            self._begun = transaction
            return
        if is_granted and chunk.code in _NOT_KNOWN:
            self.connection.chunking = False
            raise Lost(f"{self.connection.address} announces CHUNKING and does not know BDAT ({chunk})")
        settle_refused(self.connection, self._ledger, transaction.position, replies)
        if chunk.code < 400 and mail.code >= 300:
            raise Lost("the server took a refused message for a good one")
        start_afresh(self.connection)

    def _joined(self) -> bytes:
        """What goes out next, in one piece; `_group` says what is in it."""
        pieces: list[bytes] = []
        self._group, octets, reset = [], 0, b""
        if begun := self._begun:
            rest = begun.body[_first_line(begun.body) :]
            pieces += (b"BDAT %d LAST\r\n" % len(rest), rest)
            octets, reset = len(pieces[0]) + len(rest), b"RSET\r\n"
            self._group.append(_Handed(begun.position, 1, octets))
        for position, mail, rcpt, body in self._coming:
            announcement = b"%b%b%bBDAT %d LAST\r\n" % (reset, mail, rcpt, len(body))
            pieces += (announcement, body)
            octets += len(announcement) + len(body)
            self._group.append(_Handed(position, 4 if reset else 3, octets))
            reset = b"RSET\r\n"
        return b"".join(pieces)

    def _answers(self, *, is_whole: bool) -> tuple[list[Reply], Lost | None]:
        """The replies to the group, all of them unless the connection is lost: none, where there are too many."""
        replies: list[Reply] = []
        expected = sum(handed.replies for handed in self._group)
        try:
            while len(replies) < expected:
                replies.append(self.connection.reply())
        except Lost as lost:
            return replies, lost
        if is_whole and self.connection.has_said_more():
            self.connection.chunking = False
            return [], Lost(f"{self.connection.address} lost step: it sent more replies than it was given commands")
        return replies, None

    def _hear_group(self, replies: Sequence[Reply], lost: Lost | None) -> None:
        """Settle its messages. Raises Lost, and ChannelUnavailable."""
        at = 0
        for number, handed in enumerate(self._group):
            said = replies[at : at + handed.replies]
            try:
                if lost and len(said) < handed.replies:
                    raise lost
                self._settle(handed, said)
            except Lost as error:
                if error is not lost:  # it contradicts itself, and gets one at a time from now on
                    self.connection.chunking = False
                is_farewell = error.is_over and bool(replies) and replies[-1].code == GOOD_BYE
                self._break_off(self._group[number:], said, None if is_farewell else error)
                raise
            at += handed.replies
        for reply in replies:
            refuse_goodbye(reply)
        if self._refusal:
            raise self._refusal

    def _settle(self, handed: _Handed, said: Sequence[Reply]) -> None:
        """With all the replies to a message. Raises Lost where they cannot be."""
        *reset, mail, rcpt, last = said if handed.replies > 1 else (_GRANTED, _GRANTED, *said)
        if reset and reset[0].code >= 300:
            raise Lost("the server could not start afresh")
        is_granted = mail.code < 300 and rcpt.code < 300
        self._is_clean = is_granted and last.code < 300
        if is_granted:
            if last.text.startswith(_OF_ADDRESSES):
                raise Lost(f"the server lost step: {last}")
            self._ledger.answer(handed.position, result(last, accepted=last.code < 300), last)
            return
        if last.code < 400 and (mail.code >= 300 or last.code >= 300):
            raise Lost("the server took a refused message for a good one")
        try:
            settle_refused(self.connection, self._ledger, handed.position, (mail, rcpt, last))
        except ChannelUnavailable as refusal:
            self._refusal = self._refusal or refusal

    def _break_off(self, left: Sequence[_Handed], said: Sequence[Reply], error: Lost | None) -> None:
        """Of those left, the first has been answered in part; without an `error`, the server took leave of us."""
        first = left[0]
        announced = said[max(first.replies - 3, 0) :] if first.replies > 1 else ()
        is_granted = bool(announced) and announced[0].code < 300
        self._ledger.broke_at(first.position if is_granted and not error else None)
        if error is None:
            return
        if len(said) < first.replies and len(announced) == 2 and announced[1].code >= 400:  # it has no recipient
            with suppress(ChannelUnavailable):  # then it is nobody's outcome
                settle_refused(self.connection, self._ledger, first.position, announced)
            left = left[1:]
        for handed in left:
            self._ledger.doubt(handed.position, str(error))

    def _hear_out(self, written: int) -> None:
        """Settle what can have reached the server of a write that broke off, as far as it has been answered."""
        cut_off = [handed for handed in self._group if handed.end > written]
        self._group = self._group[: len(self._group) - len(cut_off)]
        self.connection.allow_until(time.monotonic() + _LAST_WORD)
        with suppress(Lost, ChannelUnavailable):
            self._hear_group(*self._answers(is_whole=not cut_off))
        self._ledger.broke_at(cut_off[0].position if cut_off else None)  # perhaps: the next conversation will show

    def _note_pace(self) -> None:
        each = (time.monotonic() - self._written_at) / len(self._group)
        self.connection.at_once = min(_AT_ONCE, max(1, int(_SOON / max(each, 0.001))))


def _first_line(body: bytes) -> int:
    return body.index(b"\r\n") + 2
