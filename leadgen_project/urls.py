from django.contrib import admin
from django.urls import include, path

from tenants.switch import switch_tenant

urlpatterns = [
    path("admin/switch-tenant/", switch_tenant, name="switch-tenant"),
    path("admin/", admin.site.urls),
    path("", include("scoring.urls")),
]
