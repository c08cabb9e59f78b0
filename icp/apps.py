from django.apps import AppConfig


class IcpConfig(AppConfig):
    name = "icp"
    verbose_name = "Who we want"

    def ready(self) -> None:
        # Models can be imported only once all apps are known.
        from icp.suppressions import when_suppressed  # noqa: PLC0415 -- see above
        from icp.taken_out import list_for_recall  # noqa: PLC0415 -- see above

        when_suppressed(list_for_recall)
