"""A worker's turn on an item of the agenda: what it has taken of its lane's time, and who goes first meanwhile.

A full batch takes a good part of a second. Between two of its hand-overs a worker looks whether anybody came who was
served less, and lets that one go first: the batch stays leased, nothing of it is at a provider, and it goes on where it
was. So a hundred messages of one retailer wait for fifty of another's, and not for five hundred; and nothing is set up
twice for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings

from tenants import agenda, context
from tenants.agenda import Claim

LOOK_EVERY = 0.05  # seconds
MOST = 1.0  # seconds that others are given at a time: then the batch gets on by a hand-over
_LATE = timedelta(seconds=0.5)  # work is announced in a transaction, and seen when that has ended


class Turn:
    """`serve` handles a claim of others. Who claimed without an end of it gives way to nobody."""

    def __init__(self, claim: Claim, serve: Callable[[Claim], None]) -> None:
        self._claim, self._serve = claim, serve
        self._begun = self._looked = time.monotonic()
        self._others = 0.0
        self._is_cut_short = False  # whether somebody may be left whom there was no time for
        self._since = claim.until - timedelta(seconds=settings.LEASE_SECONDS) - _LATE if claim.until else None

    @property
    def cost(self) -> float:
        """Seconds that this turn took so far, without what others had of them."""
        return time.monotonic() - self._begun - self._others

    def has_company(self) -> bool:
        """Whether somebody came, who may go first. Looked at now and then only."""
        if self._is_cut_short:
            return True
        if self._since is None or time.monotonic() - self._looked < LOOK_EVERY:
            return False
        found, now = agenda.newcomers(self._claim, self._since)
        self._looked, self._since = time.monotonic(), now if found else max(self._since, now - _LATE)
        return found

    def let_go_first(self) -> None:
        """Serve who was served less, one after the other, for `MOST` seconds or so. Nothing of this turn's own may be
        in hand meanwhile.
        """
        begun = time.monotonic()
        with context.on_platform():
            while time.monotonic() - begun < MOST:
                claim = agenda.claim(seconds=settings.LEASE_SECONDS, beside=self._claim)
                self._is_cut_short = claim is not None
                if claim is None:
                    break
                self._serve(claim)
        self._others += time.monotonic() - begun
        self._looked = time.monotonic()
