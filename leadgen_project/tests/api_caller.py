"""Call the API in tests as somebody: the client signed in, JSON in, JSON out."""

from __future__ import annotations

from typing import Any

from django.test import Client

from tenants.models import User


class Caller:
    """One person in one tenant. ``answer`` is the last response."""

    def __init__(self, name: str, tenant: str | None = "acme") -> None:
        self.client = Client()
        self.client.force_login(User.objects.get(username=name))
        if tenant:
            session = self.client.session
            session["tenant"] = tenant
            session.save()

    def get(self, path: str, query: Any = None, **headers: str) -> Any:
        return self._keep(self.client.get(f"/api/{path}", query, headers=headers))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("post", path, body, **headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        call = getattr(self.client, method)
        sent = call(f"/api/{path}", body or {}, content_type="application/json", headers=headers)
        return self._keep(sent)

    def _keep(self, response: Any) -> Any:
        self.answer = response
        return response
