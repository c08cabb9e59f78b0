from django.contrib import admin
from django.urls import include, path

from leadgen_project.console.doors import crawler_page, front_door
from leadgen_project.console.health import health
from leadgen_project.metrics import metrics
from tenants.sign_in.account import second_factor_ask, second_factor_page
from tenants.sign_in.switch import switch_tenant

handler403 = "leadgen_project.console.errors.forbidden"
handler404 = "leadgen_project.console.errors.not_found"
handler500 = "leadgen_project.console.errors.server_error"

urlpatterns = [
    path("", front_door),
    path("health", health, name="health"),
    path("metrics", metrics, name="metrics"),
    path("crawler", crawler_page, name="crawler"),
    path("admin/switch-tenant/", switch_tenant, name="switch-tenant"),
    path("admin/account/second-factor/ask/", second_factor_ask, name="second-factor-ask"),
    path("admin/account/second-factor/", second_factor_page, name="second-factor"),
    path("admin/", admin.site.urls),
    path("", include("tenants.urls")),
    path("u/", include("outreach.urls")),
    path("agent/", include("chat.urls")),
    path("api/", include("leadgen_project.api.urls")),
    path("", include("scoring.urls")),
]
