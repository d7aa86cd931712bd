"""Accounts as channels, kept open: one per thread and account, opened anew when the account changed."""

from __future__ import annotations

import threading
from collections import OrderedDict

from django.conf import settings
from pydantic import ValidationError

from delivery.channels import KINDS
from delivery.channels.base import Channel, ChannelUnavailable
from delivery.channels.http import HttpChannel
from delivery.channels.kinds import Account
from delivery.models import Provider
from delivery.providers.discreet import Discreet
from delivery.return_paths import ReturnPaths
from tenants import sealing
from tenants.models import Retailer

PURPOSE = "provider"
_MOST = 64


class _Kept(threading.local):
    def __init__(self) -> None:
        self.channels: OrderedDict[tuple[str, int], tuple[int, Channel]] = OrderedDict()


_kept = _Kept()


def channel(retailer: Retailer, provider: Provider) -> Channel:
    """The provider's channel. Raises ChannelUnavailable when it cannot be made of what is stored."""
    place = (retailer.schema_name, provider.pk)
    revision, found = _kept.channels.get(place, (0, None))
    if found is None or revision != provider.revision:
        if found:
            found.close()
        found = fresh(retailer, provider)
        _kept.channels[place] = (provider.revision, found)
    _kept.channels.move_to_end(place)
    while len(_kept.channels) > _MOST:
        _kept.channels.popitem(last=False)[1][1].close()
    return found


def fresh(retailer: Retailer, provider: Provider) -> Channel:
    """A channel of the provider that nobody else uses. Raises ChannelUnavailable."""
    kind = KINDS.get(provider.kind)
    if kind is None:
        raise ChannelUnavailable(f"{provider.key}: {provider.kind} is no kind of provider any more.", permanent=True)
    try:
        secret = sealing.unseal(retailer, PURPOSE, provider.credentials) if provider.credentials else {}
        made = kind.make(
            Account(
                key=provider.key,
                settings=kind.settings.model_validate(provider.settings),
                credentials=kind.credentials.model_validate(secret),
                timeout=provider.timeout,
                allow_private=settings.ALLOW_PRIVATE_ADDRESSES,
                folder=settings.BANNERLINE_HOME / "outbox" / retailer.schema_name,
                return_paths=ReturnPaths(retailer),
            )
        )
        return Discreet(made, secret) if isinstance(made, HttpChannel) else made  # whose answers are documents
    except ValidationError:
        cure = "open it under Settings, Providers, and save it again"
        raise ChannelUnavailable(f"{provider.key}: its settings cannot be read: {cure}.", permanent=True) from None
    except ValueError as error:
        raise ChannelUnavailable(f"{provider.key}: {error}", permanent=True) from None
