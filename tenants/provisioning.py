"""Making, suspending, resuming and removing retailers, with their schemas."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from tenants import addresses, audit, changes, context, people, roles, schemas
from tenants.accounts.models import ApiKey, Scope, User
from tenants.models import Domain, Lane, Retailer
from tenants.models.retailers import RESERVED_SLUGS, generate_schema_name

NO_HOSTNAME = "it is not a host name such as shop.example.com"


@dataclass(frozen=True)
class Provisioned:
    retailer: Retailer
    login_url: str
    api_key: str


def provision(
    slug: str, *, name: str, domain: str | None = None, timezone: str = "UTC", admin_email: str | None = None
) -> Provisioned:
    """A new retailer with its schema, an administrator and an API key of full scope.

    An interrupted provisioning is taken up again by the same call. Raises ValidationError naming the field.
    """
    schemas.make_platforms()
    retailer = _reserve(slug, name=name, domain=domain, timezone=timezone)
    schemas.make(retailer.schema_name)
    roles.make_reader(retailer.schema_name)
    with context.in_retailer(retailer), transaction.atomic():
        email = (admin_email or f"admin@{slug}.example").lower()
        admin = User.objects.filter(email=email).first() or User.objects.create_superuser(email)
        key = people.make_key(ApiKey(name="provisioned", scope=Scope.FULL))
    Retailer.objects.filter(pk=retailer.pk).update(status=Retailer.Status.ACTIVE)
    retailer.status = Retailer.Status.ACTIVE
    audit.note_of(retailer, "provision", "retailer", after={"name": retailer.name, "timezone": retailer.timezone})
    return Provisioned(retailer, login_url(retailer, admin), key)


def login_url(retailer: Retailer, user: User) -> str:
    """A link that signs `user` in once; it dies with the first sign-in and after PASSWORD_RESET_TIMEOUT."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return f"{addresses.base_url(retailer)}/login/{uid}/{default_token_generator.make_token(user)}/"


def suspend(retailer: Retailer, *, reason: str = "") -> None:
    """Stop everything for a retailer: console, API, and work in flight before its next hand-over."""
    Retailer.objects.filter(pk=retailer.pk).update(status=Retailer.Status.SUSPENDED, suspended_reason=reason)
    audit.note_of(retailer, "suspend", "retailer", after={"reason": reason})


def resume(retailer: Retailer) -> None:
    if retailer.status == Retailer.Status.PROVISIONING:
        raise ValidationError({"slug": f"{retailer.slug} was never fully provisioned: run provision_retailer again."})
    Retailer.objects.filter(pk=retailer.pk).update(status=Retailer.Status.ACTIVE, suspended_reason="")
    audit.note_of(retailer, "resume", "retailer")


def remove(retailer: Retailer) -> None:
    """A retailer's schema with everything in it, its reader and its row. There is no way back."""
    context.leave()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f'DROP SCHEMA IF EXISTS "{retailer.schema_name}" CASCADE')
        roles.drop_reader(retailer.schema_name)
        retailer.delete(force_drop=False)


@transaction.atomic
def update(retailer: Retailer) -> None:
    """Save a retailer's name, group and time zone: in another group, another policy holds from the next batch on."""
    before = _told(Retailer.objects.select_for_update(of=("self",)).get(pk=retailer.pk))
    retailer.save(update_fields=["name", "group", "timezone"])
    after = _told(retailer)
    if before != after:
        audit.note_of(retailer, "edit", "retailer", before=before, after=after)
        changes.announce(retailer, "name, group or time zone")


def _told(retailer: Retailer) -> dict[str, str]:
    group = retailer.group.key if retailer.group else ""
    return {"name": retailer.name, "group": group, "timezone": retailer.timezone}


@transaction.atomic
def _reserve(slug: str, *, name: str, domain: str | None, timezone: str) -> Retailer:
    host = (domain or f"{slug}.{settings.BASE_DOMAIN}").lower().rstrip(".")
    unfinished = Retailer.objects.filter(slug=slug, status=Retailer.Status.PROVISIONING).first()
    if unfinished:
        return unfinished
    retailer = Retailer(slug=slug, name=name, timezone=timezone, schema_name=generate_schema_name(slug))
    _check(retailer, host)
    retailer.save()
    Lane.objects.create(retailer=retailer)
    Domain.objects.create(domain=host, tenant=retailer, is_primary=True)
    if domain:  # the slug's own host keeps working beside it
        Domain.objects.create(domain=f"{slug}.{settings.BASE_DOMAIN}", tenant=retailer, is_primary=False)
    return retailer


def _check(retailer: Retailer, host: str) -> None:
    errors: dict[str, str] = {}
    if retailer.slug in RESERVED_SLUGS:
        errors["slug"] = f"{retailer.slug!r} is reserved: choose another slug."
    if Domain.objects.filter(domain=host).exists():
        errors["domain"] = f"{host} already leads to {Domain.objects.get(domain=host).tenant.slug}."
    elif not addresses.is_host_name(host):
        errors["domain"] = f"{host!r}: {NO_HOSTNAME}."
    try:
        retailer.full_clean(exclude=["group"])
    except ValidationError as problem:
        errors = {field: " ".join(messages) for field, messages in problem.message_dict.items()} | errors
    if errors:
        raise ValidationError({field: [message] for field, message in errors.items()})
