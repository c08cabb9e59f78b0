from django.apps import AppConfig


class AcraConfig(AppConfig):
    name = "acra"
    verbose_name = "Register"
