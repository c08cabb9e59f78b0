from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """The operator's console instead of Django's default admin site."""

    default_site = "leadgen_project.console.site.ConsoleSite"
