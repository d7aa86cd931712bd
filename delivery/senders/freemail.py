"""Domains of mailbox providers: who writes from one and is not that provider fails its DMARC. Pure.

Google, "Email sender guidelines": "Don't impersonate Gmail From: headers"; Yahoo's and AOL's policies are p=reject.
"""

from __future__ import annotations

from delivery.senders.findings import Finding

_NAMES = """
gmail.com googlemail.com yahoo.com yahoo.co.uk yahoo.de yahoo.fr yahoo.es yahoo.it yahoo.co.jp yahoo.co.in ymail.com
rocketmail.com aol.com aol.de outlook.com outlook.de outlook.fr hotmail.com hotmail.co.uk hotmail.de hotmail.fr
hotmail.it live.com live.co.uk live.de msn.com icloud.com me.com mac.com gmx.com gmx.net gmx.de gmx.at gmx.ch web.de
t-online.de freenet.de mail.com mail.ru yandex.ru yandex.com orange.fr wanadoo.fr free.fr laposte.net libero.it
virgilio.it proton.me protonmail.com zoho.com qq.com 163.com 126.com naver.com comcast.net verizon.net att.net
sbcglobal.net btinternet.com
"""
_DOMAINS = frozenset(_NAMES.split())


def look(domain: str) -> list[Finding]:
    if domain not in _DOMAINS:
        return []
    message = f"{domain} belongs to a mailbox provider, and receivers refuse its name from anybody else"
    return [Finding("dmarc", "error", message, "send from a domain of your own")]
