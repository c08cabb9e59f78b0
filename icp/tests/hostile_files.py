"""Files as they are uploaded in bad faith or bad luck. They are made here, none is kept."""

from __future__ import annotations

import io
import random
import zipfile

from openpyxl import Workbook

GOOD = "email,reason\r\njo@acme.sg,left\r\nann@acme.sg,left\r\n"


def workbook(rows: list[list[object]], **changes: bytes) -> bytes:
    """An XLSX of ``rows``; ``changes`` replace parts (path with __ for / and no dot)."""
    book = Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    if not changes:
        return out.getvalue()
    return repacked(out.getvalue(), changes)


def repacked(content: bytes, changes: dict[str, bytes]) -> bytes:
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, changes.get(name, old.read(name)))
        for name in set(changes) - set(old.namelist()):
            new.writestr(name, changes[name])
    return changed.getvalue()


def archive(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return out.getvalue()


ROWS = [["email", "reason"], ["jo@acme.sg", "left"], ["ann@acme.sg", "left"]]
SHEET = "xl/worksheets/sheet1.xml"
SHEET_HEAD = (
    b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/'
    b'main"><sheetData>'
)


def bomb() -> bytes:
    """0.2 MB that unpack to 200."""
    return archive(
        {"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>", "xl/a.xml": b"0" * 200_000_000}
    )


def slow_workbook() -> bytes:
    """Below the limit unpacked, and millions of cells: what took openpyxl minutes."""
    row = b'<row><c t="inlineStr"><is><t>x</t></is></c></row>'
    sheet = SHEET_HEAD + row * 700_000 + b"</sheetData></worksheet>"
    return repacked(workbook(ROWS), {SHEET: sheet})


def entity_workbook() -> bytes:
    """Billion laughs in the sheet."""
    levels = b"".join(
        b'<!ENTITY e%d "%s">' % (level, b"&e%d;" % (level - 1) * 10) for level in range(1, 12)
    )
    sheet = (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "lol">' + levels + b"]>"
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row><c t="inlineStr"><is><t>&e11;</t></is></c></row></sheetData></worksheet>'
    )
    return repacked(workbook(ROWS), {SHEET: sheet})


def noise() -> bytes:
    return random.Random(3).randbytes(50_000)


# name -> content, new, refused; both None: the whole file is refused
FILES: dict[str, tuple[bytes, int | None, int | None]] = {
    "plain": (GOOD.encode(), 2, 0),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD.encode(), 2, 0),
    "utf-16": (GOOD.encode("utf-16"), 2, 0),
    "utf-16 cut in half a character": (GOOD.encode("utf-16")[:-1], None, None),
    "windows-1252": (GOOD.replace("left", "caf\xe9").encode("cp1252"), 2, 0),
    "semicolons": (GOOD.replace(",", ";").encode(), 2, 0),
    "tabs": (GOOD.replace(",", "\t").encode(), 2, 0),
    "old Mac line ends": (GOOD.replace("\r\n", "\r").encode(), 2, 0),
    "no header": (b"jo@acme.sg\nacme.com.sg\n201912345A\n6123 4567\n", 4, 0),
    "columns in another order": (b"reason,other,E-Mail Address\nleft,1,jo@acme.sg\n", 1, 0),
    "a column per kind": (b"email,uen,phone\njo@acme.sg,201912345A,61234567\n", 1, 0),
    "kinds in a column": (b"kind,value\nemail,jo@acme.sg\ndomain,acme.sg\n,61234567\n", 3, 0),
    "an unknown kind": (b"kind,value\nfax,61234567\n", 0, 1),
    "every row wrong": (b"email\nx\ny\nz\n", 0, 3),
    "good and bad rows": (b"email\njo@acme.sg\nnobody\n\nann@acme.sg\n", 2, 1),
    "short and long rows": (b"email,reason\njo@acme.sg\nann@acme.sg,left,more,and,more\n", 2, 0),
    "formulas": (b'email\n=HYPERLINK("http://x")\n@SUM(1)\n-2+3|cmd\n+jo@acme.sg\n', 1, 3),
    "quote never closed": (b'email,reason\njo@acme.sg,"left\nann@acme.sg,left\n', 0, 1),
    "a cell of 200,000 characters": (b"email\njo@acme.sg\n" + b"x" * 200_000 + b"\n", 1, 1),
    "200 columns": (b"email" + b",x" * 200 + b"\njo@acme.sg" + b",y" * 200 + b"\n", 0, 1),
    "nul bytes": (b"email\njo@acme.sg\0\n", None, None),
    "control characters": (b"email,reason\njo\x07@acme.sg,left\nann@acme.sg,a\x1bb\n", 0, 2),
    "right-to-left mark": ("email\njo\u202e@acme.sg\n".encode(), 0, 1),
    "script as a reason": (b"email,reason\njo@acme.sg,<script>alert(1)</script>\n", 1, 0),
    "empty": (b"", None, None),
    "blank lines alone": (b"\n\n  \n", None, None),
    "header alone": (b"email,reason\n", 0, 0),
    "picture": (b"\x89PNG\r\n\x1a\n" + noise(), None, None),
    "noise": (noise(), None, None),
    "old Excel": (b"\xd0\xcf\x11\xe0" + noise(), None, None),
    "too large": (b"x" * (20 * 1024 * 1024 + 1), None, None),
    "workbook": (workbook(ROWS), 2, 0),
    "workbook with numbers": (workbook([["phone"], [61234567], [6561234568.0]]), 2, 0),
    "workbook with formula and error": (workbook([["email"], ["=1+1"], ["#REF!"]]), 0, 1),
    "workbook cut short": (workbook(ROWS)[:-200], None, None),
    "workbook with a broken sheet": (repacked(workbook(ROWS), {SHEET: b"<x"}), None, None),
    "archive that is no workbook": (archive({"a.txt": b"jo@acme.sg"}), None, None),
    "archive that climbs out": (archive({"../../etc/x": b"x"}), None, None),
    "bomb": (bomb(), None, None),
    "billion laughs": (entity_workbook(), None, None),
}


