"""What the queue runs for notices."""

from __future__ import annotations

from leadgen_project.notices.mail import mail_due
from tenants.clock import database_now
from tenants.tasks import tenant_task


@tenant_task
def mail_notices() -> None:
    """Mail what is new to the tenant's people."""
    mail_due(now=database_now())
