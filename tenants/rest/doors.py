"""Who may call what: the console's session as a credential, and the right each action needs."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from tenants.roles import READ_SCOPE, IsMember, may

EVERY_MEMBER = "every member"  # of an action that is no GET and changes nothing


class ConsoleSession(SessionAuthentication):
    """The console's own sign-in, with its CSRF token; a stranger is told 401 and not 403."""

    def authenticate_header(self, request: Request) -> str:
        return 'Session realm="leadgen"'


class HasRight(IsMember):
    """Members may read; each other action needs the right its resource names."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not super().has_permission(request, view):
            return False
        action = getattr(view, "action", None)
        if action is None:
            return True  # a method the resource does not have: 405 says it better
        right = view.rights.get(action)
        if right is None:
            return request.method in SAFE_METHODS
        if right == EVERY_MEMBER:
            scopes = getattr(request.user, "scopes", None)
            return scopes is None or READ_SCOPE in scopes
        self.message = f"Your role does not include {right}."
        return may(request.user, right)
