"""Routes of sign-in. ``/info`` stands at the top, as the chat UI asks for it there."""

from __future__ import annotations

from django.urls import path

from tenants import api
from tenants.sign_in import device_api
from tenants.sign_in.sso.views import CallbackView, StartView

urlpatterns = [
    path("oidc/start/<str:key>/", StartView.as_view(), name="oidc-start"),
    path("oidc/callback/", CallbackView.as_view(), name="oidc-callback"),
    path("info", api.InfoView.as_view(), name="info"),
    path("api/device/code", device_api.DeviceCodeView.as_view(), name="device-code"),
    path("api/device/token", device_api.DeviceTokenView.as_view(), name="device-token"),
    path("api/token/revoke", device_api.TokenRevokeView.as_view(), name="token-revoke"),
    path("api/tenants", api.TenantListView.as_view(), name="tenants"),
    path(
        "api/tenants/<str:tenant_id>/switch", api.TenantSwitchView.as_view(), name="tenant-switch"
    ),
]
