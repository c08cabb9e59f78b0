"""What a role may do. One table for console, API and chat; the database holds no permissions.

Accounts are shared by all tenants, so a right always means: in the tenant that is current.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from tenants.context import current_schema, is_public
from tenants.models import Membership, User

Role = Membership.Role
READ = frozenset({"view"})
WRITE = frozenset({"view", "add", "change", "delete"})
WORKERS = frozenset({Role.OWNER, Role.OPERATOR})
JUDGES = frozenset({Role.OWNER, Role.OPERATOR, Role.REVIEWER})

# Actions that are more than a row's add, change or delete.
ACTIONS: dict[str, frozenset[str]] = {
    "icp.edit_rule": WORKERS,
    "icp.suppress": JUDGES,
    "icp.lift_suppression": frozenset({Role.OWNER}),
    "icp.work_lead": WORKERS,
    "enrichment.work_desk": WORKERS,
    "enrichment.harvest": WORKERS,
    "enrichment.edit_sources": frozenset({Role.OWNER}),
    "outreach.edit_mailboxes": frozenset({Role.OWNER}),
    "outreach.work_mailboxes": WORKERS,
    "outreach.decide_reply": JUDGES,
    "outreach.work_phones": WORKERS,
    "outreach.edit_template": WORKERS,
    "outreach.run_campaign": WORKERS,
    "outreach.queue_mail": WORKERS,
    "outreach.release": JUDGES,
    "outreach.edit_policy": frozenset({Role.OWNER}),
    "scoring.edit_card": WORKERS,
    "scoring.review": JUDGES,
    "scoring.export": JUDGES,
    "tenants.run_night": WORKERS,
    "tenants.edit_settings": frozenset({Role.OWNER}),
    "tenants.edit_vendors": frozenset({Role.OWNER}),
    "tenants.manage_people": frozenset({Role.OWNER}),
    "tenants.manage_sign_in": frozenset({Role.OWNER}),
    "tenants.make_api_token": JUDGES,
    "tenants.save_view": JUDGES,
    "icp.answer_people": frozenset({Role.OWNER}),
    "odoo_sync.edit_connection": frozenset({Role.OWNER}),
    "odoo_sync.push": WORKERS,
    "odoo_sync.decide": JUDGES,
}
# The same in words, for people who hand out rights; see docs/roles.md.
WORDS: dict[str, str] = {
    "icp.edit_rule": "Change and activate ICP rules",
    "icp.suppress": "Add suppressions",
    "icp.lift_suppression": "Lift suppressions",
    "icp.work_lead": "Work on leads: correct facts, adopt contacts, reject",
    "enrichment.work_desk": "Work the CAPTCHA desk, resume sources that paused themselves",
    "enrichment.harvest": "Start, pause, resume and cancel harvests",
    "enrichment.edit_sources": "Add harvest sources, record their terms, switch them on and off",
    "outreach.edit_mailboxes": "Add, change and remove mailboxes",
    "outreach.work_mailboxes": "Connect, pause, resume and test mailboxes",
    "outreach.work_phones": "Import Do Not Call results and take call lists out",
    "outreach.decide_reply": "Decide on replies: interested, not interested, done",
    "outreach.edit_template": "Write templates, signatures and variations",
    "outreach.run_campaign": "Write, start, pause and stop campaigns",
    "outreach.queue_mail": "Queue single mails",
    "outreach.release": "Release and drop held mail, settle mail in doubt",
    "outreach.edit_policy": "Change what may be mailed: hours, origins, countries, the switch",
    "scoring.edit_card": "Change score cards",
    "scoring.review": "Approve and reject shortlist entries",
    "scoring.export": "Export lists",
    "tenants.run_night": "Start, pause and cancel runs",
    "tenants.edit_settings": "Change the tenant's settings",
    "tenants.edit_vendors": "Set vendors' keys, budgets and switches",
    "tenants.manage_people": "Invite people, change their role, remove them",
    "tenants.manage_sign_in": "Connect sign-in providers",
    "tenants.make_api_token": "Make API tokens for oneself",
    "tenants.save_view": "Keep filters as saved views",
    "icp.answer_people": "Answer people's requests: show, and erase, what is held about somebody",
    "odoo_sync.edit_connection": "Connect an Odoo, and say what is written there",
    "odoo_sync.push": "Send leads to Odoo, try parked ones again",
    "odoo_sync.decide": "Decide on conflicts with Odoo, work the recall list",
}
READ_SCOPE = "read"
# What an API token may be given: reading, and single actions.
SCOPES: dict[str, str] = {
    READ_SCOPE: "Read everything of the tenant",
    **{action: WORDS.get(action, action) for action in ACTIONS},
}
# Tables of the platform; tenants read the register and no more.
PLATFORM_ONLY = {"tenants.user", "tenants.tenant", "tenants.domain", "acra.registerimport",
                 "tenants.platformsuppression"}  # fmt: skip


def may(user: AbstractBaseUser | AnonymousUser, action: str) -> bool:
    """Whether ``user`` may do ``action`` (a key of ``ACTIONS``) in the current tenant.

    Unknown actions raise ``KeyError``: a right nobody wrote down is nobody's.
    """
    allowed = ACTIONS[action]
    if not user.is_active or is_public():
        return False
    scopes = getattr(user, "scopes", None)
    if scopes is not None and action not in scopes:
        return False
    return bool(getattr(user, "is_superuser", False)) or role_of(user) in allowed


def role_of(user: AbstractBaseUser | AnonymousUser) -> str | None:
    """The user's role in the current tenant; asked once per request and tenant."""
    if user.pk is None or is_public():
        return None
    known: dict[str, str | None] = user.__dict__.setdefault("_role_by_tenant", {})
    schema = current_schema()
    if schema not in known:
        mine = Membership.objects.filter(user_id=user.pk, tenant_id=schema)
        known[schema] = mine.values_list("role", flat=True).first()
    return known[schema]


