from django.urls import path

from scoring import api

app_name = "scoring"
urlpatterns = [
    path("export/latest_scores.csv", api.latest_scores_csv, name="export_csv"),
    path("export/latest_scores.xlsx", api.latest_scores_xlsx, name="export_xlsx"),
]
