"""PROMISES N12: nothing but a lift with a reason makes the suppressed set smaller.

Random sequences of all that touches suppressions, against a model that remembers which doors have
asked for which value and not taken it back.
"""

from __future__ import annotations

from collections import defaultdict

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from enrichment.evidence.add_statements import add_statements
from enrichment.evidence.statements import Statement
from enrichment.models import Contact
from enrichment.verification.judge_contacts import judge_contacts
from icp import suppressions
from icp.imports import confirm_import, preview_import, undo_import
from icp.models import Lead, PersonRequest, Suppression, SuppressionImport
from icp.suppressions import Kind, suppressed_among
from icp.tests.factories import lift_by_two
from icp.uploads import discard
from leadgen_project.persons.erase import erase
from leadgen_project.persons.identify import Asked
from leadgen_project.persons.requests import take_down
from outreach.tests.factories import make_link, make_message
from outreach.unsubscribe import Door, unsubscribe
from outreach.wording import way_out
from tenants.context import current_schema, in_tenant
from tenants.lifecycle.take_in import take_in
from tenants.lifecycle.take_out import take_out
from tenants.models import Tenant

VALUES = [f"p{number}@kaya{number % 2}.example" for number in range(5)]
VALUE = st.sampled_from(VALUES)
SOME = st.lists(VALUE, min_size=1, max_size=3)
STEP = st.one_of(
    st.tuples(st.sampled_from(["add", "erase", "unsubscribe", "lift", "crawl"]), VALUE),
    st.tuples(st.sampled_from(["import", "preview"]), SOME),
    st.tuples(st.sampled_from(["undo", "discard", "judge", "reject"]), st.integers(0, 3)),
)


class World:
    """One tenant, and the doors that have asked for each value and not taken it back."""

    def __init__(self) -> None:
        self.doors: dict[str, set[str]] = defaultdict(set)
        self.messages = {}
        for value in VALUES:
            lead = Lead.objects.create(source_ref=value, name=value)
            contact = Contact.objects.create(lead=lead, kind="PERSON", name="", email=value)
            self.messages[value] = make_message(contact=contact, lead_data={"x": value})
            make_link(self.messages[value])

    def add(self, value: str) -> None:
        suppressions.add("EMAIL", value.upper(), reason="asked", actor="olga")
        self.doors[value].add("console")

    def erase(self, value: str) -> None:
        request = take_down(
            Asked(email=value), kind=PersonRequest.Kind.ERASURE,
            received_on=timezone.localdate(), actor="olga", now=timezone.now(),
        )  # fmt: skip
        erase(request, reason="asked", actor="olga", now=timezone.now())
        self.doors[value].add("erasure")

    def unsubscribe(self, value: str) -> None:
        token = way_out.token_of(self.messages[value])
        assert unsubscribe(token, door=Door.ONE_CLICK, now=timezone.now())
        self.doors[value].add("unsubscribe")

    def lift(self, value: str) -> None:
        standing = Suppression.objects.filter(value_hash=suppressions.hash_of("EMAIL", value))
        ids = list(standing.filter(lifted_at=None).values_list("pk", flat=True))
        suppressions.lift_all(ids, reason="wrote", actor="olga")
        if suppressions.lift_all(ids, reason="read it", actor="omar").lifted:
            self.doors[value].clear()

    def crawl(self, value: str) -> None:
        """Another page or provider says the address again: contacts are merged."""
        lead = Lead.objects.get(source_ref=value)
        said = Statement("emails", value, "PAGE", "https://x.example", "t", 1, 1.0, quote=value)
        add_statements(lead, [said], run_id=None, now=timezone.now())

    def preview(self, values: list[str]) -> SuppressionImport:
        content = "\n".join(["email", *values]).encode()
        return preview_import(content, file_name="x.csv", reason="list", actor="olga")

    def do_import(self, values: list[str]) -> None:
        upload = self.preview(values)
        confirm_import(upload, actor="olga")
        for value in values:
            self.doors[value].add(upload.source)

    def undo(self, number: int) -> None:
        done = SuppressionImport.objects.filter(status="IMPORTED").order_by("pk")
        for upload in done[number : number + 1]:
            undo_import(upload, reason="wrong list", actor="olga")
            for doors in self.doors.values():
                doors.discard(upload.source)

    def discard(self, number: int) -> None:
        for upload in SuppressionImport.objects.filter(status="PREVIEWED")[:1]:
            discard(upload, actor="olga")

    def judge(self, number: int) -> None:
        judge_contacts(Contact.objects.all())

    def reject(self, number: int) -> None:
        suppressions.leads_now_suppressed()

    def step(self, name: str, given: object) -> None:
        getattr(self, {"import": "do_import"}.get(name, name))(given)
        wanted = {value for value, doors in self.doors.items() if doors}
        assert suppressed_among(Kind.EMAIL, VALUES) == wanted, (name, given)
        free = Contact.objects.filter(is_mailable=True).values_list("email", flat=True)
        assert not wanted.intersection(free), (name, given)


@settings(
    max_examples=15, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(st.lists(STEP, min_size=2, max_size=9))
@example([("import", VALUES[:1]), ("unsubscribe", VALUES[0]), ("undo", 0)])
@example([("import", VALUES[:2]), ("import", VALUES[:1]), ("undo", 0), ("undo", 0)])
@example([("import", VALUES[:1]), ("erase", VALUES[0]), ("undo", 0), ("crawl", VALUES[0])])
@example([("erase", VALUES[0]), ("lift", VALUES[0]), ("unsubscribe", VALUES[0])])
@example([("preview", VALUES[:2]), ("erase", VALUES[0]), ("discard", 0), ("judge", 0)])
def test_only_a_lift_with_a_reason_makes_the_suppressed_fewer(acme, steps):
    with transaction.atomic():
        world = World()
        for name, given_to_it in steps:
            world.step(name, given_to_it)
        transaction.set_rollback(True)


def test_a_tenant_taken_out_and_in_suppresses_whom_it_did(committed, tmp_path):
    acme = Tenant.objects.get(pk="acme")
    with in_tenant("acme"):
        suppressions.add("EMAIL", "a@x.sg", reason="asked", actor="olga")
        kept, _ = suppressions.add("EMAIL", "b@x.sg", reason="asked", actor="olga")
        suppressions.add("EMAIL", "b@x.sg", reason="again", actor="olga", source="unsubscribe")
        Suppression.objects.filter(pk=kept.pk).update(value="")
        gone, _ = suppressions.add("EMAIL", "c@x.sg", reason="asked", actor="olga")
        lift_by_two(gone)
        suppressions.add("PERSON", "201512345K Mei Tan", reason="asked", actor="olga")
    take_out(acme, tmp_path / "acme.zip", now=timezone.now())
    with in_tenant("acme"):
        suppressions.add("EMAIL", "later@x.sg", reason="asked", actor="olga")

    take_in(tmp_path / "acme.zip", actor="olga", key="gamma", name="Gamma")

    asked = [f"{name}@x.sg" for name in ("a", "b", "c", "later")]
    with in_tenant("gamma"):
        assert current_schema() == "gamma"
        assert suppressed_among(Kind.EMAIL, asked) == {"a@x.sg", "b@x.sg"}
        assert suppressed_among(Kind.PERSON, ["201512345k mei tan"])
        with pytest.raises(Exception, match="permission denied"), transaction.atomic():
            Suppression.objects.all()._raw_delete("default")
    with in_tenant("acme"):
        assert suppressed_among(Kind.EMAIL, asked) == {"a@x.sg", "b@x.sg", "later@x.sg"}
