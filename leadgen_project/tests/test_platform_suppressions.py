"""What the platform forbids, no tenant does; none of them can read whom that is."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, transaction
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from enrichment.models import Contact
from icp import suppressions
from icp.explain import explain
from icp.models import FileRecall, Lead, Suppression
from icp.normalise import NotAValueError
from icp.platform_suppressions import allow, forbid
from icp.suppressions import PLATFORM, SuppressionError, is_suppressed, suppressed_among
from icp.taken_out import keep
from leadgen_project.heed_platform import heed, let_go_of_platform
from leadgen_project.tests.console_data import make_people
from leadgen_project.tests.test_console_isolation import sign_in
from outreach.sending.claim import claim
from outreach.sending.send import send
from outreach.tests.factories import make_contact, make_mailbox, make_message, make_policy
from outreach.tests.post_office import PostOffice
from scoring.withhold import withheld
from tenants.context import in_public, in_tenant
from tenants.lifecycle.provision import create_tenant
from tenants.models import AuditEvent, Tenant
from tenants.platform_models import PlatformSuppression

LIST = "tenants_platformsuppression"
ADDRESS = "mei@kaya.example"


def forbid_all(*values: str) -> int:
    with in_public():
        return forbid([("EMAIL" if "@" in each else "DOMAIN", each) for each in values],
                      reason="letter of a lawyer", actor="root")  # fmt: skip


def lift(value_hash: str) -> None:
    with in_public():
        row = PlatformSuppression.objects.get(value_hash=value_hash, lifted_at=None)
        for who in ("root", "second"):
            allow(row, reason="withdrawn", actor=who)


def test_one_tenants_suppression_is_its_own_and_the_platforms_is_everybodys(db):
    with in_public():
        create_tenant("gamma", name="Gamma", actor="tests")
    three = ("acme", "beta", "gamma")
    with in_tenant("acme"):
        suppressions.add("EMAIL", ADDRESS, reason="asked us", actor="tests")
    forbid_all("jo@ming.example", "shut.example")

    said = {}
    for tenant in three:
        with in_tenant(tenant):
            said[tenant] = suppressed_among(
                "EMAIL", [ADDRESS, "JO@ming.example", "a@b.shut.example", "ok@ming.example"]
            )

    assert said["acme"] == {ADDRESS, "JO@ming.example", "a@b.shut.example"}
    assert said["beta"] == said["gamma"] == {"JO@ming.example", "a@b.shut.example"}


@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT * FROM public.{LIST}",
        f"SELECT count(*) FROM public.{LIST}",
        f"INSERT INTO public.{LIST} (kind) VALUES ('EMAIL')",
        f"DELETE FROM public.{LIST}",
    ],
)
def test_a_tenant_asks_the_list_and_cannot_read_or_change_it(db, statement):
    forbid_all(ADDRESS)

    with in_tenant("acme"):
        assert is_suppressed(email=ADDRESS)
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_nobody_deletes_a_row_of_the_list(db):
    forbid_all(ADDRESS)

    with (
        in_public(),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
    ):
        PlatformSuppression.objects.all().delete()


def test_the_list_keeps_no_address_and_says_who_added_it_and_why(db):
    assert forbid_all(ADDRESS, "shut.example") == 2
    assert forbid_all(ADDRESS) == 0

    with in_public():
        rows = list(PlatformSuppression.objects.order_by("kind").values_list())
        events = AuditEvent.objects.filter(
            action="icp.platform_suppression.add", reason="letter of a lawyer"
        )
        assert events.count() == 2
        assert ADDRESS not in str([rows, *events.values_list("before", "after", "subject")])
        hints = PlatformSuppression.objects.order_by("kind").values_list("hint", flat=True)
        assert list(hints) == ["shut.example", "m…@kaya.example"]


def test_what_is_no_address_or_has_no_reason_is_refused_whole(db):
    with in_public():
        with pytest.raises(NotAValueError):
            forbid([("EMAIL", ADDRESS), ("DOMAIN", "com.sg")], reason="r", actor="root")
        with pytest.raises(SuppressionError):
            forbid([("EMAIL", ADDRESS)], reason=" ", actor="root")
        assert not PlatformSuppression.objects.filter(hint="m…@kaya.example").exists()


def test_it_takes_two_admins_to_lift_and_the_row_stays(db):
    forbid_all(ADDRESS)
    with in_public():
        row = PlatformSuppression.objects.get(hint="m…@kaya.example")
        assert allow(row, reason="withdrawn", actor="root") is False
        with pytest.raises(SuppressionError, match="somebody else"):
            allow(row, reason="withdrawn", actor="root")
        with in_tenant("acme"):
            assert is_suppressed(email=ADDRESS)

        assert allow(row, reason="withdrawn", actor="second") is True
        with pytest.raises(SuppressionError, match="already"):
            allow(row, reason="withdrawn", actor="third")

        row.refresh_from_db()
        assert (row.lift_asked_by, row.lifted_by) == ("root", "second")
    with in_tenant("acme"):
        assert not is_suppressed(email=ADDRESS)


def test_mail_already_claimed_does_not_go_out(acme):
    make_policy()
    mailbox, office = make_mailbox(), PostOffice()
    message = make_message(mailbox=mailbox)
    claimed = claim(mailbox.pk)
    forbid_all(message.recipient)

    assert send(claimed, transport=office) == "REFUSED"

    message.refresh_from_db()
    assert office.sent == []
    assert (message.code, message.sentence) == (
        "suppressed", "Suppressed: The platform lets nobody write there.",
    )  # fmt: skip


def test_the_gate_refuses_what_is_claimed_later(acme):
    make_policy()
    mailbox = make_mailbox()
    message = make_message(mailbox=mailbox)
    forbid_all("kaya.example")

    assert claim(mailbox.pk) is None

    message.refresh_from_db()
    assert (message.status, message.code) == ("REFUSED", "suppressed")


def test_a_lead_of_a_forbidden_domain_is_withheld_and_says_why(acme):
    contact = make_contact(verdict="DELIVERABLE")
    other = Lead.objects.create(source_ref="o", name="OTHER", website="https://www.shut.example/x")
    assert withheld([contact.lead_id, other.pk]) == set()
    forbid_all(contact.email, "shut.example")

    assert withheld([contact.lead_id, other.pk]) == {contact.lead_id, other.pk}
    (reason,) = explain("OTHER", now=timezone.now(), later=())
    assert reason.sentence == "The platform lets nobody write there."


def test_what_a_tenant_has_in_hand_is_taken_out_of_use(acme):
    message, free = make_message(), make_message()
    lead = Lead.objects.create(source_ref="s", name="SHUT", website="https://shut.example")
    gone = suppressions.hashes_of("EMAIL", "gone@elsewhere.example")
    file = keep(gone, title="t", file_name="f.csv", query="", rows=1, sha256="0", actor="olga")
    forbid_all(message.recipient, "shut.example", "gone@elsewhere.example", "not@held.example")

    assert (heed(), heed()) == (3, 3)

    message.refresh_from_db()
    free.refresh_from_db()
    assert (message.status, free.status) == ("CANCELLED", "QUEUED")
    assert not Contact.objects.get(pk=message.contact_id).is_mailable
    assert Lead.objects.get(pk=lead.pk).rejection_code == "suppressed"
    assert FileRecall.objects.filter(taken_out=file).count() == 1
    rows = Suppression.objects.filter(source=PLATFORM)
    assert {row.value for row in rows} == {message.recipient, "shut.example", ""}


def test_a_tenant_cannot_lift_what_the_platform_forbids(acme):
    message = make_message()
    forbid_all(message.recipient)
    heed()
    row = Suppression.objects.get(source=PLATFORM)

    with pytest.raises(SuppressionError, match="platform admin"):
        suppressions.lift(row, reason="we want to", actor="olga")
    assert not any(suppressions.lift_all([row.pk], reason="we want to", actor="olga"))


def test_what_is_lifted_is_free_again_unless_the_tenant_forbids_it_too(acme):
    first, second = make_message(), make_message()
    suppressions.add("EMAIL", second.recipient, reason="asked us", actor="tests")
    forbid_all(first.recipient, second.recipient)
    heed()
    for message in (first, second):
        let_go_of_platform(value_hash=message.recipient_hash)
        assert is_suppressed(email=message.recipient), "it stands with the platform"

    for message in (first, second):
        lift(message.recipient_hash)
        let_go_of_platform(value_hash=message.recipient_hash)

    assert not is_suppressed(email=first.recipient)
    assert is_suppressed(email=second.recipient)


def test_all_tenants_are_told(db):
    with in_public():
        before, tenants = OrmQ.objects.count(), Tenant.objects.filter(is_active=True).count()
    forbid_all(ADDRESS)

    with in_public():
        assert OrmQ.objects.count() == before + tenants


# --- pages --------------------------------------------------------------------------------------
def test_a_platform_admin_adds_finds_and_asks_to_lift(db):
    make_people()
    root = sign_in("root", None)
    sent = {"values": f"{ADDRESS}\nshut.example", "_reason": "a letter"}
    added = root.post(reverse("admin:tenants_platformsuppression_add"), sent, follow=True)
    found = root.get(reverse("admin:tenants_platformsuppression_changelist"), {"q": ADDRESS})
    row = PlatformSuppression.objects.get(hint="m…@kaya.example")
    page = root.get(reverse("admin:tenants_platformsuppression_change", args=[row.pk]))
    asked = root.post(reverse("admin:tenants_platform_lift", args=[row.pk]),
                      {"_reason": "withdrawn"}, follow=True)  # fmt: skip

    assert "Forbidden to all tenants: 2 new." in added.content.decode()
    assert "m…@kaya.example" in found.content.decode()
    assert "shut.example" not in found.content.decode()
    assert "a letter" in page.content.decode()
    assert "A second admin confirms it." in asked.content.decode()


def test_a_line_that_is_nothing_forbids_nothing(db):
    make_people()
    sent = {"values": f"{ADDRESS}\nnonsense", "_reason": "a letter"}
    answer = sign_in("root", None).post(reverse("admin:tenants_platformsuppression_add"), sent)

    assert "Line 2:" in answer.content.decode()
    assert not PlatformSuppression.objects.filter(hint="m…@kaya.example").exists()


@pytest.mark.parametrize("name", ["owner", "operator", "root"])
def test_inside_a_tenant_nobody_sees_the_list(db, name):
    make_people()
    forbid_all(ADDRESS)
    row = PlatformSuppression.objects.get(hint="m…@kaya.example")
    client = sign_in(name, "acme")

    for page in ("changelist", "add"):
        answer = client.get(reverse(f"admin:tenants_platformsuppression_{page}"))
        assert answer.status_code == 403
    for address in (reverse("admin:tenants_platformsuppression_change", args=[row.pk]),
                    reverse("admin:tenants_platform_lift", args=[row.pk])):  # fmt: skip
        assert client.post(address, {"_reason": "r"}).status_code == 403
