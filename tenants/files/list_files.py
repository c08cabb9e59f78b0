"""Lists as files: django-import-export's data set, written so that nothing in it can be a formula.

The library's own writers are not used: their option against formulas takes a leading ``=`` away
and nothing else, and their XLSX makes a formula of the rest of it (django-import-export 4.4,
``docs/installation.rst``; tablib 3.10, ``formats/_xlsx.py``).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import chain
from typing import Any

from import_export.formats import base_formats
from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from tenants.files.csv_files import BOM, CSV, csv_lines
from tenants.files.workbook import cells

NARROWEST, WIDEST = 10, 60  # characters, of a column
LOOKED_AT = 100  # rows by which a column's width is chosen


class CsvFile(base_formats.CSV):
    """UTF-8 with a byte order mark, a header, one line a row."""

    def get_title(self) -> str:
        return "CSV, for any program"

    def get_content_type(self) -> str:
        return CSV

    def export_data(self, dataset: Any, **kwargs: Any) -> bytes:
        rows = ([str(cell) for cell in row] for row in dataset)
        return (BOM + "".join(csv_lines(chain([dataset.headers], rows)))).encode()


class XlsxFile(base_formats.XLSX):
    """Sheet "List" holds the rows, sheet "About" what they are (``about``: pairs of words)."""

    about: Sequence[tuple[str, str]] = ()

    def get_title(self) -> str:
        return "XLSX, for Excel and LibreOffice"

    def export_data(self, dataset: Any, **kwargs: Any) -> bytes:
        book = Workbook(write_only=True)
        sheet = book.create_sheet("List")
        sheet.freeze_panes = "B2"
        for position, width in enumerate(_widths(dataset), start=1):
            sheet.column_dimensions[get_column_letter(position)].width = width
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(dataset.headers))}{len(dataset) + 1}"
        sheet.append(cells(sheet, dataset.headers, bold=True))
        for row in dataset:
            sheet.append(cells(sheet, row))
        notes = book.create_sheet("About")
        notes.column_dimensions["A"].width = 22
        notes.column_dimensions["B"].width = 110
        for line in self.about:
            notes.append(cells(notes, line))
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()


def _widths(dataset: Any) -> list[int]:
    first = [dataset.headers, *(dataset[at] for at in range(min(LOOKED_AT, len(dataset))))]
    longest = [max(len(str(cell)) for cell in column) for column in zip(*first, strict=True)]
    return [min(max(length + 2, NARROWEST), WIDEST) for length in longest]
