from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from tenants.models import AuditEvent, Membership, Tenant, User
from tenants.people import (
    PeopleError,
    add_member,
    change_role,
    create_account,
    find_account,
    remove_member,
)

PASSWORD = "correct horse battery"


@pytest.fixture
def ann(db):
    return create_account("ann", password=PASSWORD, email="Ann@people.example", actor="tests")


@pytest.fixture
def tenant(db):
    return Tenant.objects.get(pk="acme")


def test_a_new_account_can_sign_in_and_belongs_nowhere(ann):
    assert ann.check_password(PASSWORD)
    assert not ann.is_superuser
    assert list(ann.memberships.all()) == []
    assert AuditEvent.objects.get(action="tenants.user.add").subject == "account ann"


def test_a_weak_password_makes_no_account(db):
    with pytest.raises(ValidationError):
        create_account("bob", password="password", actor="tests")

    assert not User.objects.filter(username="bob").exists()


def test_an_account_is_found_by_name_or_address_whatever_the_case(ann):
    assert find_account("ann") == ann
    assert find_account(" ANN ") == ann
    assert find_account("ann@PEOPLE.example") == ann
    assert find_account("") is None
    assert find_account("nobody") is None


def test_an_address_of_two_accounts_finds_neither(ann):
    create_account("ann2", password=PASSWORD, email="ann@people.example", actor="tests")

    assert find_account("ann@people.example") is None
    assert find_account("ann2").username == "ann2"


def test_a_switched_off_account_is_not_found(ann):
    User.objects.filter(pk=ann.pk).update(is_active=False)

    assert find_account("ann") is None


def test_adding_a_member_twice_is_refused(ann, tenant):
    add_member(tenant, ann, role="OPERATOR", actor="tests")

    with pytest.raises(PeopleError, match="already"):
        add_member(tenant, ann, role="OWNER", actor="tests")


def test_the_last_owner_can_neither_be_removed_nor_demoted(ann, tenant):
    only = add_member(tenant, ann, role="OWNER", actor="tests")

    with pytest.raises(PeopleError, match="last owner"):
        remove_member(only, actor="tests")
    with pytest.raises(PeopleError, match="last owner"):
        change_role(only, role="AUDITOR", actor="tests")

    assert Membership.objects.get(pk=only.pk).role == "OWNER"


def test_each_change_of_people_is_audited_in_the_tenant_with_its_reason(ann, tenant):
    bob = create_account("bob", password=PASSWORD, actor="tests")
    add_member(tenant, ann, role="OWNER", actor="tests")
    member = add_member(tenant, bob, role="OPERATOR", actor="ann", reason="new here")
    change_role(member, role="REVIEWER", actor="ann", reason="moved")
    remove_member(member, actor="ann", reason="left")

    events = AuditEvent.objects.filter(subject="member bob").order_by("pk")
    assert [(event.action, event.tenant_id, event.before, event.after, event.reason)
            for event in events] == [
        ("tenants.membership.add", "acme", None, {"role": "OPERATOR"}, "new here"),
        ("tenants.membership.change", "acme", {"role": "OPERATOR"}, {"role": "REVIEWER"}, "moved"),
        ("tenants.membership.delete", "acme", {"role": "REVIEWER"}, None, "left"),
    ]  # fmt: skip


def test_setting_the_same_role_again_changes_nothing(ann, tenant):
    member = add_member(tenant, ann, role="OWNER", actor="tests")
    before = AuditEvent.objects.count()

    change_role(member, role="OWNER", actor="tests")

    assert AuditEvent.objects.count() == before


def test_the_commands_make_a_tenant_with_an_owner(db, monkeypatch):
    monkeypatch.setenv("LEADGEN_PASSWORD", PASSWORD)

    call_command("create_user", "carol", "--name", "Carol Tan")
    call_command("create_tenant", "gamma", "--name", "Gamma", "--owner", "carol")

    carol = User.objects.get(username="carol")
    assert carol.get_full_name() == "Carol Tan"
    assert Membership.objects.get(user=carol).tenant_id == "gamma"


def test_a_refused_command_leaves_nothing_and_says_why(db, monkeypatch):
    monkeypatch.setenv("LEADGEN_PASSWORD", PASSWORD)

    with pytest.raises(CommandError, match="no account 'nobody'"):
        call_command("create_tenant", "gamma", "--owner", "nobody")
    with pytest.raises(CommandError, match="no tenant 'delta'"):
        call_command("create_user", "dave", "--tenant", "delta")
    with pytest.raises(CommandError, match="2 to 30 small letters"):
        call_command("create_tenant", "Not A Key")

    assert not Tenant.objects.filter(pk="gamma").exists()
    assert not User.objects.filter(username="dave").exists()
