"""What every view of the API shares: scopes per method, domain errors as answers, hostile text kept out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, cast

from django.db import IntegrityError
from psycopg.errors import UniqueViolation
from rest_framework.exceptions import APIException, ErrorDetail, NotFound, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import serializers
from campaigns.config.gate import Invalid, Problem
from campaigns.configuration import Conflict
from campaigns.lifecycle import NotAllowed
from campaigns.policies import ChangedMeanwhile
from tenants import acting
from tenants.accounts.models import ApiKey, Scope


class Refused(APIException):
    """`members` are told beside the problem itself."""

    status_code = 409
    default_detail = "Somebody else did the same at the same moment: look, and repeat if it is still needed."
    default_code = "conflict"

    def __init__(
        self, detail: str | None = None, code: str | None = None, *, members: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(detail, code)
        self.members = members or {}


def refusal(problems: list[Problem]) -> ValidationError:
    """The problems of a document, field by field."""
    errors: dict[str, list[ErrorDetail]] = {}
    for problem in problems:
        errors.setdefault(problem.field, []).append(ErrorDetail(problem.message, code=problem.code))
    return ValidationError(errors)


Translation = Callable[[Any], APIException]


class ApiView(GenericAPIView[Any]):
    """`scopes` names the scope that each writing method needs; those without one are refused to everybody.

    A GET needs no more than `read` unless it is named there too.
    """

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    scopes: ClassVar[Mapping[str, Scope]] = {}
    translations: ClassVar[Mapping[type[Exception], Translation]] = {
        Invalid: lambda error: refusal(error.problems),
        Conflict: lambda error: Refused(str(error), members=serializers.meanwhile(error.by, error.changed)),
        ChangedMeanwhile: lambda error: Refused(str(error), code="changed_meanwhile"),
        NotAllowed: lambda error: Refused(str(error), code="not_allowed"),
    }

    @property
    def caller(self) -> str:
        """Who calls, for people to read."""
        return f"API key {cast(ApiKey, self.request.auth).name}"

    @property
    def required_scope(self) -> Scope | None:
        method = self.request.method or ""
        return self.scopes.get("GET" if method == "HEAD" else method)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if isinstance(request.auth, ApiKey):
            acting.identify(self.caller, f"key:{request.auth.prefix}")
        if any("\x00" in str(value) for value in kwargs.values()):
            raise NotFound
        for name, values in request.query_params.lists():
            if any("\x00" in text for text in (name, *map(str, values))):
                raise refusal([Problem(repr(name), "contains a NUL: remove it", "bad_text")])

    def check_permissions(self, request: Request) -> None:
        if request.method not in self.allowed_methods:
            self.http_method_not_allowed(request)
        super().check_permissions(request)

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(self._translated(exc))

    def _translated(self, error: Exception) -> Exception:
        if isinstance(error, IntegrityError) and isinstance(error.__cause__, UniqueViolation):
            return Refused()
        translate = self.translations.get(type(error))
        return translate(error) if translate else error


class ListView(ListModelMixin, ApiView):
    """GET answers a page. `filters` are the query parameters known beside those of paging."""

    filters: ClassVar[Mapping[str, str]] = {}  # name -> what it does, for the schema

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        known = {"limit", "cursor", *self.filters}
        for name in request.query_params:
            if name not in known:
                message = f"this list knows {', '.join(sorted(known))}"
                raise refusal([Problem(name[:100], message, "unknown")])
        return self.list(request, *args, **kwargs)

    def given(self, name: str) -> str:
        """A filter's value, empty when it was not given."""
        return str(self.request.query_params.get(name, ""))


def document(request: Request) -> dict[str, Any]:
    """The request's body, which must be an object. Raises ValidationError."""
    if not isinstance(request.data, dict):
        raise refusal([Problem("", "send a JSON object", "invalid")])
    return request.data


def keyed(request: Request, key: str) -> dict[str, Any]:
    """The body with the key that stands in its address. Raises ValidationError when it gives another one."""
    given = document(request)
    if given.get("key", key) != key:
        raise refusal([Problem("key", f"is part of the address, and stays {key!r}", "immutable")])
    return {**given, "key": key}
