"""The sign-in form: an account that is active and belongs somewhere."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from tenants.models import Membership


class SignInForm(AuthenticationForm):
    """Asked in the public context. A member of no tenant is told so, not shown an empty console."""

    error_messages = {
        "invalid_login": "This user name and password do not match. Both mind capital letters.",
        "inactive": "This account is switched off. Ask your platform admin.",
    }

    def confirm_login_allowed(self, user: Any) -> None:
        if not user.is_active:
            raise ValidationError(self.error_messages["inactive"], code="inactive")
        if not user.is_superuser and not Membership.objects.filter(user_id=user.pk).exists():
            raise ValidationError(
                "This account belongs to no tenant yet. Ask the owner of your tenant to add you.",
                code="no_tenant",
            )
