"""B-2.3: a config.json is taken over whole or not at all, shown first, and can be undone."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from leadgen_project.config import read_config, update_config
from leadgen_project.import_config import (
    ConfigFileError,
    import_config,
    imports_of_config,
    preview_config,
    undo_import,
)
from leadgen_project.tests.console_data import make_people
from leadgen_project.tests.test_console_isolation import sign_in
from tenants.context import in_tenant
from tenants.models import AuditEvent

FILE = {
    "llm_transaction_limit": 20, "workingHours": {"monday": ["09:00-17:30"]},
    "active_timezones": ["Asia/Singapore"], "number_of_leads": 120, "shortlistCap": 50,
    "city": "Helsinki", "email_template": "intro", "openai_api_key": "sk-1234567890",
}  # fmt: skip


def test_a_preview_says_what_would_change_and_what_is_left_out(acme):
    preview = preview_config(json.dumps(FILE))

    assert preview.mistakes == {}
    assert preview.changes["candidatesPerNight"] == (500, 120)
    assert set(preview.unchanged) >= {"shortlistCap"}
    assert set(preview.left_out) == {"city", "email_template", "openai_api_key"}
    assert read_config()["candidatesPerNight"] == 500


def test_it_is_taken_over_once_and_audited_without_secrets(acme):
    import_config(json.dumps(FILE), file_name="config.json", actor="olga")
    import_config(json.dumps(FILE), file_name="config.json", actor="olga")

    config = read_config()
    assert (config["candidatesPerNight"], config["activeTimezones"]) == (120, ["Asia/Singapore"])
    [event] = AuditEvent.objects.filter(action="tenants.config.update")
    assert event.reason == "Imported from config.json"
    assert "sk-1234567890" not in str(list(AuditEvent.objects.values()))


def test_all_mistakes_are_told_at_once_and_nothing_is_taken(acme):
    wrong = {
        "nightlyAt": "25:00",
        "shortlistCap": 0,
        "workingHours": {"monday": ["17:00-09:00"]},
        "activeTimezones": ["Mars/Base"],
        "colour": "red",
        "candidatesPerNight": 7,
    }

    preview = preview_config(json.dumps(wrong))

    assert set(preview.mistakes) == {
        "nightlyAt", "shortlistCap", "workingHours", "activeTimezones", "colour"
    }  # fmt: skip
    with pytest.raises(ConfigFileError, match="Nothing was imported"):
        import_config(json.dumps(wrong), file_name="x", actor="olga")
    assert read_config()["candidatesPerNight"] == 500


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"shortlistCap": 1, "shortlistCap": 2}', "[" * 100_000, " " * 300_000],
)
def test_what_is_no_such_file_is_refused_with_a_sentence(acme, text):
    with pytest.raises(ConfigFileError, match=r"\S"):
        preview_config(text)


@pytest.mark.parametrize(
    ("limit", "is_admin", "is_taken"),
    [
        (0, False, False),
        (100_000, False, False),
        (5, False, True),
        (0, True, True),
    ],
)
def test_the_limit_all_tenants_share_is_not_an_owners_to_stop(acme, limit, is_admin, is_taken):
    preview = preview_config(json.dumps({"llmTransactionLimit": limit}), is_admin=is_admin)

    assert (preview.mistakes == {}) is is_taken


def test_one_setting_under_two_names_is_a_mistake(acme):
    preview = preview_config('{"maxLeads": 5, "candidatesPerNight": 6}')

    assert "twice" in preview.mistakes["candidatesPerNight"]


def test_undo_sets_back_and_refuses_where_somebody_was_there_since(acme):
    before = read_config()
    import_config(json.dumps(FILE), file_name="config.json", actor="olga")
    [event] = imports_of_config()

    undo_import(event, actor="olga")
    assert read_config() == before

    import_config(json.dumps(FILE), file_name="config.json", actor="olga")
    update_config({"candidatesPerNight": 9}, actor="olga")
    with pytest.raises(ConfigFileError, match="candidatesPerNight"):
        undo_import(imports_of_config()[0], actor="olga")
    assert read_config()["candidatesPerNight"] == 9


def test_the_command_shows_and_then_does_it(acme, tmp_path):
    path, out = tmp_path / "config.json", StringIO()
    path.write_text(json.dumps(FILE))

    call_command("import_config", "acme", str(path), stdout=out)
    assert read_config()["candidatesPerNight"] == 500
    call_command("import_config", "acme", str(path), yes=True, stdout=out)

    assert read_config()["candidatesPerNight"] == 120
    assert "candidatesPerNight: 500 -> 120" in out.getvalue()
    path.write_text('{"nope": 1}')
    with pytest.raises(CommandError, match="mistakes"):
        call_command("import_config", "acme", str(path), stdout=out)


def test_an_owner_uploads_looks_imports_and_undoes(db):
    make_people()
    owner, text = sign_in("owner"), json.dumps(FILE)
    file = SimpleUploadedFile("config.json", text.encode())

    seen = owner.post("/admin/settings/file/", {"verb": "preview", "file": file}).content.decode()
    assert "candidatesPerNight" in seen
    owner.post("/admin/settings/file/", {"verb": "import", "text": text, "name": "config.json"})
    with in_tenant("acme"):
        assert read_config()["candidatesPerNight"] == 120
        [event] = imports_of_config()
    owner.post("/admin/settings/file/", {"verb": "undo", "event": event.pk})
    with in_tenant("acme"):
        assert read_config()["candidatesPerNight"] == 500
    for name in ("operator", "auditor"):
        assert sign_in(name).post("/admin/settings/file/").status_code == 403
