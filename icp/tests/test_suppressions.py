"""Suppressions cannot be dodged, lost, or lifted without a trail."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from icp import suppressions
from icp.models import Lead, Suppression
from icp.normalise import NotAValueError, normalise
from icp.suppressions import Kind, SuppressionError, is_suppressed, suppressed_among
from icp.tests.factories import NOW, lift_by_two, make_lead
from tenants.context import in_tenant
from tenants.models import AuditEvent


def suppress(kind, value):
    return suppressions.add(kind, value, reason="asked us to", actor="tests", now=NOW)


@pytest.mark.parametrize(
    ("kind", "text", "normal"),
    [
        ("EMAIL", " Jo.Tan+News@Example.COM.SG ", "jo.tan+news@example.com.sg"),
        ("EMAIL", "mailto:a@x.sg", "a@x.sg"),
        ("EMAIL", "<a@x.sg>", "a@x.sg"),
        ("EMAIL", "a@münchen.de", "a@xn--mnchen-3ya.de"),
        ("EMAIL", "a@x.test", "a@x.test"),
        ("EMAIL", "\uff41@x.sg", "a@x.sg"),
        ("DOMAIN", "https://www.Acme.com.sg/about?x=1", "acme.com.sg"),
        ("DOMAIN", "shop.acme.sg.", "shop.acme.sg"),
        ("DOMAIN", "acme.sg:8080", "acme.sg"),
        ("DOMAIN", "münchen.de", "xn--mnchen-3ya.de"),
        ("UEN", "201912345a", "201912345A"),
        ("UEN", "T19 LL 1234 A", "T19LL1234A"),
        ("UEN", "T23VC0219C", "T23VC0219C"),
        ("PHONE", "6123 4567", "+6561234567"),
        ("PHONE", "+65-9123-4567", "+6591234567"),
        ("PHONE", "tel:+44 20 7946 0958", "+442079460958"),
    ],
)
def test_a_value_has_one_spelling(kind, text, normal):
    assert normalise(kind, text) == normal


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("EMAIL", ""), ("EMAIL", "nobody"), ("EMAIL", "a@"), ("EMAIL", "a b@x.sg"),
        ("EMAIL", "a@x.sg,b@x.sg"), ("EMAIL", "x" * 400 + "@x.sg"), ("EMAIL", "a\n@x.sg"),
        ("DOMAIN", "com.sg"), ("DOMAIN", "sg"), ("DOMAIN", "localhost"), ("DOMAIN", "10.0.0.1"),
        ("DOMAIN", "a@x.sg"), ("DOMAIN", "[::1]"), ("DOMAIN", "x..sg"), ("DOMAIN", "-"),
        ("UEN", "12345"), ("UEN", "S1234567A"), ("PHONE", "12"), ("PHONE", "call me"),
        ("PHONE", "+65 6123 4567 ext"), ("PHONE", "=1+1"),
    ],
)  # fmt: skip
def test_what_is_no_such_value_is_refused_with_a_sentence(kind, text):
    with pytest.raises(NotAValueError, match=r"\.$|characters"):
        normalise(kind, text)


@pytest.mark.parametrize(
    ("kind", "stored", "asked"),
    [
        ("EMAIL", "jo@acme.sg", {"email": "JO@ACME.SG"}),
        ("DOMAIN", "acme.sg", {"email": "jo@acme.sg"}),
        ("DOMAIN", "acme.sg", {"email": "jo@mail.acme.sg"}),
        ("DOMAIN", "acme.sg", {"domain": "https://shop.acme.sg/x"}),
        ("DOMAIN", "shop.acme.sg", {"domain": "a.shop.acme.sg"}),
        ("UEN", "201912345A", {"uen": "201912345a"}),
        ("PHONE", "+6561234567", {"phone": "6123 4567"}),
        ("PHONE", "+6561234567", {"email": "x@y.sg", "phone": "61234567"}),
    ],
)
def test_a_suppressed_value_is_found_in_any_spelling(acme, kind, stored, asked):
    suppress(kind, stored)

    assert is_suppressed(**asked)


@pytest.mark.parametrize(
    ("kind", "stored", "asked"),
    [
        ("EMAIL", "jo@acme.sg", {"email": "jo+news@acme.sg"}),
        ("EMAIL", "jo@acme.sg", {"domain": "acme.sg"}),
        ("DOMAIN", "shop.acme.sg", {"domain": "acme.sg"}),
        ("DOMAIN", "acme.sg", {"domain": "notacme.sg"}),
        ("DOMAIN", "acme.sg", {"email": "acme.sg@other.sg"}),
        ("PHONE", "+6561234567", {"phone": "61234568"}),
        ("UEN", "201912345A", {"uen": ""}),
    ],
)
def test_nobody_else_is_suppressed_by_it(acme, kind, stored, asked):
    suppress(kind, stored)

    assert not is_suppressed(**asked)


def test_many_values_are_asked_with_one_query(acme, django_assert_num_queries):
    suppress("EMAIL", "a@x.sg")
    suppress("DOMAIN", "y.sg")

    with django_assert_num_queries(1):
        found = suppressed_among(Kind.EMAIL, ["A@x.sg", "b@x.sg", "c@mail.y.sg", "", "odd"])

    assert found == {"A@x.sg", "c@mail.y.sg"}


def test_what_is_left_of_an_erased_person_still_suppresses(acme):
    suppression, _ = suppress("EMAIL", "jo@acme.sg")
    Suppression.objects.filter(pk=suppression.pk).update(value="")

    assert is_suppressed(email="jo@acme.sg")


def test_the_hash_is_keyed_by_the_last_of_the_field_keys(acme, settings):
    suppress("EMAIL", "jo@acme.sg")

    settings.FIELD_KEYS = ["a fresh key", *settings.FIELD_KEYS]
    assert is_suppressed(email="jo@acme.sg")

    settings.FIELD_KEYS = ["a fresh key"]
    assert not is_suppressed(email="jo@acme.sg")


def test_a_company_is_never_erased_to_a_hash(acme):
    suppression, _ = suppress("UEN", "201912345A")

    with (
        pytest.raises(IntegrityError, match="suppression_uen_is_never_erased"),
        transaction.atomic(),
    ):
        Suppression.objects.filter(pk=suppression.pk).update(value="")


def test_adding_twice_changes_nothing(acme):
    first, is_new = suppress("EMAIL", "jo@acme.sg")
    again, is_new_again = suppress("EMAIL", "JO@acme.sg")

    assert (first, is_new, is_new_again) == (again, True, False)


def test_the_database_holds_one_standing_row_per_value(acme):
    suppression, _ = suppress("EMAIL", "jo@acme.sg")
    suppression.pk = None

    with pytest.raises(IntegrityError, match="suppression_once_per_value"), transaction.atomic():
        suppression.save(force_insert=True)


def test_lifting_takes_a_reason_and_leaves_the_row(acme):
    suppression, _ = suppress("EMAIL", "jo@acme.sg")
    with pytest.raises(SuppressionError, match="Say why"):
        suppressions.lift(suppression, reason=" ", actor="owner")

    assert not suppressions.lift(suppression, reason="wrote to us again", actor="olga", now=NOW)
    assert suppressions.lift(suppression, reason="I read it", actor="omar", now=NOW)

    assert not is_suppressed(email="jo@acme.sg")
    assert (suppression.lift_asked_by, suppression.lift_asked_reason) == (
        "olga", "wrote to us again"
    )  # fmt: skip
    assert (suppression.lifted_by, suppression.lift_reason) == ("omar", "I read it")
    with pytest.raises(SuppressionError, match="lifted already"):
        suppressions.lift(suppression, reason="again", actor="olga")


def test_one_person_alone_lifts_nothing_however_often_they_ask(acme):
    suppression, _ = suppress("EMAIL", "jo@acme.sg")
    suppressions.lift(suppression, reason="a mistake", actor="olga")

    with pytest.raises(SuppressionError, match="somebody else has to confirm"):
        suppressions.lift(suppression, reason="a mistake", actor="olga")

    assert suppressions.lift_all([suppression.pk], reason="x", actor="olga") == (0, 0)
    assert is_suppressed(email="jo@acme.sg")


def test_many_are_lifted_where_somebody_else_has_asked_and_asked_for_elsewhere(acme):
    rows = [suppress("EMAIL", f"{name}@acme.sg")[0].pk for name in ("a", "b", "c")]
    suppressions.lift_all(rows[:1], reason="a mistake", actor="olga")

    assert suppressions.lift_all(rows, reason="a mistake", actor="omar") == (1, 2)
    assert not is_suppressed(email="a@acme.sg")
    assert is_suppressed(email="b@acme.sg")


def test_the_tenant_role_cannot_delete_a_suppression(acme):
    suppress("EMAIL", "jo@acme.sg")

    with (
        pytest.raises(Exception, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM icp_suppression")


def test_a_lifted_value_can_be_suppressed_again(acme):
    suppression, _ = suppress("EMAIL", "jo@acme.sg")
    lift_by_two(suppression)

    _, is_new = suppress("EMAIL", "jo@acme.sg")

    assert is_new
    assert Suppression.objects.count() == 2


def test_no_audit_event_holds_the_address(acme):
    suppression, _ = suppress("EMAIL", "jo.secret@acme.sg")
    lift_by_two(suppression)

    events = AuditEvent.objects.filter(action__startswith="icp.suppression")
    assert events.count() == 3
    assert "jo.secret" not in str(list(events.values()))


@pytest.mark.parametrize(
    ("kind", "value"),
    [("UEN", "201912345A"), ("DOMAIN", "acme.sg"), ("PHONE", "61234567")],
)
@pytest.mark.parametrize("stage", ["CANDIDATE", "ENRICHED", "SHORTLISTED", "NEEDS_OPERATOR"])
def test_leads_are_rejected_at_once(acme, kind, value, stage):
    hit = make_lead(
        uen="201912345A", stage=stage,
        facts={"website": {"value": "https://www.acme.sg/"}, "phone": {"value": "+6561234567"}},
    )  # fmt: skip
    other = make_lead(website="https://notacme.sg", stage=stage)

    suppress(kind, value)

    hit.refresh_from_db()
    other.refresh_from_db()
    assert (hit.stage, hit.rejection_code) == ("REJECTED", "suppressed")
    assert other.stage == stage


def test_a_worker_loses_the_lead_that_is_suppressed_under_its_hands(acme):
    make_lead(uen="201912345A")
    [held] = Lead.objects.claim(1, lease=timedelta(minutes=5))

    suppress("UEN", "201912345A")

    assert held.move_to(Lead.Stage.ENRICHED) is False


def test_apps_above_are_told_of_new_suppressions(acme, monkeypatch):
    told = []
    monkeypatch.setattr(suppressions, "WHEN_SUPPRESSED", [told.extend])

    suppression, _ = suppress("EMAIL", "jo@acme.sg")
    suppress("EMAIL", "jo@acme.sg")

    assert told == [suppression]


def test_another_tenant_is_not_affected(acme):
    suppress("EMAIL", "jo@acme.sg")

    with in_tenant("beta"):
        assert not is_suppressed(email="jo@acme.sg")
        assert suppress("EMAIL", "jo@acme.sg")[1]


def test_whatever_is_added_and_imported_the_suppressed_only_grow(acme):
    """Any sequence of additions, imports, selections and merges leaves a superset."""
    from icp.imports import confirm_import, preview_import

    chance = random.Random(7)
    values = [f"p{number}@x{number % 5}.sg" for number in range(20)]
    standing: set[str] = set()
    for _ in range(25):
        picked = chance.sample(values, 3)
        if chance.random() < 0.5:
            for value in picked:
                suppress("EMAIL", value)
        else:
            content = "\n".join(["email", *picked, "not an address"]).encode()
            upload = preview_import(content, file_name="x.csv", reason="list", actor="tests")
            confirm_import(upload, actor="tests")
        suppressions.leads_now_suppressed()
        now = suppressed_among(Kind.EMAIL, values)
        assert now >= standing | set(picked)
        standing = now
    assert standing == set(values)
