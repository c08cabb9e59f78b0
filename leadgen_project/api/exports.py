"""Which files there are to download."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.models import PipelineRun
from tenants.rest.resource import Resource
from tenants.rest.strict import QuerySerializer


class ExportSerializer(serializers.Serializer):
    run_id = serializers.IntegerField()
    finished_at = serializers.DateTimeField()
    report_hash = serializers.CharField(allow_blank=True)
    files = serializers.DictField(
        child=serializers.URLField(), help_text="scores_csv, scores_xlsx, shortlist_csv, ..."
    )


class Exports(Resource):
    """The scores of each finished run as files; downloading one is audited."""

    queryset = PipelineRun.objects.none()
    serializer_class = ExportSerializer
    query_class = QuerySerializer
    rights = {"list": "scoring.export"}

    def list(self, request: Request) -> Response:
        """Finished runs with the addresses of their files, newest first."""
        self.asked()
        page = self.paginate_queryset(PipelineRun.objects.filter(status="FINISHED"))
        rows = [_files_of(run, request) for run in page or []]
        return self.get_paginated_response(ExportSerializer(rows, many=True).data)


def _files_of(run: PipelineRun, request: Request) -> dict[str, Any]:
    files = {
        f"{what}_{kind}": request.build_absolute_uri(
            f"/export/latest_scores.{kind}?run={run.pk}{only}"
        )
        for what, only in (("scores", ""), ("shortlist", "&only=shortlist"))
        for kind in ("csv", "xlsx")
    }
    return {"run_id": run.pk, "finished_at": run.finished_at, "report_hash": run.report_hash,
            "files": files}  # fmt: skip
