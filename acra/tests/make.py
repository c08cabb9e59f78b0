"""Make small register files for tests: rows by name, written in any form."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from acra.columns import PUBLISHED
from acra.uen import check_letter
from tenants.tests.shared_data import shared_data

USUAL = {
    "issuance_agency_id": "ACRA",
    "entity_type_description": "Local Company",
    "company_type_description": "Exempt Private Company Limited by Shares",
    "entity_status_description": "Live Company",
    "registration_incorporation_date": "2020-01-31",
    "uen_issue_date": "2020-01-31",
    "address_type": "LOCAL",
    "block": "12",
    "street_name": "MADE UP ROAD",
    "level_no": "03",
    "unit_no": "01",
    "postal_code": "018982",
    "primary_ssic_code": "62011",
    "no_of_officers": "2",
}


def uen(number: int) -> str:
    digits = f"2020{number:05d}"
    return digits + check_letter(f"{digits}A")


def row(number: int, **values: str) -> dict[str, str]:
    """A live company; columns not named are ``na``."""
    start = {"uen": uen(number), "entity_name": f"MADE UP {number} PTE. LTD."}
    return {**dict.fromkeys(PUBLISHED, "na"), **USUAL, **start, **values}


def text(rows: Sequence[dict[str, str]], columns: Sequence[str] = PUBLISHED) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write(path: Path, content: str | bytes | Sequence[dict[str, str]]) -> Path:
    if not isinstance(content, (str, bytes)):
        content = text(content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def generated(path: Path, *options: str) -> Path:
    """A file (or folder) of the generator of made-up registers."""
    where = ("--split-dir", str(path)) if not path.suffix else ("--out", str(path))
    script = shared_data() / "make_register.py"
    subprocess.run([sys.executable, str(script), *options, *where], check=True)
    return path
