"""Routes of sign-in for programs. ``/info`` stands at the top, as the chat UI asks for it there."""

from __future__ import annotations

from django.urls import path

from tenants import api

urlpatterns = [
    path("info", api.InfoView.as_view(), name="info"),
    path("api/tenants", api.TenantListView.as_view(), name="tenants"),
    path(
        "api/tenants/<str:tenant_id>/switch", api.TenantSwitchView.as_view(), name="tenant-switch"
    ),
]
