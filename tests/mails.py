"""What a mail says, whoever it went to."""

from __future__ import annotations

import random
import re
from email import message_from_bytes, policy

_PIXEL = re.compile(r'<img src="[^"]*/t/o/[\w-]{32}" width="1" height="1" alt="" style="display:block;border:0">')
LEAVE = "http://acme.localhost:8000/u/TOKEN"  # where Acme's people unsubscribe, as `for_anybody` leaves it


def for_anybody(body: str) -> str:
    """A body with a constant for the token of its recipient, without the picture by which opens are counted."""
    return re.sub(r"(?<=/u/)[\w-]+", "TOKEN", _PIXEL.sub("", body))


def parts(raw: bytes) -> list[str]:
    """What the parts of a mail say, in order, as a reader decodes them."""
    return [part.get_content() for part in message_from_bytes(raw, policy=policy.default).iter_parts()]


def line_ends(text: str) -> str:
    """Whatever a line ended with, it ends with a line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def dotted_bodies(count: int) -> list[str]:
    """Bodies of line ends, dots and what else could be read as the end of a message and the start of another."""
    pieces = ["\n", "\r", "\r\n", ".", "..", "\n.\n", "\r.\r", "\n.\r\n", "\r\n.\r\n", "ß", "a",
              "MAIL FROM:<evil@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n"]  # fmt: skip
    draw = random.Random(20260101)
    return ["".join(draw.choices(pieces, k=draw.randrange(1, 12))) for _ in range(count)]
