"""Signing in with a password: who may, and whether a code is asked for as well."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from unfold.forms import AuthenticationForm

from tenants.context import in_public
from tenants.models import Membership, Tenant, User
from tenants.sign_in import second_factor
from tenants.sign_in.account import ask_for_code
from tenants.sign_in.invitations import accept_waiting
from tenants.sign_in.resolve import tenant_of_host
from tenants.sign_in.sso.providers import providers_of_tenant
from tenants.sign_in.sso.session import SignIn, keep_sign_in, read_sign_in
from tenants.sign_in.sso.views import sign_out_address


class SignInForm(AuthenticationForm):
    """Asked in the public context. A member of no tenant is told so, not shown an empty console."""

    error_messages = {
        "invalid_login": "This user name and password do not match. Both mind capital letters.",
        "inactive": "This account is switched off. Ask your platform admin.",
    }

    def confirm_login_allowed(self, user: Any) -> None:
        if not user.is_active:
            raise ValidationError(self.error_messages["inactive"], code="inactive")
        if user.is_superuser:
            return
        accept_waiting(user)
        places = Membership.objects.filter(user_id=user.pk, tenant__is_active=True)
        if not places.exists():
            raise ValidationError(
                "This account belongs to no tenant yet. Ask the owner of your tenant to add you.",
                code="no_tenant",
            )
        if not places.filter(tenant__settings__password_sign_in=True).exists():
            raise ValidationError(
                "Your tenant opens only to people who sign in through its provider.",
                code="no_password",
            )


class SignInView(LoginView):
    """The sign-in page: the providers' buttons, and the password where it is allowed."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.PASSWORD_SIGN_IN:
            text = "Signing in with a password is switched off. Use your provider's button."
            return render(request, "tenants/sign_in_failed.html", {"message": text}, status=403)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        user: User = form.get_user()
        if second_factor.is_on(user):
            return ask_for_code(self.request, user, goes_to=self.get_success_url())
        response = super().form_valid(form)
        keep_sign_in(self.request.session, SignIn())  # whatever a sign-in before it was
        return response


def sign_in_choices(request: HttpRequest) -> dict[str, Any]:
    """What the page offers: buttons of providers, and whether a password will do."""
    tenant: Tenant | None = tenant_of_host(request)
    takes_passwords = settings.PASSWORD_SIGN_IN
    if tenant is not None:
        with in_public():
            of_tenant = Tenant.objects.select_related("settings").get(pk=tenant.pk)
        takes_passwords = takes_passwords and of_tenant.settings.password_sign_in
    return {
        "providers": providers_of_tenant(tenant.pk if tenant else None),
        "takes_passwords": takes_passwords,
    }


def sign_out_page(request: HttpRequest, response: HttpResponse, address: str) -> HttpResponse:
    """After signing out here: on to the provider, if it offers that; else ``response``.

    A page and not a redirect: browsers hold a redirect after a form to the form's own policy, which
    allows no other host.
    """
    if not address or response.status_code not in {200, 302}:
        return response
    return render(request, "tenants/signed_out.html", {"address": address})


def address_to_sign_out(request: HttpRequest) -> str:
    """The provider's sign-out address of this session; asked before the session ends."""
    if request.method != "POST" or not request.user.is_authenticated:
        return ""
    return sign_out_address(request, read_sign_in(request.session))
