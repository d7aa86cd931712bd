"""Text messages as networks count them: alphabet, segments, price, and the line that says how to opt out. Pure.

A text in the 7-bit alphabet of GSM 03.38 (3GPP TS 23.038) fits 160 characters, or 153 in each of several segments;
one of its extension table counts as two. A single character outside it turns the whole text into UCS-2: 70 units of
UTF-16, or 67 each. Providers charge by the segment.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import phonenumbers

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # an escape and a character: two septets
MAX_SEGMENTS = 10  # of one message: more is a mistake, and dear
NAMED = 20  # of the characters outside the alphabet
# What word processors write, and what it says in the alphabet: offered as a cure, applied where a template asks.
_PUNCTUATION = {
    **dict.fromkeys("“”„‟«»″〝〞", '"'), **dict.fromkeys("‘’‚‛‹›′`´ʼ", "'"), **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000\t", " "),
    **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""), **dict.fromkeys("•·‣", "*"), "…": "...",
}  # fmt: skip
_LETTERS = {"ı": "i", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "œ": "oe", "Œ": "OE", "ẞ": "SS", "ħ": "h", "Ħ": "H"}
_SMART = str.maketrans(_PUNCTUATION)
# A character with what belongs to it: marks, variation selectors, skin tones, joined emoji, flags, keycaps.
_MARK = (
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f\u093c-\u094d\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u1ab0-\u1aff"
)
_MARK += "\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
_CLUSTER = re.compile(f"\r\n|[\U0001f1e6-\U0001f1ff]{{2}}|(?:.{_MARK}*\u200d)*.{_MARK}*", re.DOTALL)
STOP_LINE = "Reply STOP to opt out"
_STOP_LINES = {  # by country, as commonly worded there, in letters of the alphabet
    "GB": "Opt out: reply STOP",
    **dict.fromkeys(("FR", "MC", "RE", "GP", "MQ", "GF"), "Répondez STOP pour vous désinscrire"),
    **dict.fromkeys(("DE", "AT", "CH", "LI"), "Abmelden: STOP antworten"),
    **dict.fromkeys(("ES", "MX", "AR", "CO", "CL", "PE"), "Responde STOP para darte de baja"),
    "IT": "Rispondi STOP per disiscriverti",
    "NL": "Antwoord STOP om je af te melden",
    **dict.fromkeys(("PT", "BR"), "Responda STOP para sair"),
    "SE": "Svara STOP för att avsluta",
    "NO": "Svar STOP for å avslutte",
    "DK": "Svar STOP for at afmelde",
    "FI": "Vastaa STOP lopettaaksesi",
    "PL": "Odpowiedz STOP, aby zrezygnowac",
}
_REPLY = "reply|text|txt|send|répondez|repondez|envoyez|antworten|antworte|antwoord|responde|responda|rispondi|svara?"
_WITH = "with|back|us|just|the|word|keyword|avec|le|mot|met|mit|con|com|med"
_THEN = "to|au|at|on|an|if|anytime|for|för|per|para|om|pour|um|lopettaaksesi"
# A verb, STOP in the same breath, and what it is for, or the end of the sentence: “Text us! STOP paying more” is none.
_SAYS_STOP = re.compile(
    rf"\b(?i:{_REPLY}|vastaa|odpowiedz|opt.?out|abmelden)\b:?(?:\s+(?i:{_WITH}))*:?\s+[\"'“‘]?STOP[\"'”’]?"
    rf"(?=\s*(?:\Z|[.,;:!)\n\d]|(?i:{_THEN})\b))"
    r"|\bSTOP[\"'”’]?\s+(?i:to (?:opt.?out|unsubscribe|(?:end|cancel|quit)\s*(?:\Z|[.!;)\n]))|au \d|antworten\b)"
)  # fmt: skip


class Foreign(NamedTuple):
    """A character outside the alphabet, where it stands (from 0), and what could be written instead; None for nothing
    that means the same."""

    char: str
    position: int
    instead: str | None


@dataclass(frozen=True)
class Sms:
    """`units` are septets (GSM-7) or UTF-16 units (UCS-2); `left` of them fit into the last segment yet."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int
    left: int
    first_non_gsm: list[Foreign]


