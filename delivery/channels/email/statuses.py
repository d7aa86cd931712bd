"""Enhanced status codes (RFC 3463, and IANA's registry of them): what they say of an address."""

from __future__ import annotations

import re

# The address will never work: no such mailbox, no such domain, no mailbox of that form, moved, a null MX (RFC 7505),
# disabled, and a domain that cannot be routed to because DNS does not know it (as Postfix says of one).
_NEVER = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.4"}
_AFTER_REPLY = re.compile(r"\b[245]\d\d[ -]#?([245]\.\d{1,3}\.\d{1,3})(?![.\d])")
_CODE = re.compile(r"(?<![.\d])([245]\.\d{1,3}\.\d{1,3})(?![.\d])")
_REPLY = re.compile(r"(?<![.\d])([245])[0-5]\d(?=[ -])")
# What servers write that give no better code than "550": of the mailbox, and of nothing else.
_NOBODY = re.compile(
    r"user unknown|unknown user|no such (user|recipient|mailbox|address)|(user|recipient|mailbox|account|address)"
    r"( \S{1,254})? (not found|does(n't| not) exist)|unknown (recipient|mailbox|address)|invalid (recipient|mailbox)",
    re.IGNORECASE,
)
_LONGEST = 4_000  # characters that are looked through


def best(*told: str) -> str:
    """The code that says most: the first of those that are not as vague as 5.0.0, or else a vague one, or nothing."""
    found = [code for text in told for code in _codes(text[:_LONGEST])]
    return next((code for code in found if not code.endswith(".0.0")), found[0] if found else "")


def reply_class(text: str) -> str:
    """Of the SMTP reply in it: "5" for good, "4" for now; empty where there is none."""
    found = _REPLY.search(text[:_LONGEST])
    return found[1] if found else ""


def is_never(code: str, words: str) -> bool:
    """Whether the address will never work, by the code, or by the words where the code is vague."""
    if code and not code.endswith(".0.0"):
        return code in _NEVER
    is_for_good = code.startswith("5") or (not code and reply_class(words) == "5")
    return is_for_good and bool(_NOBODY.search(words[:_LONGEST]))


def _codes(text: str) -> list[str]:
    return _AFTER_REPLY.findall(text) + _CODE.findall(text)
