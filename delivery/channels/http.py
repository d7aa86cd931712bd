"""What channels over HTTP share: a batch becomes requests, a few at a time, and each answer an outcome per message.

An error while a request goes out means that nobody acted on it. Once it is out, only an answer that can be read says
what became of it: without one, the message is unknown. A provider that knows messages by their key is asked once more
with the same key before that.
"""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from delivery.channels.base import ChannelUnavailable, Envelope, Mute, Outbound, Outcome, Result
from delivery.channels.guarded import Answer, Broken, Client, Lost, NotAllowed, Request, Unsent
from delivery.channels.kinds import Account

_SHARE_TO_START = 0.75  # of the time: later requests could not be answered in it
_LONGEST_DETAIL = 200
_LONGEST_PAUSE = 3600.0  # seconds that a provider may make us wait
_SAID = (Result.ACCEPTED, Result.REJECTED)
_OF_THE_ACCOUNT = {
    401: "refuses the credentials: correct them",
    403: "refuses the credentials: correct them",
    402: "wants to be paid",
    404: "knows no such account or address: correct the settings",
    405: "knows no such account or address: correct the settings",
}
_FAILURES_IN_A_ROW = 3  # answers of 5xx, after which the rest of a batch is kept


class RefusedAccount(ChannelUnavailable):
    """The account is refused as a whole, also where every recipient has a server of their own."""


