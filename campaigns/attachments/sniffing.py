"""What a file is by what is in it: neither its name nor what its sender says is believed. Pure.

A type is told only for a file that begins and ends as one of that type does, so that nothing is hung on behind.
"""

from __future__ import annotations

from collections.abc import Callable

_TAIL = 1024  # bytes at the end of a PDF in which its end must be marked (ISO 32000-1, annex H.3.4)


def type_of(content: bytes) -> str:
    """`pdf`, `png`, `jpeg`, `gif`, `ics`, `vcf`; blank for anything else."""
    return next((name for name, is_one in _TYPES.items() if is_one(content)), "")


def _is_pdf(content: bytes) -> bool:
    return content.startswith(b"%PDF-") and b"%%EOF" in content[-_TAIL:]


def _is_png(content: bytes) -> bool:
    return content.startswith(b"\x89PNG\r\n\x1a\n") and content[-8:-4] == b"IEND"


def _is_jpeg(content: bytes) -> bool:
    return content.startswith(b"\xff\xd8\xff") and content.endswith(b"\xff\xd9")


def _is_gif(content: bytes) -> bool:
    return content[:6] in (b"GIF87a", b"GIF89a") and content.endswith(b";")


def _is_card(word: str) -> Callable[[bytes], bool]:
    """Text between its two lines (RFC 5545, RFC 6350)."""

    def is_one(content: bytes) -> bool:
        try:
            lines = content.decode().strip().splitlines()
        except UnicodeDecodeError:
            return False
        if len(lines) < 3 or "\0" in content.decode():
            return False
        return (lines[0].strip().upper(), lines[-1].strip().upper()) == (f"BEGIN:{word}", f"END:{word}")

    return is_one


_TYPES: dict[str, Callable[[bytes], bool]] = {
    "pdf": _is_pdf,
    "png": _is_png,
    "jpeg": _is_jpeg,
    "gif": _is_gif,
    "ics": _is_card("VCALENDAR"),
    "vcf": _is_card("VCARD"),
}