def measure(text: str) -> Sms:
    """How a text is charged. An empty one is no segment."""
    foreign = list(_foreign(text))
    encoding: Literal["GSM-7", "UCS-2"] = "UCS-2" if foreign else "GSM-7"
    pieces = parts(text)
    alone, each = _limits(encoding)
    units = _units(text, encoding)
    last = _units(pieces[-1], encoding) if pieces else 0
    left = (alone if len(pieces) < 2 else each) - last
    return Sms(encoding, units, len(pieces), left, foreign[:NAMED])


def parts(text: str) -> list[str]:
    """The text of each segment. No character is cut in two, and what is seen as one only where it saves a segment."""
    encoding = "GSM-7" if is_gsm(text) else "UCS-2"
    alone, each = _limits(encoding)
    if _units(text, encoding) <= alone:
        return [text] if text else []
    fewest = _packed(text, encoding, each)
    if encoding == "GSM-7":
        return fewest
    whole = _packed((found[0] for found in _CLUSTER.finditer(text) if found[0]), encoding, each)
    return whole if len(whole) == len(fewest) and max(_units(part, encoding) for part in whole) <= each else fewest


def is_gsm(text: str) -> bool:
    return all(char in _BASIC or char in _EXTENDED for char in text)


def smart(text: str) -> str:
    """The same with plain quotes, dashes, dots and spaces, where that brings it into the 7-bit alphabet; else as it is,
    for then it would save nothing."""
    plain = text.translate(_SMART)
    return plain if is_gsm(plain) else text


def with_stop_line(text: str, line: str, *, fixed: Iterable[str] | None = None) -> str:
    """The text, with the line below it unless it says so already.

    `fixed` are the pieces of it that everybody reads, where they are known: what somebody's name says counts for
    nothing.
    """
    said = [text] if fixed is None else fixed
    if not line or any(line.casefold() in each.casefold() or _SAYS_STOP.search(each) for each in said):
        return text
    return f"{text.rstrip()}\n{line}"


def stop_line(country: str) -> str:
    """How one opts out, as commonly worded in a country (ISO 3166, two letters)."""
    return _STOP_LINES.get(country, STOP_LINE)


@lru_cache(maxsize=4096)
def country_of(phone: str) -> str:
    """The country that a number in E.164 belongs to, as ISO 3166; empty for none."""
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return ""
    found = phonenumbers.region_code_for_number(number)
    return found or phonenumbers.region_code_for_country_code(number.country_code or 0).replace("ZZ", "")


def _limits(encoding: str) -> tuple[int, int]:
    """Units of a message that is one segment, and of each of several: their header takes the rest."""
    return (160, 153) if encoding == "GSM-7" else (70, 67)


def _units(text: str, encoding: str) -> int:
    if encoding == "GSM-7":
        return len(text) + sum(char in _EXTENDED for char in text)
    return len(text) + sum(char > "\uffff" for char in text)


def _packed(pieces: Iterable[str], encoding: str, most: int) -> list[str]:
    """As many pieces into each segment as fit: that takes the fewest."""
    found, size = [""], 0
    for piece in pieces:
        units = _units(piece, encoding)
        if size and size + units > most:
            found.append("")
            size = 0
        found[-1] += piece
        size += units
    return found


def _foreign(text: str) -> Iterator[Foreign]:
    for position, char in enumerate(text):
        if char not in _BASIC and char not in _EXTENDED:
            yield Foreign(char, position, _instead(char))


def _instead(char: str) -> str | None:
    known = _PUNCTUATION.get(char, _LETTERS.get(char))
    if known is not None:
        return known
    bare = "".join(each for each in unicodedata.normalize("NFKD", char) if not unicodedata.combining(each))
    return bare if bare and bare != char and is_gsm(bare) else None