def scopes_of_role(role: str) -> frozenset[str]:
    """All a token of somebody with ``role`` could be given."""
    return frozenset([READ_SCOPE, *(action for action, roles in ACTIONS.items() if role in roles)])


class RoleBackend(ModelBackend):
    """Passwords from the shared accounts, rights from the membership in the current tenant.

    Everybody with a membership may look; changing rows goes by the actions above, which each
    admin page asks for itself. Platform admins (superusers) may do everything.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: models.Model | None = None) -> bool:
        if not user_obj.is_active:
            return False
        if user_obj.is_superuser:
            return True
        app, _, name = perm.partition(".")
        verb, _, model = name.partition("_")
        return verb in READ and f"{app}.{model}" not in PLATFORM_ONLY and bool(role_of(user_obj))

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return user_obj.is_active and (user_obj.is_superuser or bool(role_of(user_obj)))

    def get_user(self, user_id: Any) -> User | None:
        return super().get_user(user_id)


class IsMember(BasePermission):
    """API: a member of the current tenant, or a platform admin inside one.

    An API token needs the scope ``read`` to read; what it may change, each view asks ``may``.
    """

    message = "Sign in and choose a tenant you belong to."

    def has_permission(self, request: Request, view: Any) -> bool:
        user = request.user
        if is_public() or user is None:
            return False
        if not user.is_authenticated:
            return request.method in SAFE_METHODS and is_development_fallback(request)
        if user.scopes is not None:
            needed = {READ_SCOPE} if request.method in SAFE_METHODS else set(ACTIONS)
            if not user.scopes & needed:
                self.message = "This API token may not do that; its scopes do not hold it."
                return False
        return user.is_superuser or role_of(user) is not None


def is_development_fallback(request: Request) -> bool:
    """Whether the tenant comes from a header alone; ``resolve`` allows that in DEBUG."""
    return bool(getattr(request, "is_header_believed", False))
