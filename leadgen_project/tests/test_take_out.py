"""A tenant leaves in one archive, arrives elsewhere as it was, can be erased without trace."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command

from enrichment.models import Contact
from icp.models import Lead
from leadgen_project.tests.console_data import NOW, fill, make_people, make_register
from odoo_sync.models import OdooConnection
from outreach.models import Mailbox
from outreach.tests.factories import make_mailbox
from scoring.models import LeadScore, ScoreLine
from tenants.context import connection, in_public, in_tenant
from tenants.lifecycle.archive import ArchiveError, folder_of
from tenants.lifecycle.erase import EraseError, erase, remains
from tenants.lifecycle.provision import create_tenant
from tenants.lifecycle.take_in import take_in
from tenants.lifecycle.take_out import take_out
from tenants.models import AuditEvent, PipelineRun, Tenant, TenantSettings
from tenants.secrets import encrypt
from tenants.tasks import enqueue
from tenants.vendor_models import VendorBalance, VendorUsage

# Roles belong to the server: processes that test at the same time must not erase each other's.
KEY, COPY = f"house{os.getpid()}", f"copy{os.getpid()}"


@pytest.fixture
def house(db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "files"
    make_people()
    make_register()
    create_tenant(KEY, name="House", actor="tests")
    run = fill(KEY, mark="Acmemark", leads=12)
    with in_tenant(KEY):
        TenantSettings.objects.update(shortlist_cap=33)
    with in_public():
        VendorUsage.objects.create(
            tenant_id=KEY, vendor="TAVILY", purpose="search", run_id=run.pk, day=NOW.date(),
            own_key=False, reserved_units=1, reserved_micros=8000, units=1, micros=8000,
        )  # fmt: skip
        VendorBalance.objects.create(
            tenant_id=KEY, vendor="TAVILY", period=f"run {run.pk}", units=1, micros=8000, calls=1
        )
    file = folder_of(KEY) / "exports" / "run-000001" / "shortlist.csv"
    file.parent.mkdir(parents=True)
    file.write_text("Acmemark,1\n")
    return Tenant.objects.get(pk=KEY)


def settle() -> None:
    """Check what is deferred to the end of a transaction, which these tests never reach."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def shape(tenant: str) -> dict[str, int]:
    with in_tenant(tenant):
        return {model._meta.label: model.objects.count()
                for model in (Lead, Contact, LeadScore, ScoreLine, PipelineRun)}  # fmt: skip


def test_an_archive_arrives_beside_the_original_with_equal_counts_and_hashes(house, tmp_path):
    archive = tmp_path / "house.zip"

    manifest = take_out(house, archive, now=NOW)
    taken = take_in(archive, actor="tests", key=COPY, name="Copy")
    again = take_out(taken, tmp_path / "copy.zip", now=NOW)

    assert shape(COPY) == shape(KEY)
    same = {name for name, table in manifest["tables"].items()
            if table["sha256"] == again["tables"][name]["sha256"]}  # fmt: skip
    # Runs were moved up, since its own are here.
    moved = {name for name, table in manifest["tables"].items() if "run_id" in table["columns"]}
    others = {"tenants_pipelinerun", "tenants_vendorbalance"}
    assert same == set(manifest["tables"]) - moved - others | (same & moved)
    assert again["files"] == manifest["files"]
    with in_tenant(COPY):
        run = PipelineRun.objects.get()
        assert set(Lead.objects.values_list("run_id", flat=True)) == {run.pk}
        assert VendorBalance.objects.get().period == f"run {run.pk}"
        assert TenantSettings.objects.get().shortlist_cap == 33
        lead = Lead.objects.create(source_ref="new", name="NEW")
        assert lead.pk > Lead.objects.exclude(pk=lead.pk).order_by("-pk").first().pk


def test_after_erasing_it_arrives_with_its_own_numbers(house, tmp_path):
    archive = tmp_path / "house.zip"
    manifest = take_out(house, archive, now=NOW)

    settle()
    erase(house, confirmed=KEY, actor="tests", reason="Moves house.")
    again = take_out(take_in(archive, actor="tests"), tmp_path / "again.zip", now=NOW)

    different = {name for name, table in manifest["tables"].items()
                 if table != again["tables"][name]}  # fmt: skip
    assert different == set()


def test_people_keys_and_secrets_stay_behind(house, tmp_path):
    archive = tmp_path / "house.zip"

    manifest = take_out(house, archive, now=NOW)

    with zipfile.ZipFile(archive) as opened:
        names = " ".join(opened.namelist())
    for table in ("user", "membership", "credential", "apitoken", "issuer", "session"):
        assert table not in names
    assert set(manifest["left_out"]).isdisjoint(manifest["tables"])


