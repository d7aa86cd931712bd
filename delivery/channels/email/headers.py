"""Header fields as they go on the wire: encoded and folded (RFC 5322, 2047), and never more than the one field."""

from __future__ import annotations

import re
from binascii import b2a_base64

_LINE = 78  # characters of a line, where it can be broken
_LINE_WITH_ENCODED_WORDS = 76
_LONGEST_WORD = 900  # a line may have 998 bytes, the field's name included
_ENCODED_WORD_FRAME = len("=?utf-8?b??=")

_SPECIAL = r"\s\x00-\x1f\x7f-\x9f\ud800-\udfff()<>@,;:\\\"\[\]"
_ADDRESS = re.compile(rf'(?:[^{_SPECIAL}]{{1,64}}|"[^{_SPECIAL}]{{1,62}}")@(?:[^{_SPECIAL}]+|\[[0-9A-Za-z.:]+\])')
_LONGEST_ADDRESS = 254
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_NAME = re.compile(r"[!-9;-~]{1,70}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._()-]{0,79}")
_MEDIA_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}")
_SEVERAL_FIELDS = re.compile(r"[\r\n\0]")


def address(field: str, value: str) -> str:
    """The address as given. Raises ValueError, naming the field, when it could be read as anything but one address."""
    if _ADDRESS.fullmatch(value) and len(value.encode()) <= _LONGEST_ADDRESS:
        return value
    raise ValueError(f"{field} is not one e-mail address of at most {_LONGEST_ADDRESS} bytes: correct it.")


def mailbox(field: str, display_name: str, email: str) -> str:
    """The line of a field that holds one address with a name for people."""
    _refuse_several_fields(field, display_name)
    address(field, email)
    phrase = _phrase(field, display_name.strip())
    if not phrase:
        return f"{field}: {email}\r\n"
    line_start = phrase.rfind("\n") + 1
    taken = len(phrase) - line_start + (0 if line_start else len(field) + 2)
    gap = " " if taken + len(email) + 3 <= _LINE_WITH_ENCODED_WORDS else "\r\n "
    return f"{field}: {phrase}{gap}<{email}>\r\n"


def text(field: str, value: str) -> str:
    """The lines of a field that holds words for people, such as the subject."""
    if _is_plain(value):
        if len(field) + len(value) + 2 <= _LINE:
            return f"{field}: {value}\r\n"
        words = value.split(" ")
        if all(words) and max(map(len, words)) <= _LONGEST_WORD:
            return _folded(field, words)
    _refuse_several_fields(field, value)
    return f"{field}: {_encoded_words(field, value)}\r\n"


def verbatim(field: str, value: str) -> str:
    """The lines of a field that holds words for programs, such as a link: never encoded unless it is not ASCII."""
    if not (value.isascii() and value.isprintable()):
        return text(field, value)
    if len(field) + len(value) + 2 <= _LINE or (len(value) <= _LONGEST_WORD and " " not in value):
        return f"{field}: {value}\r\n"
    words = value.split()
    if words and max(map(len, words)) > _LONGEST_WORD:
        raise ValueError(f"{field} has more than {_LONGEST_WORD} characters without a space: shorten it.")
    return _folded(field, words)


def file_name(value: str) -> str:
    """What a file that goes along is called. Raises ValueError when it could be read as more than a name."""
    if not _FILE_NAME.fullmatch(value):
        raise ValueError(f"{value[:80]!r} cannot be the name of a file: use letters, digits, spaces and . _ - ( ).")
    return value


def media_type(value: str) -> str:
    """As given. Raises ValueError for what is none."""
    if not _MEDIA_TYPE.fullmatch(value):
        raise ValueError(f"{value[:80]!r} is no media type: write it as application/pdf.")
    return value


def name(field: str) -> str:
    """The name of a field as given. Raises ValueError when it cannot be one."""
    if not _NAME.fullmatch(field):
        raise ValueError(f"{field[:70]!r} cannot be the name of a header: use letters, digits and hyphens.")
    return field


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable() and "=?" not in value


def _refuse_several_fields(field: str, value: str) -> None:
    if _SEVERAL_FIELDS.search(value):
        raise ValueError(f"{field} contains a line break or a NUL character: remove it.")


def _phrase(field: str, display_name: str) -> str:
    if not display_name:
        return ""
    if not _is_plain(display_name) or len(display_name) > _LINE_WITH_ENCODED_WORDS - len(field) - 4:
        return _encoded_words(field, display_name)
    if _PHRASE.fullmatch(display_name) and "  " not in display_name:
        return display_name
    return '"' + display_name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _folded(field: str, words: list[str]) -> str:
    lines, line = [], f"{field}: {words[0]}"
    for word in words[1:]:
        if len(line) + 1 + len(word) > _LINE:
            lines.append(line)
            line = ""
        line = f"{line} {word}"
    return "\r\n".join([*lines, line]) + "\r\n"


def _encoded_words(field: str, value: str) -> str:
    """Base64 words of whole characters, one to a line."""
    data = value.encode("utf-8", "replace")
    words, start, end = [], 0, _bytes_per_word(len(field) + 2)
    while end < len(data):
        while data[end] & 0xC0 == 0x80:
            end -= 1
        words.append(_encoded_word(data[start:end]))
        start, end = end, end + _BYTES_PER_WORD
    return "\r\n ".join([*words, _encoded_word(data[start:])])


def _encoded_word(data: bytes) -> str:
    return f"=?utf-8?b?{b2a_base64(data, newline=False).decode()}?="


def _bytes_per_word(taken: int) -> int:
    return max((_LINE_WITH_ENCODED_WORDS - taken - _ENCODED_WORD_FRAME) // 4, 2) * 3


_BYTES_PER_WORD = _bytes_per_word(1)
