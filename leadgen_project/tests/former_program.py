"""SQLite files as the former program would have left them, by the plan's section 3."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

CONTACTS = """
CREATE TABLE contacts (
    id INTEGER PRIMARY KEY, phone TEXT, name TEXT, email TEXT, lastSent TIMESTAMP, sourceUrl TEXT,
    imageHash TEXT, businessName TEXT, category TEXT, servicesRendered TEXT, status TEXT, city TEXT,
    leadDataJson TEXT, lastUpdated TIMESTAMP
)
"""
ENGINE = """
CREATE TABLE processor_queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT, template_id INTEGER, city TEXT,
    number_of_leads_to_process INTEGER, request_timestamp TIMESTAMP, status TEXT
);
CREATE TABLE templates (
    template_id INTEGER PRIMARY KEY, template_name TEXT, description TEXT, base_subject TEXT,
    base_body_html TEXT, is_archived BOOLEAN DEFAULT 0, created_at TIMESTAMP
);
CREATE TABLE email_queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT, template_id INTEGER, lead_data TEXT, city TEXT,
    status TEXT, created_at TIMESTAMP, sent_at TIMESTAMP, timezone TEXT, error_message TEXT
);
CREATE TABLE variation_storage (
    id INTEGER PRIMARY KEY, template_id INTEGER, subject TEXT, body_html TEXT
)
"""
Rows = Iterable[Mapping[str, Any]]


def contact(number: int, **changes: Any) -> dict[str, Any]:
    """A row without a mistake; ``number`` makes it another business."""
    data = {"phone": f"512555{number:04}", "businessName": f"Shop {number}",
            "websiteUrl": f"http://shop{number}.example", "rätsel": ["日本", number]}  # fmt: skip
    return {
        "phone": f"(512) 555-{number:04}", "name": f"Ann Lee{number}",
        "email": f"Info{number}@Shop{number}.example", "lastSent": "2026-05-01 10:00:00",
        "sourceUrl": f"https://list.example/{number}", "imageHash": f"{number:016x}",
        "businessName": f"Shop {number}", "category": "Consulting",
        "servicesRendered": '["Training", "Consulting"]', "status": "PROCESSED", "city": "austin",
        "leadDataJson": json.dumps(data, ensure_ascii=False, indent=1),
        "lastUpdated": "2026-06-01T00:00:00", **changes,
    }  # fmt: skip


def template(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "template_id": number, "template_name": f"Offer {number}", "description": "An offer",
        "base_subject": "Hello {{ business_name }}", "is_archived": 0,
        "base_body_html": f"<p>Dear {{{{ name }}}}, offer {number} for {{{{ city }}}}.</p>",
        "created_at": "2025-01-02 03:04:05", **changes,
    }  # fmt: skip


def request(**changes: Any) -> dict[str, Any]:
    return {"template_id": 1, "city": "austin", "number_of_leads_to_process": 50,
            "request_timestamp": "2026-10-01 08:00:00", "status": "PENDING", **changes}  # fmt: skip


def mail(number: int, **changes: Any) -> dict[str, Any]:
    data = {"phone": f"512555{number:04}", "name": f"Ann Lee{number}",
            "email": f"info{number}@shop{number}.example", "businessName": f"Shop {number}",
            "category": "Consulting", "servicesRendered": ["Consulting"], "status": "PROCESSED",
            "city": "austin"}  # fmt: skip
    return {"template_id": 1, "lead_data": json.dumps(data), "city": "austin", "status": "QUEUED",
            "created_at": f"2026-11-0{number % 9 + 1} 00:00:00", "sent_at": None,
            "timezone": "America/Chicago", **changes}  # fmt: skip


def write_contacts(path: Path, rows: Rows) -> Path:
    with sqlite3.connect(path) as connection:
        connection.executescript(CONTACTS)
        fill(connection, "contacts", rows)
    connection.close()
    return path


def write_engine(
    path: Path,
    *,
    templates: Rows = (),
    requests: Rows = (),
    mails: Rows = (),
    variations: Rows = (),
) -> Path:
    with sqlite3.connect(path) as connection:
        connection.executescript(ENGINE)
        fill(connection, "templates", templates)
        fill(connection, "processor_queue", requests)
        fill(connection, "email_queue", mails)
        fill(connection, "variation_storage", variations)
    connection.close()
    return path


def fill(connection: sqlite3.Connection, table: str, rows: Rows) -> None:
    for row in rows:
        names = ", ".join(row)
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))
