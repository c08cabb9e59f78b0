"""The doors of the sign-in through a provider: start, callback, and out again.

A session remembers for each sign-in it started which provider it was, and the callback asks that
one (mix-up attack, RFC 9700 section 4.4). Whatever goes wrong ends on a page that says what to do.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from mozilla_django_oidc.views import (
    OIDCAuthenticationCallbackView,
    OIDCAuthenticationRequestView,
)

from tenants import audit, secrets
from tenants.context import in_public, in_tenant
from tenants.models import User
from tenants.sign_in.sso.admit import NotAdmittedError
from tenants.sign_in.sso.backend import ProviderBackend, provider_setting
from tenants.sign_in.sso.fetch import ProviderError
from tenants.sign_in.sso.providers import Provider, find_provider
from tenants.sign_in.sso.session import SignIn, keep_sign_in, read_sign_in
from tenants.sign_in.sso.verify import TokenError

logger = logging.getLogger(__name__)
STATES = "oidc_states"  # the library's
TENANT = "tenant"  # what the switcher keeps in a session; see tenants.sign_in.resolve
BACKEND = "tenants.roles.RoleBackend"  # rights come from memberships, however one signs in
TRY_AGAIN_SECONDS = 300
EXPECTED = (TokenError, ProviderError, NotAdmittedError, secrets.SecretUnreadableError)


class StartView(OIDCAuthenticationRequestView):
    """Send the person to the provider ``key``, with state, nonce and PKCE (S256)."""

    provider: Provider

    def __init__(self, **kwargs: Any) -> None:
        self.as_view_options = kwargs  # the library reads its settings here; ours need the request

    def get_settings(self, attr: str, *args: Any) -> Any:
        return provider_setting(self.provider, attr, *args)

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        with in_public():
            provider = find_provider(key)
            if provider is None or not provider.client_id:
                return failed(request, "This way of signing in is switched off.")
            try:
                return self._send(request, provider)
            except ProviderError as exc:
                return self._stay(request, provider, exc)

    def _send(self, request: HttpRequest, provider: Provider) -> HttpResponse:
        self.provider = provider
        self.OIDC_OP_AUTH_ENDPOINT = provider.discovery().authorization
        self.OIDC_RP_CLIENT_ID = provider.client_id
        response = super().get(request)
        state = parse_qs(urlsplit(response.url).query)["state"][0]
        started = request.session[STATES][state]
        started.update(provider=provider.key, next=request.session.pop("oidc_login_next") or "")
        request.session.modified = True
        return response

    def get_extra_params(self, request: HttpRequest) -> dict[str, str]:
        return {"prompt": "none"} if "renew" in request.GET else {}

    def _stay(self, request: HttpRequest, provider: Provider, exc: Exception) -> HttpResponse:
        """While the provider is away, who is in stays in; who is out reads why."""
        sign_in = read_sign_in(request.session)
        if "renew" in request.GET and sign_in.provider == provider.key:
            later = replace(sign_in, renew_at=time.time() + TRY_AGAIN_SECONDS)
            keep_sign_in(request.session, later)
            return HttpResponseRedirect(safe_next(request, request.GET.get("next", "")))
        logger.warning("sign-in through %s could not start: %s", provider.name, exc)
        return failed(request, f"{provider.name} cannot be reached at the moment.", status=503)


class CallbackView(OIDCAuthenticationCallbackView):
    """Where the provider sends the person back to."""

    def get(self, request: HttpRequest) -> HttpResponse:
        with in_public():
            started = _take(request)
            provider = find_provider(started["provider"]) if started else None
            if started is None or provider is None:
                return failed(request, "This sign-in was not started here, or it was used already.")
            if request.GET.get("iss", provider.issuer) != provider.issuer:
                return failed(request, "Another provider answered than the one that was asked.")
            if request.GET.get("error"):
                return self._declined(request, provider)
            return self._finish(request, provider, started)

    def _finish(
        self, request: HttpRequest, provider: Provider, started: dict[str, Any]
    ) -> HttpResponse:
        try:
            backend = ProviderBackend(provider)
            user = backend.authenticate(
                request, nonce=started["nonce"], code_verifier=started["code_verifier"]
            )
        except EXPECTED as exc:
            logger.warning("nobody was signed in through %s: %s", provider.name, exc)
            shown = str(exc) if isinstance(exc, NotAdmittedError) else ""
            return failed(request, shown or f"{provider.name} could not confirm who you are.")
        if user is None:
            return failed(request, f"{provider.name} sent no code.")
        self._sign_in(request, user, provider, backend.id_token)
        return HttpResponseRedirect(safe_next(request, started["next"]))

    def _sign_in(self, request: HttpRequest, user: User, provider: Provider, id_token: str) -> None:
        before = read_sign_in(request.session)
        is_same = request.user.is_authenticated and request.user.pk == user.pk
        if not is_same or before.provider != provider.key:
            auth.login(request, user, backend=BACKEND)  # with a fresh session key
            with in_tenant(provider.tenant) if provider.tenant else in_public():
                audit.record(
                    "tenants.sign_in",
                    actor=user.get_username(),
                    subject=f"account {user.get_username()}",
                    after={"provider": provider.name},
                )
        if provider.tenant:
            request.session[TENANT] = provider.tenant
        sealed = secrets.encrypt(id_token).decode()
        keep_sign_in(
            request.session,
            SignIn(
                provider=provider.key,
                tenant=provider.tenant or "",
                renew_at=time.time() + settings.OIDC_RENEW_SECONDS,
                sealed_id_token=sealed,
            ),
        )

    def _declined(self, request: HttpRequest, provider: Provider) -> HttpResponse:
        """The provider said no. A session that was to be renewed ends with it."""
        if read_sign_in(request.session).provider == provider.key:
            auth.logout(request)
            return failed(request, f"{provider.name} has signed you out. Sign in again.")
        return failed(request, f"{provider.name} did not let you in.")


def failed(request: HttpRequest, text: str, *, status: int = 403) -> HttpResponse:
    """The page on which every sign-in ends that does not succeed."""
    return render(request, "tenants/sign_in_failed.html", {"message": text}, status=status)


def safe_next(request: HttpRequest, wanted: str) -> str:
    """A page of ours to go on with: ``wanted`` if it is one, else the first page."""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours and wanted.startswith("/") else reverse("admin:index")


def sign_out_address(request: HttpRequest, sign_in: SignIn) -> str:
    """Where the provider ends its own session (RP-Initiated Logout 1.0); empty when it cannot."""
    provider = find_provider(sign_in.provider) if sign_in.provider else None
    if provider is None:
        return ""
    try:
        address = provider.discovery().end_session
        hint = secrets.decrypt(sign_in.sealed_id_token.encode())
    except (ProviderError, secrets.SecretUnreadableError):
        return ""
    if not address:
        return ""
    query = {
        "id_token_hint": hint,
        "client_id": provider.client_id,
        "post_logout_redirect_uri": request.build_absolute_uri(reverse("admin:login")),
    }
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"


def _take(request: HttpRequest) -> dict[str, Any] | None:
    """What this session knows of the sign-in that ends here; known once, then forgotten."""
    state = request.GET.get("state", "")
    started = request.session.get(STATES, {}).pop(state, None)
    if started is None or "provider" not in started:
        return None
    # Written before the provider is asked, so that a second callback at the same time finds none.
    request.session.save()
    request.session = request.session.__class__(request.session.session_key)
    return dict(started)
