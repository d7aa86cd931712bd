"""What programs say of themselves in User-Agent.

Sources: Google's and Yahoo's notes on their image proxies; SparkPost's account of Gmail's prefetch (one fixed agent,
before the mail is shown); Apple's Mail Privacy Protection (fetches with a bare `Mozilla/5.0`); the names that security
gateways, link previews and HTTP libraries give themselves.
"""

from __future__ import annotations

import re
from enum import StrEnum

_PREFETCH = (
    "mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) "
    "chrome/42.0.2311.135 safari/537.36 edge/12.246 mozilla/5.0"
)
_MACHINES = re.compile(
    r"barracuda|mimecast|proofpoint|urldefense|ironport|ciscosecure|fireeye|trendmicro|\btmes\b|sophos|fortiguard|"
    r"fortimail|symantec|messagelabs|forcepoint|zscaler|vade|hornet|safelinks|checkpoint|virustotal|urlscan|"
    r"\b\w*(?:bot|crawler|spider|scanner|preview|monitor|validator|linkcheck\w*)\b|facebookexternal|slurp|"
    r"curl|wget|python|aiohttp|httpx|go-http|okhttp|java/|jakarta|apache-http|libwww|perl|ruby|axios|node|php|guzzle|"
    r"resty|headless|phantom|selenium|puppeteer|playwright|electron-fetch|dart:io|powershell",
    re.IGNORECASE,
)
_SYSTEMS = (
    ("ios", re.compile(r"iphone|ipad", re.IGNORECASE)),
    ("android", re.compile(r"android", re.IGNORECASE)),
    ("windows", re.compile(r"windows|msoffice|ms-office|outlook", re.IGNORECASE)),
    ("mac", re.compile(r"macintosh|mac os", re.IGNORECASE)),
    ("linux", re.compile(r"linux|cros|x11", re.IGNORECASE)),
)


class Agent(StrEnum):
    """`READER` is what people read mail and pages with, as far as anybody can tell by its name."""

    READER = "reader"
    IMAGE_PROXY = "image proxy"  # fetches when a person opens
    PREFETCH = "prefetch"  # fetches before anybody does
    MACHINE = "machine"
    UNSAID = "unsaid"


def of(user_agent: str) -> Agent:
    said = user_agent.strip()
    if not said:
        return Agent.UNSAID
    if said.lower() == _PREFETCH or said == "Mozilla/5.0":
        return Agent.PREFETCH
    if "GoogleImageProxy" in said or "YahooMailProxy" in said:
        return Agent.IMAGE_PROXY
    return Agent.MACHINE if _MACHINES.search(said) else Agent.READER


def system(user_agent: str) -> str:
    """The operating system, or an empty string."""
    return next((name for name, pattern in _SYSTEMS if pattern.search(user_agent)), "")
