"""A new field key: old secrets stay readable, are brought under it, and the old key can go."""

from __future__ import annotations

from io import StringIO

import pytest
from django.apps import apps
from django.conf import settings as live_settings
from django.core.management import CommandError, call_command
from django.db import models

from tenants.context import in_public
from tenants.paid.credentials import key_for, set_key
from tenants.permits import Vendor
from tenants.rotate_secrets import COLUMN, secret_models
from tenants.secrets import SecretUnreadableError
from tenants.vendor_models import VendorCredential

SECRET = "tvly-a-secret-to-keep"


def test_after_a_rotation_the_former_key_can_go(acme, settings):
    former = settings.FIELD_KEYS
    set_key(Vendor.TAVILY, secret=SECRET, actor="olga")
    fingerprint = key_for(Vendor.TAVILY).fingerprint

    settings.FIELD_KEYS = ["a new long random key", *former]
    assert key_for(Vendor.TAVILY).secret == SECRET
    said = StringIO()
    call_command("rotate_secrets", stdout=said)
    settings.FIELD_KEYS = ["a new long random key"]

    assert key_for(Vendor.TAVILY).secret == SECRET
    assert key_for(Vendor.TAVILY).fingerprint == fingerprint  # its limits and stops stay its own
    assert said.getvalue() == "1 secrets are under the first of the FIELD_KEYS.\n"


def test_without_a_rotation_the_key_is_unreadable_not_replaced_by_the_deployments(acme, settings):
    set_key(Vendor.TAVILY, secret=SECRET, actor="olga")
    settings.VENDOR_KEYS = {**settings.VENDOR_KEYS, Vendor.TAVILY: "deployment"}

    settings.FIELD_KEYS = ["a new long random key"]

    with pytest.raises(SecretUnreadableError):
        key_for(Vendor.TAVILY)


def test_what_no_key_reads_is_named_and_the_rest_is_done(acme, settings):
    set_key(Vendor.TAVILY, secret=SECRET, actor="olga")
    set_key(Vendor.LUSHA, secret=SECRET, actor="olga")
    with in_public():
        broken = VendorCredential.objects.get(vendor="LUSHA")
        VendorCredential.objects.filter(pk=broken.pk).update(secret=b"damaged")
    settings.FIELD_KEYS = ["a new long random key", *settings.FIELD_KEYS]

    with pytest.raises(CommandError, match=f"vendor key {broken.pk}"):
        call_command("rotate_secrets", stdout=StringIO())

    settings.FIELD_KEYS = ["a new long random key"]
    assert key_for(Vendor.TAVILY).secret == SECRET


def test_every_column_that_says_it_is_encrypted_is_rotated():
    said = {
        model
        for model in apps.get_models()
        for column in model._meta.concrete_fields
        if isinstance(column, models.BinaryField) and "tenants.secrets" in column.help_text
    }

    found = secret_models([*live_settings.SHARED_APPS, *live_settings.TENANT_APPS])

    assert said == set(found)
    assert COLUMN == "secret"
