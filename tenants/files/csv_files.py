"""CSV as we hand it out: every cell only ever text, whole or line by line, and as an answer."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import TypeVar

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from tenants.context import keep_tenant
from tenants.files.neutralise import for_csv

BOM = "\ufeff"  # without it Excel reads UTF-8 as the local code page
CSV = "text/csv; charset=utf-8"
Answer = TypeVar("Answer", bound=HttpResponseBase)


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Each row as a line with CRLF; texts neutralised, ``None`` empty."""
    writer = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow([for_csv(cell) if isinstance(cell, str) else cell for cell in row])


def csv_answer(text: str, *, name: str) -> HttpResponse:
    return as_file(HttpResponse(text, content_type=CSV), name=name)


def csv_stream(lines: Iterable[str], *, name: str) -> StreamingHttpResponse:
    """The lines as they are made, in the tenant that is current now."""
    return as_file(StreamingHttpResponse(keep_tenant(lines), content_type=CSV), name=name)


def as_file(answer: Answer, *, name: str) -> Answer:
    """The answer as a file to keep. ``name`` is one of ours, without quotes."""
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text