def test_mailboxes_arrive_without_their_secrets_and_send_nothing_until_connected(house, tmp_path):
    sealed = encrypt("refresh-token")
    with in_tenant(KEY):
        make_mailbox(secret=sealed, access_until=NOW, state="READY", address="a@us.example")
        make_mailbox(state="PAUSED", state_reason="holiday", address="b@us.example")

    take_out(house, tmp_path / "house.zip", now=NOW)
    take_in(tmp_path / "house.zip", actor="tests", key=COPY, name="Copy")

    with zipfile.ZipFile(tmp_path / "house.zip") as opened:
        text = opened.read("tables/outreach_mailbox.copy")
        assert "tables/outreach_mailboxsignin.copy" not in opened.namelist()
    assert sealed not in text
    assert sealed.hex().encode() not in text
    with in_tenant(COPY):
        ours = Mailbox.objects.filter(address__in=["a@us.example", "b@us.example"])
        found = list(ours.order_by("address").values_list("state", "secret", "access_until"))
    assert found == [("NEW", None, None), ("PAUSED", None, None)]


def test_an_odoo_arrives_without_its_key_and_switched_off(house, tmp_path):
    sealed = encrypt("odoo-key")
    with in_tenant(KEY):
        OdooConnection.objects.create(secret=sealed, ending="-key", is_on=True, state="READY")

    take_out(house, tmp_path / "house.zip", now=NOW)
    take_in(tmp_path / "house.zip", actor="tests", key=COPY, name="Copy")

    with zipfile.ZipFile(tmp_path / "house.zip") as opened:
        assert sealed.hex().encode() not in opened.read("tables/odoo_sync_odooconnection.copy")
    with in_tenant(COPY):
        found = OdooConnection.objects.values_list("secret", "ending", "is_on", "state")
        assert list(found) == [(None, "", False, "NEW")]


def test_an_archive_of_one_tenant_holds_nothing_of_another(house, tmp_path):
    fill("beta", mark="Betamark", leads=6)
    archive = tmp_path / "house.zip"

    take_out(house, archive, now=NOW)

    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            assert b"Betamark" not in opened.read(name), name


def damaged(archive: Path, name: str, change) -> Path:
    """A copy of ``archive`` in which the member ``name`` was changed."""
    target = archive.with_name("damaged.zip")
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w") as copy:
        for member in source.namelist():
            data = source.read(member)
            copy.writestr(member, change(data) if member == name else data)
    return target


def test_a_changed_archive_is_refused_and_leaves_nothing(house, tmp_path):
    archive = tmp_path / "house.zip"
    take_out(house, archive, now=NOW)
    rows = damaged(archive, "tables/icp_lead.copy", lambda data: data.replace(b"COMP", b"FAKE", 1))
    with pytest.raises(ArchiveError, match="icp_lead"):
        take_in(rows, actor="tests", key=COPY, name="Copy")

    file = damaged(archive, "files/exports/run-000001/shortlist.csv", lambda data: data + b"x")
    with pytest.raises(ArchiveError, match=r"shortlist\.csv"):
        take_in(file, actor="tests", key=COPY, name="Copy")

    def climbing(data: bytes) -> bytes:
        manifest = json.loads(data)
        manifest["files"] = {"../../evil": "0" * 64}
        return json.dumps(manifest).encode()

    with pytest.raises(ArchiveError, match="leads outside"):
        take_in(damaged(archive, "manifest.json", climbing), actor="tests", key=COPY, name="Copy")

    assert not Tenant.objects.filter(pk=COPY).exists()
    assert list(remains(COPY)) == []


def test_erasing_leaves_no_row_file_role_cache_entry_or_task(house):
    fill("beta", mark="Betamark", leads=6)
    with in_tenant(KEY):
        enqueue("leadgen_project.tasks.work", run_id=1)
        cache.set("key", "Acmemark")
    with in_tenant("beta"):
        enqueue("leadgen_project.tasks.work", run_id=2)
    assert list(remains(KEY))

    settle()
    proof = erase(house, confirmed=KEY, actor="tests", reason="They left.")

    assert list(remains(KEY)) == []
    assert len(proof) == 4
    assert "1 waiting tasks" in list(remains("beta"))
    event = AuditEvent.objects.get(action="tenants.remove")
    assert (event.subject, event.reason, event.tenant_id) == (KEY, "They left.", None)
    with in_tenant("beta"):
        assert Lead.objects.count() == 6


def test_erasing_takes_the_key_once_more_and_a_reason(house):
    for confirmed, reason in (("", "They left."), ("beta", "They left."), (KEY, " ")):
        with pytest.raises(EraseError):
            erase(house, confirmed=confirmed, actor="tests", reason=reason)

    assert Tenant.objects.filter(pk=KEY).exists()


def test_the_commands_do_it(house, tmp_path, capsys):
    archive = str(tmp_path / "house.zip")

    call_command("export_tenant", KEY, archive)
    call_command("import_tenant", archive, "--as", COPY, "--name", "Copy")
    settle()
    with pytest.raises(CommandError, match=f"--confirm {COPY}"):
        call_command("erase_tenant", COPY, "--reason", "x")
    call_command("erase_tenant", COPY, "--confirm", COPY, "--reason", "A try.")

    said = capsys.readouterr().out
    assert "Left behind" in said
    assert f"No schema {COPY}" in said
    assert not Tenant.objects.filter(pk=COPY).exists()
