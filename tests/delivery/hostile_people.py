"""What attackers and accidents are called: customers whose every field says something that a program might obey."""

from __future__ import annotations

import random
from typing import Any

NUMBER = 500
PIECES = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '" onmouseover="alert(1)', "' onfocus='alert(1)", "</title><script>", "<svg/onload=alert(1)>",
    "javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "&lt;script&gt;", "]]>", "--><script>", "\r\nBcc: evil@example.test",
    "\nSubject: other", "\r\n\r\n<html>", "%0d%0aBcc: x", "\x00", "\x1b[2J", "\u202egnp.exe", "\u2066x\u2069", "\u2028Bcc: y", "\x85Cc: z", "{{ 7 * 7 }}", "{% if x %}",
    "{{ customer }}", "{# x #}", "${7*7}", "{{{{ 1 }}}}", "=?utf-8?q?=0d=0aBcc:_x?=", "\ufeff", "A" * 2000, "Zoë", "日本", "👩\u200d🚀", "e\u0301", ".\r\n.", "\n.\nQUIT\r\n",
)  # fmt: skip


def hostile(number: int) -> dict[str, Any]:
    chance = random.Random(number)
    text = {
        name: "".join(chance.choices(PIECES, k=chance.randint(1, 3)))
        for name in ("first_name", "last_name", "city", "external_id")
    }
    return text | {"attributes": {name: "".join(chance.choices(PIECES, k=2)) for name in ("page", "colour")}}
