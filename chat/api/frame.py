"""What all addresses of the chat API have in common: bodies, errors, who may call."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from django.http import HttpResponse
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from chat.frames import Ready
from chat.models import Thread
from chat.refusals import NotThereError, RefusalError, UnusableError
from chat.settle import look_for_stale
from chat.wish import read_id
from tenants.context import is_public
from tenants.models import User
from tenants.rest.parse import StorableJSONParser
from tenants.rest.places import CrowdedError
from tenants.roles import READ_SCOPE, role_of
from tenants.sign_in.bearer import BearerAuthentication

MOST_BYTES = 32 * 1024 * 1024  # a file of 20 MiB as base64, and the words around it
MOST_DRAINED = 4 * MOST_BYTES  # read and thrown away, so that the client gets to our answer
CHUNK = 1 << 20


class AnyJSONParser(BaseParser):
    """JSON whatever the content type says: the UI's proxy sends it as plain text."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = _read(stream)
        if not body.strip():
            return {}
        try:
            return StorableJSONParser().parse(BytesIO(body))
        except exceptions.ParseError as exc:
            raise UnusableError(str(exc.detail)) from None


def _read(stream: IO[bytes]) -> bytes:
    parts, size = [], 0
    while size < MOST_DRAINED and (part := stream.read(CHUNK)):
        size += len(part)
        if size <= MOST_BYTES:
            parts.append(part)
    if size > MOST_BYTES:
        raise UnusableError(f"The body is larger than {MOST_BYTES // 2**20} MiB.")
    return b"".join(parts)


class AnyMedia(BaseContentNegotiation):
    """Every ``Accept`` gets JSON, every body is read as JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class MayChat(BasePermission):
    """Every member may talk; what is done for them asks for their rights itself."""

    message = "This credential opens no tenant you belong to."

    def has_permission(self, request: Request, view: Any) -> bool:
        user = request.user
        if not user.is_authenticated:
            return False
        if is_public():
            raise exceptions.ParseError("Say in X-Tenant-ID which of your tenants this is for.")
        if user.scopes is not None and READ_SCOPE not in user.scopes:
            self.message = "This API token may not read, so it may not chat."
            return False
        return user.is_superuser or role_of(user) is not None


class ChatView(APIView):
    """Base of the views: the caller is known and in a tenant, the body an object."""

    schema = None  # the protocol is described by its makers, not by our OpenAPI document
    authentication_classes = [BearerAuthentication]  # no session: its CSRF check would refuse
    permission_classes = [MayChat]
    parser_classes = [AnyJSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AnyMedia
    http_method_names = ["get", "post", "put", "patch", "delete"]

    def get_exception_handler(self) -> Any:
        return handle

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers["Cache-Control"] = "no-store"
        return final

    def body(self) -> dict[str, Any]:
        data = self.request.data
        if not isinstance(data, dict):
            raise UnusableError("The body is a JSON object.")
        return data

    @property
    def user(self) -> User:
        user = self.request.user
        if not isinstance(user, User):  # the permission has refused these
            raise exceptions.NotAuthenticated
        return user

    @property
    def person(self) -> str:
        return self.user.get_username()

    def thread(self, thread_id: str) -> Thread:
        """The caller's thread; runs of it that nobody carries any more are settled first.

        Raises ``NotThereError``, also for somebody else's.
        """
        wanted = read_id(thread_id, "thread_id")
        found = Thread.objects.filter(pk=wanted, person=self.person).first()
        if found is None:
            raise NotThereError("thread")
        return settled(found)


def settled(thread: Thread) -> Thread:
    if thread.status == Thread.Status.BUSY and look_for_stale(thread.pk):
        thread.refresh_from_db()
    return thread


def handle(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Errors as ``{"detail": "..."}``."""
    if isinstance(exc, CrowdedError):
        wait = {"Retry-After": str(exc.retry_after_seconds)}
        return Response({"detail": str(exc)}, status=429, headers=wait)
    if isinstance(exc, RefusalError):
        return Response({"detail": str(exc)}, status=exc.status)
    response = exception_handler(exc, dict(context))
    if response is not None:
        data = response.data
        detail = data.get("detail", data) if isinstance(data, dict) else data
        response.data = {"detail": str(detail)}
    return response


def ready(text: Ready, **headers: str) -> HttpResponse:
    """JSON that is written already."""
    return HttpResponse(text, content_type="application/json", headers=headers)


def whole(raw: Any, name: str, *, default: int, least: int, most: int) -> int:
    """A whole number of a body or an address. Raises ``UnusableError``."""
    if raw is None:
        return default
    text = str(raw)
    is_number = not isinstance(raw, bool) and text.isascii() and text.isdigit() and len(text) < 10
    if not is_number or not least <= int(text) <= most:
        raise UnusableError(f"{name} is a whole number from {least} to {most}.")
    return int(text)


def run_id_of(text: str) -> uuid.UUID:
    return read_id(text, "run_id")
