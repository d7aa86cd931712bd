"""Accounts at providers: what may be stored, and that nobody sees a secret again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from campaigns.config.gate import Invalid
from delivery import providers
from delivery.channels.base import ChannelUnavailable
from delivery.channels.email.smtp import SmtpChannel
from delivery.models import Provider
from delivery.providers import accounts, opened
from tenants import context, sealing
from tenants.accounts.models import AuditEntry
from tenants.models import Retailer
from tests.delivery.providers.steering import sent

SMTP: dict[str, Any] = {
    "key": "relay",
    "channel": "email",
    "kind": "smtp",
    "settings": {"host": "mail.example", "username": "shop"},
    "credentials": {"password": "hunter2"},
}


def problems(data: dict[str, Any], provider: Provider | None = None) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        accounts.save(data, provider)
    return {problem.field: problem.message for problem in refused.value.problems}


def test_a_secret_is_sealed_and_told_nowhere(at_acme: Retailer) -> None:
    provider = accounts.save(SMTP)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(p)::text FROM delivery_provider p")
        assert "hunter2" not in cursor.fetchone()[0]
    entry: Any = AuditEntry.objects.get(kind="provider")
    assert entry.after["credentials"] == {"password": "replaced"}
    assert "hunter2" not in json.dumps([entry.before, entry.after, accounts.told(provider)])
    assert accounts.told(provider)["credentials"] == {"password": "set"}
    channel = opened.channel(at_acme, provider)
    assert isinstance(channel, SmtpChannel)
    assert "hunter2" not in repr(vars(channel))


def test_a_change_keeps_the_secrets_it_does_not_name_and_opens_the_account_anew(at_acme: Retailer) -> None:
    provider = accounts.save(SMTP)
    first = opened.channel(at_acme, provider)
    changed = accounts.save({"priority": 5}, provider)
    assert (changed.priority, changed.revision) == (5, 2)
    assert accounts.which_are_set(changed) == {"password": "set"}
    assert opened.channel(at_acme, changed) is not first
    accounts.save({"credentials": {"password": "other"}}, changed)
    latest: Any = AuditEntry.objects.latest("pk")
    assert latest.after["credentials"] == {"password": "replaced"}


@pytest.mark.parametrize(
    ("change", "field", "cure"),
    [
        ({"key": "Not a key!"}, "key", "pattern"),
        ({"kind": "pigeon"}, "kind", "smtp"),
        ({"channel": "sms"}, "kind", "for sms"),
        ({"settings": {}}, "settings.host", "required"),
        ({"settings": {"host": "h", "colour": "red"}}, "settings.colour", "unknown here"),
        ({"settings": {"host": "h", "port": 0}}, "settings.port", "greater than"),
        ({"credentials": {"token": "x"}}, "credentials.token", "unknown here"),
        ({"credentials": {}}, "credentials.password", "or neither"),
        ({"credentials": {"password": "a\nb"}}, "credentials.password", "copy it again"),
        ({"settings": {**SMTP["settings"], "dkim_domain": "a.example"}}, "settings", "selector"),
        ({"rate": 0}, "rate", "greater than 0"),
        ({"max_per_day": -1}, "max_per_day", "greater than"),
        ({"per_domain": {"gmail.com": 0}}, "per_domain.gmail.com", "greater than 0"),
        ({"timeout": 600}, "timeout", "less than"),
        ({"timeout": 30}, "timeout", "less than"),
        ({"credentials_sealed": "x"}, "credentials_sealed", "unknown here"),
    ],
)
def test_what_cannot_work_is_refused_with_the_field(
    change: dict[str, Any], field: str, cure: str, at_acme: Retailer
) -> None:
    found = problems({**SMTP, **change})
    assert cure in found[field]
    assert not Provider.objects.exists()
    assert "hunter2" not in str(found)


def test_kinds_for_development_are_unknown_in_production(at_acme: Retailer, settings: Settings) -> None:
    settings.DEVELOPMENT_PROVIDERS = False
    assert "is one of" in problems({"key": "m", "channel": "email", "kind": "memory"})["kind"]


def test_key_channel_and_kind_stay(at_acme: Retailer) -> None:
    provider = accounts.save(SMTP)
    assert set(problems({"key": "other", "kind": "memory"}, provider)) == {"key"}
    assert "another provider" in problems(SMTP)["key"]


def test_a_secret_of_one_retailer_opens_for_no_other(acme: Retailer, globex: Retailer) -> None:
    sealed = sealing.seal(acme, "provider", {"password": "hunter2"})
    assert sealing.unseal(acme, "provider", sealed) == {"password": "hunter2"}
    for retailer, purpose in ((globex, "provider"), (acme, "webhook")):
        with pytest.raises(sealing.CannotUnseal, match="SECRET_KEY_FALLBACKS"):
            sealing.unseal(retailer, purpose, sealed)


def test_a_new_secret_key_reads_the_old_while_it_is_named_and_seals_anew(at_acme: Retailer, settings: Settings) -> None:
    provider = accounts.save(SMTP)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new key of more than forty characters, as production asks"
    provider = accounts.save({"priority": 7}, provider)
    settings.SECRET_KEY_FALLBACKS = []
    assert sealing.unseal(at_acme, "provider", provider.credentials) == {"password": "hunter2"}


def test_all_are_sealed_anew_by_one_command(at_acme: Retailer, settings: Settings) -> None:
    accounts.save(SMTP)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new key of more than forty characters, as production asks"
    said = StringIO()
    call_command("reseal_credentials", stdout=said)
    assert said.getvalue() == "Sealed 1 accounts anew.\n"
    settings.SECRET_KEY_FALLBACKS = []
    assert sealing.unseal(at_acme, "provider", Provider.objects.get().credentials) == {"password": "hunter2"}
    settings.SECRET_KEY = "another key that nobody knows, of more than forty characters"
    with pytest.raises(CommandError, match="acme"):
        call_command("reseal_credentials", stdout=said, stderr=said)


def test_an_account_whose_secret_is_lost_says_so_and_takes_a_new_one(at_acme: Retailer, settings: Settings) -> None:
    provider = accounts.save(SMTP)
    settings.SECRET_KEY = "a new key of more than forty characters, as production asks"
    with pytest.raises(ChannelUnavailable, match="SECRET_KEY_FALLBACKS") as refused:
        opened.fresh(at_acme, provider)
    assert refused.value.permanent
    provider = accounts.save({"credentials": {"password": "again"}}, provider)
    opened.fresh(at_acme, provider).close()


def test_a_mail_server_inside_the_network_is_refused_where_the_installation_does_not_allow_it(
    at_acme: Retailer, settings: Settings
) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = False
    provider = accounts.save({**SMTP, "settings": {"host": "127.0.0.1", "security": "none"}, "credentials": {}})
    with pytest.raises(ChannelUnavailable, match="inside a network") as refused:
        providers.channel(at_acme, "email").check()
    assert refused.value.permanent
    assert provider.is_active


# -- which one delivers ------------------------------------------------------------------------------------------------
def test_the_first_by_priority_delivers_and_the_platform_where_there_is_none(
    account: Callable[..., Provider], at_acme: Retailer, settings: Settings
) -> None:
    settings.EMAIL_URL = "memory://platform"
    assert providers.channel(at_acme, "email").provider == "memory"
    account("second", priority=20)
    account("first", priority=10)
    text = account("text", channel="sms")
    assert providers.channel(at_acme, "email").provider == "first"
    assert providers.channel(at_acme, "sms").provider == "text"
    accounts.save({"is_active": False}, text)
    for name, cure in (("sms", "switched off"), ("push", "No provider is configured for push")):
        with pytest.raises(ChannelUnavailable, match=cure) as refused:
            providers.channel(at_acme, name)
        assert refused.value.permanent


def test_every_thread_has_the_platform_s_server_to_itself(acme: Retailer, settings: Settings) -> None:
    settings.EMAIL_URL = "memory://platform"
    found = []

    def look() -> None:
        found.append(providers.channel(acme, "email"))
        connection.close()

    found += [providers.channel(acme, "email"), providers.channel(acme, "email")]
    other = threading.Thread(target=look)
    other.start()
    other.join()
    mine, again, theirs = found
    assert mine is again
    assert mine is not theirs


def test_accounts_of_one_retailer_deliver_for_no_other(
    account: Callable[..., Provider], at_acme: Retailer, globex: Retailer, settings: Settings
) -> None:
    settings.EMAIL_URL = "memory://platform"
    mine = account()
    with context.in_retailer(globex):
        assert providers.channel(globex, "email").provider == "memory"
        assert not Provider.objects.exists()
        theirs = accounts.save({"key": "first", "channel": "email", "kind": "memory"})
        assert opened.channel(globex, theirs) is not opened.channel(at_acme, mine)
    assert sent(at_acme, mine) == []
