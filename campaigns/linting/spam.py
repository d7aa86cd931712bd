"""Words that spam filters distrust. One says little, several together do; in a subject each counts twice.

The list is our own: phrases in English that filters' public rule sets and mailbox providers' advice for senders name
time and again (money without work, pressure, claims of cures, pleas of innocence), weighed by how rarely an honest
shop needs them.
"""

from __future__ import annotations

from collections.abc import Iterator

from campaigns.config.check_names import Severity
from campaigns.linting.sample import Found, Sample
from campaigns.linting.wording import Place, pattern, said

SUSPICIOUS = 4  # together
_WEIGHTS = {
    1: (
        "act now", "apply now", "best price", "buy now", "cheap", "click below", "click here", "don't delete",
        "exclusive deal", "for free", "free gift", "free trial", "great offer", "hurry", "instant", "limited time only",
        "lowest price", "no catch", "no cost", "no obligation", "once in a lifetime", "order now", "special promotion",
        "urgent", "what are you waiting for", "while supplies last", "you have been selected",
    ),
    2: (
        "100% free", "100% guaranteed", "as seen on", "cash bonus", "congratulations", "dear friend", "double your",
        "eliminate debt", "extra cash", "free money", "guaranteed results", "incredible deal", "lose weight",
        "meet singles", "miracle", "no credit check", "no fees", "no questions asked", "no strings attached",
        "not spam", "pre-approved", "risk free", "risk-free", "satisfaction guaranteed", "winner", "you won",
        "you're a winner",
    ),
    3: (
        "be your own boss", "casino", "earn money", "financial freedom", "get rich", "make money", "million dollars",
        "multi-level marketing", "online pharmacy", "this is not spam", "viagra", "weight loss", "wire transfer",
        "work from home",
    ),
}  # fmt: skip


def words(sample: Sample) -> Iterator[Found]:
    """Nothing for a word or two; every one of them once they are many."""
    places = {phrase: found for phrase in _ALL if (found := said(sample, pattern(phrase)))}
    total = sum(_weight(phrase, found) for phrase, found in places.items())
    for phrase, found in places.items():
        severity: Severity | None = None if total >= SUSPICIOUS else "hint"
        message = f"filters distrust “{phrase}”" + (", and there are several such" if len(places) > 1 else "")
        yield Found(message, "say what it is instead", *found[0], severity=severity)


def _weight(phrase: str, places: list[Place]) -> int:
    return _ALL[phrase] * (2 if any(field == "subject" for field, _, _ in places) else 1)


_ALL = {phrase: weight for weight, phrases in _WEIGHTS.items() for phrase in phrases}
