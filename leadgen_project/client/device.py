"""Log in without a password: show a short code, wait until somebody at the console takes it."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from leadgen_project.client.connection import Server
from leadgen_project.client.failures import ClientError, Exit, LostError

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PROGRAM = "leadgen"
# What the commands of this program need. Whoever lets it in may give less.
SCOPES = ("read", "tenants.run_night", "tenants.edit_settings", "scoring.export",
          "enrichment.harvest", "enrichment.work_desk",
          "outreach.run_campaign", "outreach.work_mailboxes",
          "outreach.edit_mailboxes")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What the server answered: the code to show, and where to type it."""

    device_code: str
    user_code: str
    page: str
    page_with_code: str
    seconds: int
    interval_seconds: int


@dataclass(frozen=True, slots=True)
class Granted:
    token: str
    tenant: str
    scopes: tuple[str, ...]
    expires_at: str


def ask(server: Server, *, tenant: str = "", scopes: tuple[str, ...] = SCOPES) -> Asked:
    """Begin a log-in. A server leaves out rights it does not know."""
    sent = {"client_id": PROGRAM, "scope": " ".join(scopes), "tenant": tenant,
            "device_name": platform.node()[:100]}  # fmt: skip
    found = server.post("/api/device/code", sent, once=False)
    return Asked(
        device_code=found["device_code"], user_code=found["user_code"],
        page=found["verification_uri"], page_with_code=found["verification_uri_complete"],
        seconds=found["expires_in"], interval_seconds=found["interval"],
    )  # fmt: skip


def wait(
    server: Server, asked: Asked, *, now: datetime, sleep: Callable[[float], None] = time.sleep
) -> Granted:
    """The token, once somebody has let us in. Raises ``ClientError`` when nobody does."""
    interval, left = asked.interval_seconds, float(asked.seconds)
    while left > 0:
        sleep(interval)
        left -= interval
        try:
            found = server.post(
                "/api/device/token",
                {"grant_type": GRANT, "device_code": asked.device_code, "client_id": PROGRAM},
                once=False,
            )
        except LostError:
            interval += asked.interval_seconds  # RFC 8628, section 3.5
        except ClientError as exc:
            interval += _longer(exc)
        else:
            return _granted(found, now=now)
    raise ClientError(Exit.NOT_SIGNED_IN, "Nobody typed the code in time. Log in again.")


def _longer(exc: ClientError) -> int:
    """Seconds to add to the interval. Raises what is final."""
    match exc.detail.get("error"):
        case "authorization_pending":
            return 0
        case "slow_down":
            return 5
        case "access_denied":
            raise ClientError(Exit.NOT_SIGNED_IN, f"Not let in. {exc}") from None
        case "expired_token":
            raise ClientError(Exit.NOT_SIGNED_IN, str(exc)) from None
    raise exc


def _granted(found: dict[str, Any], *, now: datetime) -> Granted:
    ends = now.astimezone(UTC) + timedelta(seconds=found["expires_in"])
    return Granted(
        token=found["access_token"], tenant=found["tenant_id"],
        scopes=tuple(found["scope"].split()), expires_at=ends.isoformat(timespec="seconds"),
    )  # fmt: skip
