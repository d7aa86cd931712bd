"""What a mail that came back says of the message: a delivery report (RFC 3464), a complaint (RFC 5965), one of the
many forms that are older than both (flufl.bounce knows them), or none of these.

Heads without a body, halves of mails and nonsense are read as far as they go: nothing that anybody may write raises
more than Unreadable.
"""

from __future__ import annotations

import email
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime

from flufl.bounce import all_failures

from delivery.channels.email import statuses
from delivery.channels.signals import SignalKind, Unreadable

MOST_BYTES = 256 * 1024  # of a mail: what it says stands before what it returns
_MOST_FOR_HEURISTICS = 64 * 1024
_MOST_READ = 4_000  # characters of a server's own words
_MOST_PARTS, _MOST_NAMED = 20, 20
_KINDS = {"failed": SignalKind.BOUNCE, "delivered": SignalKind.DELIVERED}
_COMPLAINTS = {"abuse": SignalKind.COMPLAINT, "fraud": SignalKind.COMPLAINT, "opt-out": SignalKind.UNSUBSCRIBE}
_DAEMON = re.compile(r"(?i)\b(mailer-?daemon|mail-?daemon|postmaster|mdaemon)\b")
_AUTOMATIC = ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply-From")
_AWAY = re.compile(
    r"(?i)\s*(auto(matic|mated)?[ -]?(reply|response)|out of (the )?office|away from|on vacation|abwesen|"
    r"automatische antwort|autoantwort|r[ée]ponse automatique|absence|respuesta autom|risposta automatica)"
)
_COPY = re.compile(r"(?m)^(-{3,}|Received: |Return-Path: )")  # where a mail of an older form returns ours
# Not by email.utils, which follows brackets within brackets to the end of the stack.
_ADDRESS = re.compile(r"[^\s<>(),;:\"\[\]@]{1,64}@[^\s<>(),;:\"\[\]@]{1,255}")
IsOurs = Callable[[str], bool]
logger = logging.getLogger(__name__)
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)  # which calls every mail that it cannot read an error


@dataclass(frozen=True, slots=True)
class Report:
    """`raw` is the action and code that it was judged by; `recipient` the address that was written to, if it names it.

    Of what it is not sure is SignalKind.UNKNOWN: a delay, an automatic reply, a mail of somebody's.
    """

    kind: SignalKind
    raw: str
    is_hard: bool = False
    detail: str = ""
    recipient: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of one recipient."""

    action: str
    code: str
    words: str
    named: tuple[str, ...]

    @property
    def is_never(self) -> bool:
        return self.action == "failed" and statuses.is_never(self.code, self.words)


def read(raw: bytes, is_ours: IsOurs) -> Report:
    """`is_ours` knows the address that the message went to. Raises Unreadable."""
    mail = _parsed(raw[:MOST_BYTES])
    parts = list(_parts(mail))
    by_type = {part.get_content_type(): part for part in reversed(parts)}  # of several, the first
    returned = by_type.get("message/rfc822") or by_type.get("text/rfc822-headers")
    also = [_field(mail, "X-Failed-Recipients"), _field(_head(returned), "To")]
    at = _date(mail)
    if complaint := by_type.get("message/feedback-report"):
        return _complaint(_head(complaint), also, is_ours, at)
    if fates := _fates(by_type.get("message/delivery-status")):
        return _told(fates, also, is_ours, at)
    if not _DAEMON.search(_field(mail, "From")) and _is_automatic(mail):
        return Report(SignalKind.UNKNOWN, "automatic reply", at=at)
    return _guessed(raw, mail, parts, is_ours, at)


def _parsed(raw: bytes) -> Message:
    if raw.lower().count(b"boundary=") > _MOST_PARTS:
        raise Unreadable(f"it has more than {_MOST_PARTS} multiparts")
    try:
        return email.message_from_bytes(raw)
    except (ValueError, LookupError, RecursionError, AttributeError, TypeError) as error:
        raise Unreadable(f"it cannot be read as a mail: {type(error).__name__}") from None


def _parts(mail: Message) -> Iterator[Message]:
    """Those of the mail itself: not those of a mail that it returns."""
    if mail.get_content_maintype() == "multipart" and isinstance(inside := mail.get_payload(), list):
        for part in inside:
            if isinstance(part, Message):
                yield from _parts(part)
    else:
        yield mail


def _head(part: Message | None) -> Message | None:
    """The fields in a part: of the mail that it returns, or of the report that it is."""
    if part is None:
        return None
    inside = part.get_payload()
    if isinstance(inside, list):
        return inside[0] if inside and isinstance(inside[0], Message) else None
    return email.message_from_string(str(inside)[:_MOST_FOR_HEURISTICS])


def _field(head: Message | None, name: str) -> str:
    return str(head.get(name, "")) if head is not None else ""


def _fates(part: Message | None) -> list[_Fate]:
    """Each recipient's in a delivery report. RFC 3464, 2.3: Final-Recipient, Action and Status must be there."""
    if part is None:
        return []
    inside = part.get_payload()
    blocks = [each for each in inside if isinstance(each, Message)] if isinstance(inside, list) else []
    return [fate for block in blocks[:_MOST_NAMED] if (fate := _fate(block)).action]


