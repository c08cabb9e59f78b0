"""What the server is, that it is there, and which assistants it has."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from chat.api.frame import ChatView, whole
from chat.assistants import assistants, find, id_of
from chat.pieces import Assistant
from chat.refusals import NotThereError, UnusableError

SINCE = "2026-11-22T00:00:00+00:00"  # assistants are part of the program, not made by anybody


class InfoView(ChatView):
    """``GET /info``: free, but a bad credential is told so here and not at the first message."""

    permission_classes = []

    def get(self, request: Request) -> Response:
        flags = {"assistants": True, "crons": False, "langsmith": False}
        return Response({"version": "1.0", "flags": flags})


class OkView(ChatView):
    """``GET /ok``."""

    permission_classes = []

    def get(self, request: Request) -> Response:
        return Response({"ok": True})


class AssistantSearchView(ChatView):
    """``POST /assistants/search``."""

    def post(self, request: Request) -> Response:
        body = self.body()
        limit = whole(body.get("limit"), "limit", default=10, least=1, most=1000)
        offset = whole(body.get("offset"), "offset", default=0, least=0, most=10**9)
        name = body.get("graph_id")
        if name is not None and not isinstance(name, str):
            raise UnusableError("graph_id is a text.")
        found = [each for each in assistants() if name in (None, "", each.graph_id)]
        return Response([_shown(each) for each in found[offset : offset + limit]])


class AssistantView(ChatView):
    """``GET /assistants/{assistant_id}``."""

    def get(self, request: Request, assistant_id: str) -> Response:
        found = find(assistant_id)
        if found is None:
            raise NotThereError("assistant")
        return Response(_shown(found))


def _shown(assistant: Assistant) -> dict[str, Any]:
    return {
        "assistant_id": id_of(assistant), "graph_id": assistant.graph_id, "name": assistant.name,
        "description": assistant.description, "config": {}, "context": {},
        "metadata": {"created_by": "system"}, "version": 1, "created_at": SINCE,
        "updated_at": SINCE,
    }  # fmt: skip
