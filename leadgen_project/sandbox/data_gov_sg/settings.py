"""The switches of the data.gov.sg stand-in (``contracts/data-gov-sg.md``, section 7)."""

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Literal

from leadgen_project.sandbox.data_gov_sg.files import Headers

Endpoint = Literal["collection", "catalog", "initiate", "poll", "file", "search", "rows", "unknown"]
Tier = Literal["none", "development", "production"]

_spending = Lock()


@dataclass(slots=True)
class DataGovSgSettings:
    """The switches of the stand-in. Everything may be changed between two calls.

    ``*_next`` count down with each call they spoil. ``*_letters`` name files by their letter
    (``A`` .. ``Z``, ``Others``); ``None`` means all.
    """

    # limits; off by default so that tests need not wait for a window of ten seconds
    enforce_limits: bool = False
    window_seconds: float = 10.0
    tiers: dict[str, Tier] = field(default_factory=dict)
    # whole files
    polls_before_url: int = 2
    url_in_initiate: bool = False
    initiate_status: int = 201
    initiate_code: int = 0
    link_life_seconds: float = 60.0
    allow_ranges: bool = False
    chunked: bool = False
    cut_after_bytes: int | None = None
    cut_letters: frozenset[str] | None = None
    cut_next: int | None = None  # how many downloads are cut; None = all
    # trouble: the next ``fail_next`` calls to ``fail_endpoints`` answer ``fail_status``
    fail_next: int = 0
    fail_status: int = 503
    fail_endpoints: frozenset[str] = frozenset({"initiate", "poll", "file"})
    html_next: int = 0  # calls that answer 200 with an HTML error page
    html_endpoints: frozenset[str] = frozenset({"file"})
    hang_next: int = 0
    hang_seconds: float = 5.0
    hang_endpoints: frozenset[str] = frozenset({"file"})
    # the list of datasets
    order_seed: int = 1
    missing_letters: frozenset[str] = frozenset()
    changed_id_letters: frozenset[str] = frozenset()
    unlabelled_letters: frozenset[str] = frozenset()
    last_updated_at: str = "2026-09-14T14:07:42+08:00"
    # drift of the header and form of the file
    headers: Headers = field(default_factory=Headers)
    # a newer release replaces the folder after so many files were downloaded
    next_folder: Path | None = None
    next_last_updated_at: str = "2026-10-14T14:07:42+08:00"
    swap_after_files: int = 0
    # datastore_search
    search_maximum_limit: int = 10_000

    def spend(self, what: Literal["hang_next", "fail_next", "html_next", "cut_next"]) -> bool:
        """Use one of the calls to be spoiled; say whether one was left."""
        with _spending:
            left = getattr(self, what) or 0
            if left:
                setattr(self, what, left - 1)
            return bool(left)


@dataclass(frozen=True, slots=True)
class Call:
    """One call received. ``at`` is ``time.monotonic()``; ``letter`` is the file, if known."""

    endpoint: Endpoint
    at: float
    letter: str
    had_key: bool
    status: int
