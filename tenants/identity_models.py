"""Public-schema tables of sign-in: providers, identities, invitations, tokens, second factors.

A tenant's role reads what its owner's pages show and writes none of them: the functions of
``tenants.people`` and of ``tenants.sign_in`` do, as the platform.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

ROLES = [
    ("OWNER", "Owner"),
    ("OPERATOR", "Operator"),
    ("REVIEWER", "Reviewer"),
    ("AUDITOR", "Auditor"),
]


class Issuer(models.Model):
    """An OpenID provider one tenant signs its people in with. It grants that tenant and no other.

    The deployment's own provider is no row: it stands in the settings (``OIDC_ISSUER``).
    """

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="issuers")
    name = models.CharField(max_length=60, help_text="On the button: Sign in with ...")
    issuer = models.CharField(
        "address of the provider",
        max_length=255,
        help_text="The issuer exactly as the provider writes it, e.g. https://id.example/realms/x.",
    )
    client_id = models.CharField("client ID", max_length=200)
    secret = models.BinaryField(
        editable=False, default=b"", help_text="Encrypted; see tenants.secrets."
    )
    scopes = models.CharField(max_length=300, default="openid email profile")
    audiences = ArrayField(
        models.CharField(max_length=300),
        default=list,
        blank=True,
        help_text="Whom bearer tokens must be meant for, comma-separated. Empty: the client ID.",
    )
    tenant_claim = models.CharField(
        max_length=200,
        default="tenant_id",
        blank=True,
        help_text="Claim that names the tenant. Empty only for a provider that is all yours.",
    )
    tenant_value = models.CharField(
        max_length=200, blank=True, help_text="What that claim must say. Empty: the tenant's key."
    )
    roles_claim = models.CharField(
        max_length=200,
        default="roles",
        help_text="Claim with the roles; dots lead inside, as in realm_access.roles.",
    )
    role_map = models.JSONField(
        default=dict,
        blank=True,
        help_text="The provider's word -> our role. Empty: owner, operator, reviewer, auditor.",
    )
    is_on = models.BooleanField("switched on", default=True)
    metadata = models.JSONField(
        default=dict, editable=False, help_text="What the provider says of itself (discovery)."
    )
    discovered_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "sign-in provider"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "issuer", "client_id"], name="issuer_once_per_tenant_and_client"
            ),
            models.CheckConstraint(
                condition=Q(is_on=False) | Q(discovered_at__isnull=False),
                name="issuer_on_only_when_discovered",
            ),
        ]
        indexes = [models.Index(fields=["issuer"], name="issuer_by_address")]

    def __str__(self) -> str:
        return self.name


class Identity(models.Model):
    """Who a provider says somebody is: the only thing a person is recognised by.

    Never the e-mail address: another tenant's provider could name anybody's.
    """

    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="identities")
    claims_at = models.DateTimeField(
        null=True, help_text="When the newest token was issued whose roles we took over."
    )

    class Meta:
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="one_account_per_identity"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


class Invitation(models.Model):
    """A place in a tenant for somebody who has not come yet.

    Whether they have an account elsewhere is nobody's business here.
    """

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="invitations")
    who = models.CharField(
        "user name or e-mail address", max_length=254, help_text="In small letters."
    )
    role = models.CharField(max_length=10, choices=ROLES, default="OPERATOR")
    invited_by = models.CharField(max_length=150)
    invited_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "who"], name="invited_once_per_tenant"),
        ]

    def __str__(self) -> str:
        return self.who


class ApiToken(models.Model):
    """A key of one person for one tenant. We keep its hash; the text was shown once."""

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="api_tokens")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60, help_text="What it is for.")
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the whole text.")
    scopes = ArrayField(models.CharField(max_length=60), default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API token"
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("created_at")), name="token_expires_after_made"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def is_live(self, *, now: Any) -> bool:
        return self.revoked_at is None and self.expires_at > now


class SecondFactor(models.Model):
    """The time-based codes of one account. Counts once ``confirmed_at`` is set."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="second_factor"
    )
    secret = models.BinaryField(editable=False, help_text="Encrypted; see tenants.secrets.")
    confirmed_at = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(default=0, help_text="30-second step of the last code used.")
    failures = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"second factor of {self.user_id}"


class RecoveryCode(models.Model):
    """One of ten codes for the day the telephone is gone. Each works once."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes"
    )
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once"),
        ]

    def __str__(self) -> str:
        return f"recovery code of {self.user_id}"