def shaped(header: str, first: str, second: str) -> dict[str, tuple[bytes, int | None]]:
    """Two good rows of any list in every shape such a file may have.

    The columns are parted by commas and hold none, the first is needed. name -> content, how many
    rows are accepted; None: the whole file is refused.
    """
    text = f"{header}\r\n{first}\r\n{second}\r\n"
    shouted = text.replace(header, header.upper().replace(",", " , "))
    rows: list[list[object]] = [[*line.split(",")] for line in text.splitlines()]
    return {
        "plain": (text.encode(), 2),
        "byte order mark": (b"\xef\xbb\xbf" + text.encode(), 2),
        "utf-16": (text.encode("utf-16"), 2),
        "utf-16 cut in half a character": (text.encode("utf-16")[:-1], None),
        "semicolons": (text.replace(",", ";").encode(), 2),
        "tabs": (text.replace(",", "\t").encode(), 2),
        "old Mac line ends": (text.replace("\r\n", "\r").encode(), 2),
        "capitals and spaces": (shouted.encode(), 2),
        "blank lines": (f"{header}\n\n{first}\n,,\n{second}\n".encode(), 2),
        "long rows": (f"{header}\n{first},more,and,more\n{second}\n".encode(), 2),
        "the same twice": (f"{header}\n{first}\n{first}\n".encode(), 2),
        "quote never closed": (f'{header}\n"{first}\n{second}\n'.encode(), 0),
        "a cell of 200,000 characters": (f"{header}\n{first}\n{'x' * 200_000}\n".encode(), 1),
        "200 columns": (f"{header}{',x' * 200}\n{first}{',y' * 200}\n".encode(), 0),
        "nul bytes": (f"{header}\n{first}\0\n".encode(), None),
        "control characters": (f"{header}\n\x07\x1b{first}\n".encode(), 0),
        "right-to-left mark": (f"{header}\n\u202e{first}\n".encode(), 0),
        "formulas": (f"{header}\n=1+1{first}\n@SUM(1)\n-2+3|cmd\n".encode(), 0),
        "script": (f"{header}\n<script>alert(1)</script>\n".encode(), 0),
        "header alone": (f"{header}\n".encode(), 0),
        "workbook": (workbook(rows), 2),
    }  # fmt: skip
