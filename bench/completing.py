"""What the language model and the providers add: fields filled, and how many of them are true.

Two nights over the same made-up web, traps included, whose truth is known: by rules alone, and with
all four vendors. A field may not become less true for being filled more often. The vendors are the
sandbox's stand-ins: the model's reads by simple rules, so its figures say what our checks let
through, not how well a model reads. ``python -m bench.completing --lower-floor`` writes the
measured figures as floors.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.extraction import Score, read_sites
from bench.floors import floors_of, keep
from bench.result import Result

SEED = 20_261_122
COUNT = int(os.environ.get("BENCH_COMPANIES", "160"))
FIELDS = {"website": "website", "phones": "phone", "emails": "email", "people": "person",
          "founded_year": "founded_year", "headcount": "headcount"}  # fmt: skip
LEAST_ADDED = 1.05
MOST_CHARACTERS = 60_000  # of a site, as the settings have it
Scores = dict[str, Score]


def measure() -> list[Result]:
    """Shares found and true with vendors, against their floors and against rules alone."""
    without, with_all = nights()
    known, completed = _hits(without), _hits(with_all)
    by_rule, with_model = pages()
    return [
        *_against("night_with_vendors", without, with_all),
        Result("completing: true values of a night with vendors / by rules alone",
               completed / known, limit=LEAST_ADDED, at_least=True,
               note=f"{known}, {completed}"),
        *_against("pages_with_model", by_rule, with_model),
    ]  # fmt: skip


def _hits(scores: Scores) -> int:
    return sum(score.hits for score in scores.values())


def nights() -> tuple[Scores, Scores]:
    """What was known after a night by rules alone, and after one with all vendors."""
    from django.test import override_settings

    from bench.scratch import scratch_database
    from leadgen_project.sandbox.server import Sandbox
    from leadgen_project.sandbox.vendors.catalogue import VENDORS

    with (
        Sandbox(seed=SEED, count=COUNT, slow_seconds=0.5, vendors=VENDORS) as sandbox,
        scratch_database(tenants=2) as keys,
        override_settings(**_settings(sandbox)),
    ):
        _load_register()
        plain = _night(keys[0], sandbox, vendors=False)
        return plain, _night(keys[1], sandbox, vendors=True)


def pages() -> tuple[Scores, Scores]:
    """Labelled real sites and made-up ones read by rule, and with what the model adds to it.

    No night: the stand-in reads what the model would be shown, and its answer is vouched for as
    usual. Nothing is counted where the sites are not there.
    """
    by_rule, with_model = _scores(), _scores()
    for name, truth_of in (("sites", _labels), ("madeup", _made_up)):
        for site, documents in read_sites(name):
            if not (true := truth_of(site)):
                continue
            rule = _by_rule(documents)
            said = _by_model(documents, rule)
            for field, values in true.items():
                by_rule[field].add(rule[field], values, where=site["host"])
                with_model[field].add(rule[field] | said[field], values, where=site["host"])
    return by_rule, with_model


def _labels(site: dict[str, Any]) -> dict[str, set[str]]:
    """Of real sites: addresses seen by pattern, and names marked by people."""
    seen = [page for page in site["pages"] if page.get("annotated")]
    if not seen or len(seen) < len(site["pages"]):
        return {}
    return {"person": {who for page in seen for who in page["entities"].get("PER", ())}}


def _made_up(site: dict[str, Any]) -> dict[str, set[str]]:
    truth = site["truth"]
    return {
        "founded_year": {str(truth["founded"])}, "headcount": {str(truth["headcount"])},
        "person": {one["name"] for one in truth["people"]}, "phone": set(truth["phones"]),
        "email": {*truth["emails"], truth["dpo_email"]},
    }  # fmt: skip


def _by_rule(documents: list[Any]) -> dict[str, set[str]]:
    from enrichment.extract import extract

    seen = extract(documents)
    return {name: {one.value for one in seen if one.field == field}
            for field, name in FIELDS.items()}  # fmt: skip


def _by_model(documents: list[Any], rule: Mapping[str, set[str]]) -> dict[str, set[str]]:
    from enrichment.by_model.corpus import corpus_of
    from enrichment.by_model.reading_prompt import Reading
    from enrichment.by_model.vouch import OfRule, vouch
    from leadgen_project.sandbox.vendors.language_model_answers import Asked, Mode, answer_to
    from tenants.language_model.llm_schema import read_answer

    corpus = corpus_of(documents, limit=MOST_CHARACTERS, sees_contacts=True)
    answer, _ = answer_to(Asked("read", {}, "", corpus.text), mode=Mode.HONEST, number=1)
    known = OfRule(addresses=rule["email"], numbers=sorted(rule["phone"]))
    said = vouch(read_answer(answer, Reading), corpus=corpus, of_rule=known).statements
    return {name: {one.value for one in said if one.field == field}
            for field, name in FIELDS.items()}  # fmt: skip


# --- nights --------------------------------------------------------------------------------------
def _settings(sandbox: Any) -> dict[str, Any]:
    """What leads crawls and calls into the sandbox, as quickly as it answers."""
    from django.conf import settings

    from leadgen_project.processes import SANDBOX_SUFFIXES
    from tenants.permits import Vendor

    told = sandbox.environment
    names = {vendor: "OPENAI" if vendor is Vendor.LLM else vendor.value for vendor in Vendor}
    return {
        **{name: value for name, value in told.items() if name.endswith("_BASE_URL")},
        "CRAWL_PROXY": sandbox.proxy_url, "CRAWL_GUESS_SUFFIXES": SANDBOX_SUFFIXES.split(","),
        "CRAWL_DELAY_SECONDS": 0, "DNS_SERVERS": [told["DNS_SERVERS"]],
        "VENDOR_KEYS": {vendor: told[f"{name}_API_KEY"] for vendor, name in names.items()},
        "VENDOR_RATES": dict.fromkeys(settings.VENDOR_RATES, (10_000, 1)),
    }  # fmt: skip


def _load_register() -> None:
    from django.utils import timezone

    from acra.load import load_register
    from leadgen_project.sandbox.register import write_split

    with tempfile.TemporaryDirectory() as folder:
        write_split(Path(folder), seed=SEED, count=COUNT)
        files = sorted(Path(folder).glob("*.csv"))
        load_register(files, source="Sandbox", now=timezone.now(), actor="bench")


def _night(key: str, sandbox: Any, *, vendors: bool) -> Scores:
    """A night of the tenant, and what is known of its leads afterwards against the truth."""
    from django.test import override_settings
    from django.utils import timezone

    from icp.save_rule import save_rule
    from leadgen_project import pipeline
    from tenants.context import in_tenant
    from tenants.models import Tenant
    from tenants.permits import Vendor

    quiet = {} if vendors else {"VENDOR_KEYS": dict.fromkeys(Vendor, "")}
    with in_tenant(key), override_settings(**quiet):
        save_rule("default", {"status": ["live"]}, actor="bench")
        run = pipeline.start_night(Tenant.objects.get(pk=key), started_by="bench",
                                   now=timezone.now())  # fmt: skip
        while pipeline.step(run):
            pass
        return _known(sandbox)


def _known(sandbox: Any) -> Scores:
    from enrichment.models import Evidence
    from icp.models import Lead

    known: dict[str, dict[str, set[str]]] = {}
    standing = Evidence.objects.filter(superseded_at=None, field__in=FIELDS)
    for uen, field, value in standing.values_list("lead__uen", "field", "value"):
        name = FIELDS[field]
        said = (urlsplit(value).hostname or "").removeprefix("www.") if name == "website" else value
        known.setdefault(uen, {}).setdefault(name, set()).add(said)
    leads = set(Lead.objects.values_list("uen", flat=True))
    scores = _scores()
    for company in sandbox.companies:
        if company.uen not in leads:
            continue
        for name, (true, neither) in _truth(company).items():
            found = known.get(company.uen, {}).get(name, set()) - neither
            scores[name].add(found, true, where=f"{company.host} ({company.trap})")
    return scores


def _truth(company: Any) -> dict[str, tuple[set[str], set[str]]]:
    """Field -> what is true of the company, and what counts neither way.

    A provider's people are true: they exist, though no page names them.
    """
    from leadgen_project.sandbox.vendors.lusha import people_at

    bought = people_at(company) if company.host else []
    addresses = {address for one in bought for address, _, _ in one.emails}
    names = {f"{one.first_name} {one.last_name}" for one in bought}
    numbers = {number for one in bought for number, _, _ in one.phones}
    # Its own as well, but none a reader must find: some are written as only a person can read them.
    unexpected = {company.dpo_email, company.role_email} - set(company.emails)
    shown = {one.name for one in company.people}
    own = {company.own_host} - {""}
    return {
        "website": (own, set()),
        "phone": (set(company.phones), {company.fax, *numbers}),
        "email": (set(company.emails) | addresses, unexpected),
        "person": (shown | names, set()),
        "founded_year": ({str(company.founded)} if company.founded else set(), set()),
        "headcount": ({str(company.head_count)} if company.head_count else set(), set()),
    }


# --- figures -------------------------------------------------------------------------------------
def _scores() -> Scores:
    return {name: Score() for name in FIELDS.values()}


def _figures(scores: Scores) -> dict[str, float]:
    counted = {name: score for name, score in scores.items() if score.true}
    return {
        **{f"{name}_precision": score.precision for name, score in counted.items()},
        **{f"{name}_recall": score.recall for name, score in counted.items()},
    }


def _against(group: str, before: Scores, after: Scores) -> list[Result]:
    """Shares against their floors, and that nothing is less true or less filled than before."""
    floors = floors_of(group)
    results = [
        Result(f"completing: {group} {name}", value, floors.get(name), at_least=True)
        for name, value in _figures(after).items()
    ]
    for name in FIELDS.values():
        for share in ("precision", "recall"):
            was, is_now = getattr(before[name], share), getattr(after[name], share)
            if before[name].true:
                results.append(
                    Result(f"completing: {group} {name} {share}, more than by rules alone",
                           is_now - was, limit=0, at_least=True, note=f"{was:.3f}, {is_now:.3f}")
                )  # fmt: skip
    return results


def lower_floors() -> None:
    """Write the measured figures as floors, rounded down to a thousandth."""
    keep({"night_with_vendors": _figures(nights()[1]), "pages_with_model": _figures(pages()[1])})


if __name__ == "__main__":
    from bench.__main__ import set_up

    set_up()
    lower_floors() if sys.argv[1:] == ["--lower-floor"] else sys.exit("Say --lower-floor.")
