"""The way out printed in mails. Its form is fixed, as links live for years; see ``way_out``."""

from __future__ import annotations

from django.urls import path

from outreach.opt_out_page import opt_out_page

urlpatterns = [
    path("<slug:tenant_key>/<slug:token>", opt_out_page, name="opt-out"),
]
