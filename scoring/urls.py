from django.urls import path

from scoring import downloads

app_name = "scoring"
urlpatterns = [
    path("export/latest_scores.csv", downloads.latest_scores_csv, name="export_csv"),
    path("export/latest_scores.xlsx", downloads.latest_scores_xlsx, name="export_xlsx"),
]
