"""Pull the register from data.gov.sg: only when there is something new, resumable, never a mixture.

The files of a release are kept in the data directory with the stamp they were published under.
What is there already is not fetched again, so a pull that broke off goes on where it stopped.
"""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from acra.clients.data_gov_sg import (
    Collection,
    DataGovSg,
    DataGovSgError,
    Dataset,
    ExpiredAddressError,
)
from acra.columns import PUBLISHED
from acra.load import Report, load_register
from acra.models import RegisterImport
from acra.sources import RegisterFileError, Source, read_header

__all__ = ["FetchReport", "MixedReleaseError", "client_from_settings", "fetch_register"]

logger = logging.getLogger(__name__)

ATTEMPTS = 4  # for one file: expired addresses, cut bodies
ROUNDS = 3  # of fetching, while the publisher replaces a release
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class MixedReleaseError(DataGovSgError):
    """The publisher replaced the release again and again while it was being fetched."""


@dataclass(slots=True)
class FetchReport:
    """What a pull did. ``load`` is empty when there was nothing new."""

    published_at: datetime | None = None
    fetched: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # there already, of the same release
    load: RegisterImport | None = None


def client_from_settings() -> DataGovSg:
    """The client for the service, or for the stand-in that ``DATA_GOV_SG_BASE_URL`` names."""
    base_url = settings.DATA_GOV_SG_BASE_URL or settings.API_URL
    is_stand_in = urlsplit(base_url).hostname in LOOPBACK
    return DataGovSg(
        base_url=base_url,
        api_key=settings.DATA_GOV_SG_API_KEY,
        calls_per_window=0 if is_stand_in else None,
    )


def fetch_register(
    *,
    now: datetime,
    actor: str,
    client: DataGovSg | None = None,
    directory: Path | None = None,
    resource_id: str = "",
    force: bool = False,
    by_rows: bool = False,
    report: Report | None = None,
) -> FetchReport:
    """Fetch what is new and load it.

    One call when nothing is new (``force`` loads all the same); else two calls or more and one
    download per file that is not here yet. ``resource_id`` names a collection, or one dataset
    (``d_...``). ``by_rows`` pages through the rows instead of fetching files: hundreds of times
    more calls. Raises ``DataGovSgError``, ``MixedReleaseError``, and what ``load_register`` raises.
    A failure, and that there was nothing new, are kept as loads with that outcome.
    """
    client = client or client_from_settings()
    resource_id = resource_id or settings.RESOURCE_ID
    directory = directory or settings.DATA_DIR / "register" / resource_id
    try:
        release = _release(client, resource_id)
        done = FetchReport(published_at=release.updated_at)
        if not force and _is_loaded(release):
            RegisterImport.objects.create(
                source=f"data.gov.sg: {release.name}", dataset=resource_id, actor=actor,
                started_at=now, finished_at=timezone.now(), published_at=release.updated_at,
                status=RegisterImport.Status.UNCHANGED,
            )  # fmt: skip
            return done
        directory.mkdir(parents=True, exist_ok=True)
        get = _rows_to_file if by_rows else _fetch_file
        release = _fetch_all(client, release, directory, done=done, get=get, report=report)
    except (DataGovSgError, OSError) as exc:
        RegisterImport.objects.create(
            source="data.gov.sg", dataset=resource_id, actor=actor, started_at=now,
            finished_at=timezone.now(), status=RegisterImport.Status.FAILED, error=str(exc),
        )  # fmt: skip
        raise
    done.load = load_register(
        [directory / f"{dataset.letter}.csv" for dataset in release.datasets],
        now=now, actor=actor, source=f"data.gov.sg: {release.name}", dataset=resource_id,
        published_at=release.updated_at, complete=True, report=report,
    )  # fmt: skip
    return done


def _release(client: DataGovSg, resource_id: str) -> Collection:
    if resource_id.startswith("d_"):
        one = client.dataset(resource_id)
        return Collection(resource_id, one.name, one.updated_at, (one,))
    return client.collection(resource_id)


def _is_loaded(release: Collection) -> bool:
    """Whether the newest finished load was of this very release."""
    done = RegisterImport.objects.filter(
        status=RegisterImport.Status.FINISHED, dataset=release.id, published_at__isnull=False
    )
    last = done.order_by("-pk").values_list("published_at", flat=True).first()
    return last is not None and last == release.updated_at


def _fetch_all(
    client: DataGovSg, release: Collection, directory: Path, *, done: FetchReport,
    get: Callable[[DataGovSg, Dataset, Path], None], report: Report | None,
) -> Collection:  # fmt: skip
    """Fetch all files of one release; begin again with what a new one replaced meanwhile."""
    for _ in range(ROUNDS):
        datasets = sorted(release.datasets, key=lambda one: one.letter)
        for number, dataset in enumerate(datasets, start=1):
            if report:
                report(f"fetching {dataset.letter}", number, len(datasets))
            stamp = {"id": dataset.id, "updated_at": str(dataset.updated_at or release.updated_at)}
            path = directory / f"{dataset.letter}.csv"
            if _has(path, stamp):
                done.kept.append(dataset.letter)
                continue
            path.with_suffix(".json").unlink(missing_ok=True)
            get(client, dataset, path)
            path.with_suffix(".json").write_text(json.dumps(stamp), encoding="utf-8")
            done.fetched.append(dataset.letter)
        again = _release(client, release.id)
        if again.updated_at == release.updated_at:
            return release
        logger.warning("the register was replaced while it was fetched; fetching what is newer")
        release, done.published_at = again, again.updated_at
    raise MixedReleaseError(f"The release changed {ROUNDS} times while it was fetched. Try later.")


def _has(path: Path, stamp: dict[str, str]) -> bool:
    label = path.with_suffix(".json")
    if not path.exists() or not label.exists():
        return False
    return json.loads(label.read_text(encoding="utf-8") or "{}") == stamp


def _fetch_file(client: DataGovSg, dataset: Dataset, path: Path) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            client.save(client.address(dataset.id), path)
            _check_whole(path)
        except ExpiredAddressError:
            if attempt == ATTEMPTS:
                raise
        except (DataGovSgError, RegisterFileError) as exc:
            if attempt == ATTEMPTS or not getattr(exc, "retryable", True):
                raise DataGovSgError(f"File {dataset.letter!r}: {exc}") from exc
            logger.info("file %s, attempt %s: %s", dataset.letter, attempt, exc)
        else:
            return


def _check_whole(path: Path) -> None:
    """A header with the needed columns, and a last row that is not cut."""
    header = read_header(Source(str(path), size=path.stat().st_size))
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 64 * 1024))
        last = file.read().rstrip(b"\r\n").rpartition(b"\n")[2].decode(errors="replace")
    if len(next(csv.reader([last]), [])) != header.columns:
        raise DataGovSgError("The last row is cut.")


def _rows_to_file(client: DataGovSg, dataset: Dataset, path: Path) -> None:
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, PUBLISHED, restval="na", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(client.rows(dataset.id, page_size=settings.PAGE_SIZE))
    part.replace(path)