class HttpChannel(Mute):
    """A kind says how a request is written (`prepare`, `request`) and what is in a good answer (`provider_id`)."""

    key_window = 0.0
    per_request = 1  # messages
    at_once = 8  # requests
    is_one_provider = True  # otherwise every recipient has a server of their own, whose troubles concern them alone
    may_repeat = False  # whether a second copy is shown once, whoever brings it

    def __init__(self, account: Account) -> None:
        self.provider = account.key
        self.account = account
        self._clients: list[Client] = []
        self._deadline: float | None = None  # of the hand-over

    # -- what a kind says ----------------------------------------------------------------------------------------------
    def prepare(self, envelope: Envelope, message: Outbound) -> Any:
        """The message as the provider wants it. Raises ValueError when it can never be sent."""
        raise NotImplementedError

    def request(self, prepared: Sequence[Any]) -> Request:
        raise NotImplementedError

    def provider_id(self, answer: Answer) -> str:
        """What the provider calls the message. Raises ValueError, KeyError or TypeError for what is no answer of it."""
        raise NotImplementedError

    def check_request(self) -> Request:
        """Something that costs nothing and needs the credentials."""
        raise NotImplementedError

    def classify(self, answer: Answer, messages: Sequence[Outbound]) -> list[Outcome]:
        """What an answer means for the messages of its request. Raises ChannelUnavailable: it is not about them."""
        if answer.status < 300:
            return self.accepted(answer, messages)
        result = self.refusal(answer)
        is_gone = result == Result.REJECTED and self.is_gone(answer)
        return [Outcome(message.key, result, said(answer), is_gone=is_gone) for message in messages]

    def accepted(self, answer: Answer, messages: Sequence[Outbound]) -> list[Outcome]:
        """Of an answer with a good status; it counts only when it is also what the provider promises."""
        try:
            if not answer.is_whole:
                raise ValueError("it broke off")
            return [Outcome(message.key, Result.ACCEPTED, provider_id=self.provider_id(answer)) for message in messages]
        except (ValueError, TypeError, LookupError) as error:
            why = f"{answer.status} with an answer that cannot be read ({error}): {said(answer)}"
            return [Outcome(message.key, Result.UNKNOWN, why[:_LONGEST_DETAIL]) for message in messages]

    def refusal(self, answer: Answer) -> Result:
        """What a status from 300 on means for its message. Raises ChannelUnavailable when it is about the account.

        After an error of the provider's own, and a word of somebody in between, it may have acted all the same.
        """
        if cure := _OF_THE_ACCOUNT.get(answer.status) or ("is elsewhere: correct its URL" * (answer.status < 400)):
            raise ChannelUnavailable(f"{self.provider} {cure}. {said(answer)}", permanent=True)
        pause = retry_after(answer)
        if answer.status == 429 or (answer.status == 503 and (self.may_repeat or pause is not None)):
            raise ChannelUnavailable(f"{self.provider} asks to wait: {said(answer)}", retry_after=pause)
        if answer.status in (502, 504):
            return Result.UNKNOWN
        if answer.status >= 500 or answer.status == 408:
            return Result.DEFERRED if self.may_repeat else Result.UNKNOWN
        return Result.DEFERRED if answer.status == 425 else Result.REJECTED

    def is_gone(self, answer: Answer) -> bool:
        """Whether a refusal says that there is no such device any more."""
        return False

    # -- the port ------------------------------------------------------------------------------------------------------
    def check(self) -> None:
        self._deadline, client = None, self._client(0)
        client.close()
        try:
            request = self.check_request()
            answer = client.send(request, seconds=self.account.timeout)
        except (NotAllowed, Unsent, Lost) as error:
            raise self.unreachable(error) from error
        if answer.status >= 400:
            self.refusal(answer)
            raise ChannelUnavailable(f"{self.provider} answers {said(answer)}", permanent=answer.status < 500)

    def send(self, envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        return HandOver(self, envelope, batch, seconds).run()

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def reach(self, url: str) -> None:
        """A check for where nothing can be asked: somebody is there. Raises ChannelUnavailable."""
        client = self._client(0)
        client.close()
        try:
            client.reach(url, seconds=self.account.timeout)
        except (NotAllowed, Unsent) as error:
            raise self.unreachable(error) from error

    def patience(self) -> float:
        """Seconds that a request may take now."""
        left = self.account.timeout if self._deadline is None else self._deadline - time.monotonic()
        return min(self.account.timeout, left)

    # -- for the hand-over ---------------------------------------------------------------------------------------------
    def _client(self, number: int) -> Client:
        while len(self._clients) <= number:
            self._clients.append(Client(allow_private=self.account.allow_private))
        return self._clients[number]

    def unreachable(self, error: Exception) -> ChannelUnavailable:
        return ChannelUnavailable(f"{self.provider}: {error}", permanent=isinstance(error, NotAllowed))


class HandOver:
    """One batch at one provider: threads take the next request in turn until all are out, or there is no point."""

    def __init__(self, channel: HttpChannel, envelope: Envelope, batch: Sequence[Outbound], seconds: float) -> None:
        self._channel, self._envelope, self._batch = channel, envelope, batch
        begun = time.monotonic()
        self._start_by, self._deadline = begun + seconds * _SHARE_TO_START, begun + seconds
        channel._deadline = self._deadline
        self._outcomes: list[Outcome | None] = [None] * len(batch)
        self._halt: ChannelUnavailable | None = None
        self._in_a_row, self._has_put_off = 0, False
        self._lock = threading.Lock()
        self._groups = self._prepared()

    def run(self) -> list[Outcome]:
        """Raises ChannelUnavailable when not one message was handed over."""
        requests = -(-len(self._batch) // self._channel.per_request)
        clients = [self._channel._client(number) for number in range(min(self._channel.at_once, requests))]
        helpers = [threading.Thread(target=self._work, args=[client]) for client in clients[1:]]
        for helper in helpers:
            helper.start()
        try:
            if clients:
                self._work(clients[0])
        except BaseException:  # from outside, such as a time limit: the helpers begin nothing more either
            self._stop(ChannelUnavailable("the worker was stopped"))
            raise
        finally:
            for helper in helpers:
                helper.join()
        return self._settled()

    def _work(self, client: Client) -> None:
        while True:
            with self._lock:
                group = None if self._halt else next(self._groups, None)
            if group is None:
                return
            if time.monotonic() > self._start_by:
                self._stop(ChannelUnavailable(f"{self._channel.provider}: the time allowed ran out"))
                return
            positions, prepared = group
            for position in positions:  # should anything unforeseen end this thread: it may have gone out
                self._outcomes[position] = Outcome(self._batch[position].key, Result.UNKNOWN, "handed over")
            outcomes = self._exchange(client, positions, prepared)
            for position, outcome in zip(positions, outcomes, strict=True):
                self._outcomes[position] = outcome

    def _exchange(self, client: Client, positions: Sequence[int], prepared: Sequence[Any]) -> list[Outcome]:
        messages = [self._batch[position] for position in positions]
        try:
            request = self._channel.request(prepared)
            outcomes = self._ask(client, request, messages)
        except ChannelUnavailable as refusal:
            if not self._channel.is_one_provider and not isinstance(refusal, RefusedAccount):
                result = Result.REJECTED if refusal.permanent else Result.DEFERRED
                pause, why = refusal.retry_after, _brief(refusal)
                return [Outcome(m.key, result, why, retry_after=pause, is_recipient_s=True) for m in messages]
            self._stop(refusal)
            return [Outcome(message.key, Result.UNSENT, _brief(f"not handed over: {refusal}")) for message in messages]
        if self._channel.key_window and any(outcome.result == Result.UNKNOWN for outcome in outcomes):
            with contextlib.suppress(ChannelUnavailable):
                again = self._ask(client, request, messages)
                outcomes = [new if new.result in _SAID else old for old, new in zip(outcomes, again, strict=True)]
        return outcomes

    def _ask(self, client: Client, request: Request, messages: Sequence[Outbound]) -> list[Outcome]:
        """Raises ChannelUnavailable when nobody acted on the request."""
        try:
            try:
                answer = self._answer(client, request)
            except Broken:  # once more, over another connection
                answer = self._answer(client, request)
        except Broken as error:
            with self._lock:
                is_first, self._has_put_off = not self._has_put_off, True
            if is_first:  # it may be this one's doing: it goes last, so that it holds up nobody
                return [Outcome(m.key, Result.DEFERRED, _brief(error), is_recipient_s=True) for m in messages]
            raise self._channel.unreachable(error) from error
        except (NotAllowed, Unsent) as error:
            raise self._channel.unreachable(error) from error
        except Lost as lost:
            why = _brief(f"handed over, but no answer came: {lost}")
            return [Outcome(message.key, Result.UNKNOWN, why) for message in messages]
        self._count(answer)
        return self._channel.classify(answer, messages)

    def _answer(self, client: Client, request: Request) -> Answer:
        if (patience := self._channel.patience()) <= 0:
            raise Unsent("the time allowed ran out")
        return client.send(request, seconds=patience)

    def _count(self, answer: Answer) -> None:
        """A provider that only fails is left alone with the rest of the batch."""
        with self._lock:
            self._in_a_row = self._in_a_row + 1 if answer.status >= 500 else 0
            fails = self._in_a_row >= _FAILURES_IN_A_ROW
        if fails and self._channel.is_one_provider:
            self._stop(ChannelUnavailable(f"{self._channel.provider} fails: {said(answer)}"))

    def _stop(self, why: ChannelUnavailable) -> None:
        with self._lock:
            self._halt = self._halt or why

    def _prepared(self) -> Iterator[tuple[list[int], list[Any]]]:
        """What goes into one request, in order; what can never be sent is refused on the way."""
        positions: list[int] = []
        prepared: list[Any] = []
        for position, message in enumerate(self._batch):
            try:
                prepared.append(self._channel.prepare(self._envelope, message))
                positions.append(position)
            except ValueError as error:
                self._outcomes[position] = Outcome(message.key, Result.REJECTED, _brief(error))
            if len(positions) == self._channel.per_request:
                yield positions, prepared
                positions, prepared = [], []
        if positions:
            yield positions, prepared

    def _settled(self) -> list[Outcome]:
        halt = self._halt
        if halt and all(outcome is None or outcome.result == Result.UNSENT for outcome in self._outcomes):
            raise halt
        why, pause = (_brief(f"not handed over: {halt}"), halt.retry_after) if halt else ("", None)
        outcomes = zip(self._batch, self._outcomes, strict=True)
        settled = [found or Outcome(message.key, Result.UNSENT, why) for message, found in outcomes]
        if pause is None:
            return settled
        return [replace(each, retry_after=pause) if each.result == Result.UNSENT else each for each in settled]


def _brief(words: object) -> str:
    return str(words)[:_LONGEST_DETAIL]


def said(answer: Answer) -> str:
    """The status and the beginning of what the provider says, for people."""
    text = " ".join(answer.body[:600].decode("utf-8", "replace").split())
    return f"{answer.status} {text}".strip()[:_LONGEST_DETAIL]


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def document(answer: Answer) -> dict[str, Any]:
    """The answer's JSON object. Raises ValueError."""
    found = json.loads(answer.body)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def text(value: Any) -> str:
    """An id as the provider gave it. Raises ValueError for what is none."""
    if not isinstance(value, str) or not value or len(value) > 200:
        raise ValueError("no id")
    return value


def retry_after(answer: Answer) -> float | None:
    """Seconds that the provider asks to be left alone: `Retry-After` as seconds or as a date (RFC 9110, 10.2.3)."""
    asked = answer.headers.get("retry-after", "").strip()
    try:
        seconds = float(asked)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, min(seconds, _LONGEST_PAUSE)) if math.isfinite(seconds) else None
