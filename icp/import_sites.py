"""Import companies' web sites from a file: first see what it would do, then do all of it, or undo.

A site of a lead is set as an operator sets it: the lead is read anew. A company that is no lead yet
keeps its site until a rule selects it. Suppressed companies and sites, and what an operator or a
review turned down, are refused: a list must not overrule a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from icp.decide import OPERATOR
from icp.give_site import look_again
from icp.judge_rows import Row, refuse
from icp.judge_sites import compare_rows, judge_sites
from icp.models import GivenSite, Lead, SiteImport, Suppression, Upload
from icp.read_table import read_table
from icp.suppressions import kinds_standing, suppressed_among
from icp.uploads import (
    imported,
    keep_preview,
    pack_values,
    undecided,
    undoable,
    unpack,
    unpack_values,
)
from tenants import audit
from tenants.console import audit_subject

Status = Upload.Status
TURNED_DOWN = (OPERATOR, "REVIEW")  # rejection codes that stand for a person
BATCH = 10_000  # rows looked up with one statement or two


# --- see ----------------------------------------------------------------------------------------
@transaction.atomic
def preview_sites(
    content: bytes, *, file_name: str, actor: str, now: datetime | None = None
) -> SiteImport:
    """Read the file and keep what it would do; changes no lead yet.

    Raises ``UnreadableFileError`` when the file as a whole cannot be used.
    """
    now = now or timezone.now()
    rows = judge_sites(read_table(content))
    look_up(rows)
    compare_rows(rows)
    return keep_preview(SiteImport, rows, file_name=file_name, actor=actor, now=now)


def look_up(rows: list[Row]) -> None:
    """Compare accepted rows with register, leads and suppressions; refuse what cannot be used.

    ``values`` become [[uen, site, company's name, site before, "lead" or "later"]].
    """
    accepted = [row for row in rows if row.values]
    for start in range(0, len(accepted), BATCH):
        _look_up(accepted[start : start + BATCH])


# Arrays and not a placeholder for each value: 10,000 of those take longer than all else.
_KNOWN = """
SELECT n.uen, coalesce(c.name, l.name, ''),
       CASE WHEN c.status_class = 'CEASED' THEN c.status ELSE '' END, s.id IS NOT NULL,
       l.id, coalesce(l.website, g.site, ''), coalesce(l.rejection_code, ''),
       coalesce(l.rejection_reason, '')
FROM unnest(%s::text[]) AS n(uen)
LEFT JOIN acra_registeredcompany c ON c.uen = n.uen
LEFT JOIN icp_lead l ON l.uen = n.uen
LEFT JOIN icp_givensite g ON g.uen = n.uen
LEFT JOIN icp_suppression s ON s.kind = 'UEN' AND s.lifted_at IS NULL AND s.value = n.uen
ORDER BY n.uen, l.id
"""


class Known(NamedTuple):
    """What is known of a company, and of one of its leads if it has any."""

    uen: str
    name: str
    ceased: str  # as the register words it
    is_suppressed: bool
    lead_id: int | None
    site: str
    rejection_code: str
    rejection_reason: str


def _look_up(rows: list[Row]) -> None:
    known: dict[str, list[Known]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [list({row.values[0][0] for row in rows})])
        for one in map(Known._make, cursor.fetchall()):
            known[one.uen].append(one)
    is_asked = Suppression.Kind.DOMAIN in kinds_standing()
    sites = {row.values[0][1] for row in rows} if is_asked else set()
    closed = suppressed_among(Suppression.Kind.DOMAIN, sites)
    for row in rows:
        uen, site = row.values[0][:2]
        first, *_ = mine = known[uen]
        if mistakes := list(_mistakes(mine, site=site, is_closed=site in closed)):
            refuse(row, *mistakes)
            continue
        before = sorted({one.site for one in mine})
        when = "later" if first.lead_id is None else "lead"
        row.values = [[uen, site, first.name, ", ".join(before), when]]
        if before == [site]:
            row.outcome = "present"


def _mistakes(mine: list[Known], *, site: str, is_closed: bool) -> Iterator[str]:
    first = mine[0]
    if not first.name:
        yield f"The register knows no company with the UEN {first.uen}."
    if first.is_suppressed:
        yield f"{first.uen} is on the suppression list."
    if is_closed:
        yield f"{site} is on the suppression list."
    if first.ceased:
        yield f"The company is no more; the register says: {first.ceased}."
    for one in mine:
        if one.rejection_code in TURNED_DOWN:
            yield f"The lead was turned down ({one.rejection_reason}). Send it back first."


# --- decide -------------------------------------------------------------------------------------
@transaction.atomic
def confirm_sites(upload: SiteImport, *, actor: str, now: datetime | None = None) -> int:
    """Set what the preview said; returns how many sites are new. What became forbidden since is
    refused.

    100,000 rows take some seconds. Raises ``UploadError`` when it was decided before, so a second
    click changes nothing.
    """
    now = now or timezone.now()
    upload = undecided(upload)
    rows = list(unpack(upload.accepted_rows))
    look_up(rows)
    wanted = [row.values[0] for row in rows if row.outcome == "new"]
    changed = _set_sites([(uen, site) for uen, site, _, _, kind in wanted if kind == "lead"])
    later = [(uen, site) for uen, site, _, _, kind in wanted if kind == "later"]
    before = dict(GivenSite.objects.filter(uen__in=[uen for uen, _ in later])
                  .values_list("uen", "site"))  # fmt: skip
    GivenSite.objects.bulk_create(
        [GivenSite(uen=uen, site=site, upload=upload) for uen, site in later],
        update_conflicts=True, unique_fields=["uen"], update_fields=["site", "upload"],
        batch_size=BATCH,
    )  # fmt: skip
    look_again(Lead.objects.filter(pk__in=[pk for pk, _, _ in changed]), now=now)
    upload.applied_rows = pack_values({
        "leads": changed, "later": [(uen, before.get(uen, ""), site) for uen, site in later],
    })  # fmt: skip
    imported(upload, rows, actor=actor, now=now)
    _record(upload, changed, action="icp.lead.give_site", actor=actor)
    after = {"file": upload.file_name, "leads": len(changed), "later": len(later),
             "refused": upload.refused}  # fmt: skip
    audit.record("icp.site.import", actor=actor, subject=audit_subject(upload), after=after)
    return len(wanted)


@transaction.atomic
def undo_sites(upload: SiteImport, *, reason: str, actor: str, now: datetime | None = None) -> int:
    """Give back the sites that stood before, where the imported one still stands; returns how many.

    What was set since by another way is not touched. Raises ``UploadError``.
    """
    locked = undoable(upload, reason=reason)
    done = unpack_values(locked.applied_rows)
    restored = _restore("l.id = n.key::bigint", done["leads"])
    restored += _restore("l.uen = n.key", done["later"])  # leads made from them since
    look_again(Lead.objects.filter(pk__in=[pk for pk, _, _ in restored]), now=now)
    waiting = locked.given.count()
    earlier = {uen: before for uen, before, _ in done["later"] if before}
    locked.given.exclude(uen__in=earlier).delete()
    for given in locked.given.all():
        given.site = earlier[given.uen]
        given.save(update_fields=["site"])
    locked.status, locked.applied_rows = Status.UNDONE, None
    locked.save(update_fields=["status", "applied_rows"])
    _record(locked, restored, action="icp.lead.give_site", actor=actor)
    count = len(restored) + waiting
    audit.record("icp.site.undo", actor=actor, subject=audit_subject(locked),
                 after={"restored": count}, reason=reason.strip())  # fmt: skip
    return count


_SET = """
WITH old AS (
    SELECT l.id, l.website, n.site FROM icp_lead l
    JOIN unnest(%s::text[], %s::text[]) AS n(uen, site) ON l.uen = n.uen
    WHERE l.website <> n.site ORDER BY l.id FOR UPDATE OF l
)
UPDATE icp_lead l SET website = old.site FROM old WHERE l.id = old.id
RETURNING l.id, old.website, l.website
"""
_GIVE_BACK = """
UPDATE icp_lead l SET website = n.before
FROM unnest(%s::text[], %s::text[], %s::text[]) AS n(key, before, site)
WHERE {match} AND l.website = n.site
RETURNING l.id, n.site, l.website
"""


def _set_sites(pairs: list[tuple[str, str]]) -> list[tuple[int, str, str]]:
    """Set the sites of leads by UEN; lead, site before and after of each that changed."""
    with connection.cursor() as cursor:
        cursor.execute(_SET, [[uen for uen, _ in pairs], [site for _, site in pairs]])
        return cursor.fetchall()


def _restore(match: str, changes: list[tuple[Any, str, str]]) -> list[tuple[int, str, str]]:
    columns = [[str(change[at]) for change in changes] for at in range(3)]
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK.format(match=match), columns)
        return cursor.fetchall()


def _record(
    upload: SiteImport, changes: list[tuple[int, str, str]], *, action: str, actor: str
) -> None:
    """An event for each lead, so that its page tells where the site came from."""
    audit.record_many(
        action, actor=actor, reason=f"{upload}"[:500],
        changes=((f"lead {pk}", {"website": before}, {"website": after})
                 for pk, before, after in changes),
    )  # fmt: skip
