"""The base of lists that speak of leads or hand out addresses: what is suppressed stays behind.

Who leaves is kept by keyed hashes: a later opt-out puts the file on the recall list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from icp import taken_out
from icp.models import Suppression
from icp.suppressions import hashes_of, suppressed_pairs
from scoring.withhold import withheld
from tenants.context import is_public
from tenants.files.list_rows import ListRows

Kind = Suppression.Kind
Pair = tuple[str, str]  # kind and value, as suppressions are asked


class RowsOfLeads(ListRows):
    """Withholds as exports do: a row goes when its lead does, or anything it says of itself.

    A lead is judged whole (``scoring.withhold``), so nobody is handed out by a colleague's address.
    """

    withholds = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keys: set[str] = set()  # of who leaves, as suppressions are kept

    def lead_of(self, row: Any) -> int | None:
        """The lead the row belongs to, if any."""
        return getattr(row, "lead_id", None)

    def pairs_of(self, row: Any) -> Iterable[Pair]:
        """What the row hands out, by which somebody may have opted out or may opt out later."""
        raise NotImplementedError

    def silent(self, rows: Sequence[Any]) -> set[Any]:
        if is_public():  # the platform contacts nobody, and has no suppressions
            return set()
        leads = {row.pk: self.lead_of(row) for row in rows}
        pairs = {row.pk: {pair for pair in self.pairs_of(row) if pair[1]} for row in rows}
        gone = withheld(sorted({lead for lead in leads.values() if lead is not None}))
        refused = suppressed_pairs(pair for some in pairs.values() for pair in some)
        silent = {pk for pk in leads if leads[pk] in gone or pairs[pk] & refused}
        for pk in pairs.keys() - silent:
            self.keys.update(key for pair in pairs[pk] for key in hashes_of(*pair))
        return silent

    def keep(self, *, title: str, file_name: str, query: str, sha256: str, actor: str) -> None:
        if self.keys:
            taken_out.keep(self.keys, title=title, file_name=file_name, query=query,
                           rows=self.count, sha256=sha256, actor=actor)  # fmt: skip
