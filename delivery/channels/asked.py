"""Providers over HTTP that can be asked what became of a message: one question per message, while the time lasts."""

from __future__ import annotations

import time
from collections.abc import Sequence

from delivery.channels.base import Outcome, Sought
from delivery.channels.guarded import Answer, Client, Lost, NotAllowed, Request, Unsent
from delivery.channels.http import HttpChannel


class Asked(HttpChannel):
    """A kind says how it is asked (`question`) and what an answer tells of the message (`told`)."""

    can_be_asked = True

    def question(self, sought: Sought) -> Request:
        raise NotImplementedError

    def told(self, answer: Answer, sought: Sought) -> Outcome | None:
        """None where the provider does not know the message, so far. Raises ValueError, LookupError or TypeError for
        what is no answer of it.
        """
        raise NotImplementedError

    def look_up(self, sought: Sequence[Sought], *, seconds: float) -> Sequence[Outcome]:
        deadline, client = time.monotonic() + seconds, self._client(0)
        self._deadline = deadline
        found = []
        for each in sought:
            if time.monotonic() >= deadline:
                break
            if outcome := self._ask(client, each):
                found.append(outcome)
        return found

    def _ask(self, client: Client, sought: Sought) -> Outcome | None:
        try:
            answer = client.send(self.question(sought), seconds=max(self.patience(), 0.01))
        except (NotAllowed, Unsent, Lost) as error:
            raise self.unreachable(error) from error
        if answer.status >= 300:
            self.refusal(answer)  # raises where it is about the account, or asks to wait
            return None
        try:
            return self.told(answer, sought) if answer.is_whole else None
        except (ValueError, LookupError, TypeError):
            return None  # no answer that can be read says nothing
