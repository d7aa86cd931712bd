"""Secrets of retailers, sealed for the database: under a key of their own per retailer and purpose.

The keys come of SECRET_KEY. What was sealed under an earlier one is still read while that stands in
SECRET_KEY_FALLBACKS, and is sealed anew whenever it is written.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from tenants.models import Retailer


class CannotUnseal(ValueError):
    """The secret was sealed under a SECRET_KEY that is gone, or for somebody else."""

    def __init__(self) -> None:
        super().__init__(
            "The stored credentials cannot be read: put the former SECRET_KEY into SECRET_KEY_FALLBACKS, or enter "
            "them again."
        )


def seal(retailer: Retailer, purpose: str, secret: Mapping[str, Any]) -> str:
    return _keys(retailer, purpose).encrypt(json.dumps(dict(secret)).encode()).decode()


def unseal(retailer: Retailer, purpose: str, sealed: str) -> dict[str, Any]:
    """Raises CannotUnseal."""
    try:
        return dict(json.loads(_keys(retailer, purpose).decrypt(sealed.encode())))
    except InvalidToken:
        raise CannotUnseal from None


def resealed(retailer: Retailer, purpose: str, sealed: str) -> str:
    """The same secret under the SECRET_KEY of now. Raises CannotUnseal."""
    try:
        return _keys(retailer, purpose).rotate(sealed).decode()
    except InvalidToken:
        raise CannotUnseal from None


def _keys(retailer: Retailer, purpose: str) -> MultiFernet:
    masters = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([_key(master, f"{purpose}/{retailer.schema_name}") for master in masters])


@lru_cache(maxsize=1024)
def _key(master: str, info: str) -> Fernet:
    derived = HKDF(hashes.SHA256(), 32, salt=b"bannerline sealing", info=info.encode()).derive(master.encode())
    return Fernet(urlsafe_b64encode(derived))
