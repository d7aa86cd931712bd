"""`utm_*` on the links of messages. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

from campaigns.config.campaign import CampaignConfig, Step


@dataclass(frozen=True)
class Utm:
    """`pairs` are added to links to these hosts and what is below them; what a link says itself stays."""

    pairs: tuple[tuple[str, str], ...] = ()
    hosts: tuple[str, ...] = ()

    def tagged(self, url: str) -> str:
        if not self.pairs or not self._is_ours(url):
            return url
        address, hash_sign, fragment = url.partition("#")
        path, _, query = address.partition("?")
        said = {name.lower() for name, _ in parse_qsl(query, keep_blank_values=True)}
        added = [f"{name}={quote(value, safe='')}" for name, value in self.pairs if name not in said]
        joined = "&".join([*filter(None, [query.rstrip("&")]), *added])
        return f"{path}?{joined}{hash_sign}{fragment}" if joined else url

    def _is_ours(self, url: str) -> bool:
        host = host_of(url)
        return any(host == ours or host.endswith(f".{ours}") for ours in self.hosts)


NONE = Utm()


def utm(config: CampaignConfig, step: Step, *, website: str) -> Utm:
    """What a campaign adds to the links in a step's messages; nothing, where neither it nor a layer below says so."""
    said: Mapping[str, str] | None = dict(config.tracking.utm) if config.tracking.utm is not None else None  # type: ignore[arg-type]
    if said is None:
        return NONE
    whole = {"medium": step.channel, "campaign": config.key} | dict(said)
    hosts = filter(None, [host_of(website).removeprefix("www."), *(config.tracking.utm_domains or [])])
    return Utm(tuple((f"utm_{name}", value) for name, value in sorted(whole.items())), tuple(hosts))


def host_of(url: str) -> str:
    """In small letters; empty for what is no address of the web."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "") if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""
