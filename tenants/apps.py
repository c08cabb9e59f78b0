from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = "Tenants and people"

    def ready(self) -> None:
        from django_q.signals import pre_execute  # noqa: PLC0415 -- needs loaded apps

        from tenants import checks  # noqa: F401, PLC0415 -- registers the checks
        from tenants.tasks import start_in_public  # noqa: PLC0415 -- needs loaded apps

        pre_execute.connect(start_in_public, dispatch_uid="tenants.start_in_public")
