"""Finding customers by what a person types: a number, or how an address or a name begins.

Reads    Customer
Promise  every way to look is served by an index, so that a million customers are as quick as a thousand
"""

from __future__ import annotations

import re

from django.db.models import Q

HELP = "Customer number in full, or how an e-mail address, a phone number or a name begins"


def search(text: str) -> Q:
    """Every word must be found; `Ana Silva` and `silva ana` are the same. The whole text may be a customer's number."""
    words = text.split()
    found = Q()
    for word in words:
        found &= _begins(word)
    return Q(external_id=text.strip()) | found if words else Q(pk__in=[])


def _begins(word: str) -> Q:
    names = {word, word.capitalize(), word.upper()}  # as they are written: an index knows letters, not their case
    found = Q(external_id=word) | Q(email__startswith=word.lower())
    for name in names:
        found |= Q(first_name__startswith=name) | Q(last_name__startswith=name)
    if digits := _phone(word):
        found |= Q(phone__startswith=digits) & ~Q(phone="")  # the index is of those who have one
    return found


def _phone(word: str) -> str:
    """`+44 (0)7700` as numbers are stored; without its country a number begins nowhere."""
    digits = re.sub(r"[^0-9]", "", word)
    return f"+{digits}" if len(digits) >= 3 and re.fullmatch(r"\+?[0-9().-]+", word) else ""
