from django.apps import AppConfig


class LeadgenConfig(AppConfig):
    name = "leadgen_project"
    verbose_name = "leadgen"
