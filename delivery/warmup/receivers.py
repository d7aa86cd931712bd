"""Which group of receivers an address belongs to, by its domain, as SQL.

A company's own domain at Google or Microsoft counts as any other: who runs it is told by its MX alone.
"""

from __future__ import annotations

from delivery.models import Receivers

_TOP = r"([a-z]{2,4}|com?\.[a-z]{2})"
_DOMAINS = {
    Receivers.GMAIL: r"(gmail|googlemail)\.com",
    Receivers.MICROSOFT: rf"(outlook|hotmail|live|msn|passport|windowslive)\.{_TOP}",
    Receivers.YAHOO: rf"(yahoo|ymail|rocketmail|myyahoo|aol|aim)\.{_TOP}",
}


def case(address: str) -> str:
    """A CASE of the group of `address`, which is a column."""
    domain = f"lower(split_part({address}, '@', 2))"
    whens = " ".join(f"WHEN {domain} ~ '^{pattern}$' THEN '{name}'" for name, pattern in _DOMAINS.items())
    return f"CASE {whens} ELSE '{Receivers.OTHER}' END"
