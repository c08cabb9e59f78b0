"""Cells of an XLSX sheet written row by row: numbers stay numbers, text is only ever text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from tenants.files.neutralise import for_xlsx

TYPED = (int, float, Decimal, date, datetime)


def cells(sheet: Any, values: Iterable[Any], *, bold: bool = False) -> list[Any]:
    """One row for ``sheet.append`` of a write-only workbook; times have no zone there."""
    row: list[Any] = []
    for value in values:
        if value == "" or value is None:
            row.append(None)
        elif isinstance(value, TYPED):
            row.append(value)
        else:
            cell = WriteOnlyCell(sheet, for_xlsx(str(value)))
            cell.data_type = "s"  # openpyxl would make a formula of what begins with =
            if bold:
                cell.font = Font(bold=True)
            row.append(cell)
    return row