def _fate(block: Message) -> _Fate:
    words = _field(block, "Diagnostic-Code").partition(";")
    said = " ".join((words[2] or words[0]).split())
    code = statuses.best(_field(block, "Status"), said)
    action = _field(block, "Action").partition("(")[0].strip().lower() or _action_of(code)
    named = tuple(_field(block, f"{which}-Recipient").rpartition(";")[2] for which in ("Original", "Final"))
    return _Fate(action, code, said, named)


def _action_of(code: str) -> str:
    return {"5": "failed", "4": "delayed"}.get(code[:1], "")


def _told(fates: Sequence[_Fate], also: Sequence[str], is_ours: IsOurs, at: datetime | None) -> Report:
    """Of several recipients, as a list has them, ours counts; where none is named, what is true of all of them."""
    meant = [fate for fate in fates if _ours(fate.named, is_ours)] or list(fates)
    fate = meant[0]
    is_of_all = all(each.action == fate.action for each in meant)
    recipient = _ours([name for each in meant for name in each.named] + list(also), is_ours)
    raw = f"{fate.action} {fate.code}".strip()
    kind = _KINDS.get(fate.action, SignalKind.UNKNOWN) if is_of_all else SignalKind.UNKNOWN
    is_hard = kind == SignalKind.BOUNCE and all(each.is_never for each in meant)
    return Report(kind, raw, is_hard, fate.words or raw, recipient, at)


def _complaint(head: Message | None, also: Sequence[str], is_ours: IsOurs, at: datetime | None) -> Report:
    what = _field(head, "Feedback-Type").strip().lower()
    named = [_field(head, "Original-Rcpt-To"), *also]
    kind = _COMPLAINTS.get(what, SignalKind.UNKNOWN)
    by = _field(head, "User-Agent") or _field(head, "Reporting-MTA")
    return Report(
        kind, f"feedback {what}".strip(), detail=" ".join(by.split())[:200], recipient=_ours(named, is_ours), at=at
    )


def _guessed(raw: bytes, mail: Message, parts: Sequence[Message], is_ours: IsOurs, at: datetime | None) -> Report:
    """By what servers wrote before there were reports, or write instead."""
    for_now, for_good = _failures(raw)
    words = _words(parts)
    code = statuses.best(words)
    is_daemon = bool(_DAEMON.search(_field(mail, "From")))
    if for_now and not for_good:
        return Report(SignalKind.UNKNOWN, f"delayed {code}".strip(), at=at)
    if not for_good and not (is_daemon and _is_failure(code, words)):
        return Report(SignalKind.UNKNOWN, "mail", at=at)
    line = next((line for line in words.splitlines() if (code or "\0") in line or _is_failure("", line)), "")
    is_hard = statuses.is_never(code, words)
    recipient = _ours([*for_good, _field(mail, "X-Failed-Recipients")], is_ours)
    return Report(SignalKind.BOUNCE, f"failed {code}".strip(), is_hard, " ".join(line.split()), recipient, at)


def _is_failure(code: str, words: str) -> bool:
    return code.startswith("5") or (not code and statuses.reply_class(words) == "5")


def _failures(raw: bytes) -> tuple[list[str], list[str]]:
    """Who is named as not reached for now, and for good."""
    try:
        for_now, for_good = all_failures(_parsed(raw[:_MOST_FOR_HEURISTICS]))
        return [_decoded(each) for each in for_now], [_decoded(each) for each in for_good]
    except Exception:  # it reads what anybody may have written, and stumbles over some of it
        logger.info("A mail that came back is of no form that is known.", exc_info=True)
        return [], []


def _decoded(address: object) -> str:
    return address.decode("utf-8", "replace") if isinstance(address, bytes) else str(address)


def _words(parts: Sequence[Message]) -> str:
    """What a person would read first, as far as it is the server's own."""
    text = next((part for part in parts if part.get_content_maintype() == "text"), None)
    inside = text.get_payload(decode=True) if text else b""
    return _COPY.split(inside.decode("utf-8", "replace"), 1)[0][:_MOST_READ] if isinstance(inside, bytes) else ""


def _is_automatic(mail: Message) -> bool:
    """RFC 3834, and what was there before it."""
    if _field(mail, "Auto-Submitted").strip().lower().startswith("auto-"):
        return True
    if any(name in mail for name in _AUTOMATIC) or _field(mail, "Precedence").strip().lower() == "auto_reply":
        return True
    return bool(_AWAY.match(_field(mail, "Subject")))


def _ours(named: Sequence[str], is_ours: IsOurs) -> str:
    """Of addresses as they stand in fields, the one that the message went to."""
    found = [address for name in named for address in _ADDRESS.findall(name[:2_000])]
    return next((address for address in found[:_MOST_NAMED] if is_ours(address)), "")


def _date(mail: Message) -> datetime | None:
    try:
        found = parsedate_to_datetime(_field(mail, "Date"))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
