"""The command ``leadgen``: its commands, and how every one of them ends."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress

import click

from leadgen_project.client import completion, export, leads, sign_in
from leadgen_project.client.campaigns import add_templates, campaign
from leadgen_project.client.captchas import captcha
from leadgen_project.client.config import config
from leadgen_project.client.failures import ClientError, Exit
from leadgen_project.client.harvests import harvest
from leadgen_project.client.mailbox import mailbox
from leadgen_project.client.runs import runs
from leadgen_project.client.tenants import tenants

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=HELP)
def leadgen() -> None:
    """Work with a leadgen server: nights, harvests, CAPTCHAs, campaigns, mailboxes, files.

    Start with `leadgen login https://YOUR-SERVER`. Every command takes --json for scripts.

    \b
    Exit codes:
      0    done
      1    the server refused; the sentence says why
      2    the command was written wrongly
      3    not signed in, or the sign-in has ended
      4    the server cannot be reached, or failed
      5    what was watched failed, or was ended by somebody
      130  ended by Ctrl-C; what the server does goes on
    """


sign_in.add_to(leadgen)
leadgen.add_command(tenants)
leadgen.add_command(runs)
leadgen.add_command(harvest)
leadgen.add_command(captcha)
leadgen.add_command(campaign)
add_templates(leadgen)
leadgen.add_command(mailbox)
leadgen.add_command(config)
leadgen.add_command(leads.leads)
leads.add_why_not(leadgen)
export.add_to(leadgen)
completion.add_to(leadgen)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code. Nothing but bugs of ours ends in a traceback."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        leadgen.main(given, prog_name=completion.PROGRAM, standalone_mode=False)
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except click.ClickException as exc:
        code = Exit.WRONG_USAGE if isinstance(exc, click.UsageError) else Exit.REFUSED
        if "--json" in given:
            return _end(ClientError(code, exc.format_message()), as_json=True)
        exc.show()
        return code
    except (click.Abort, KeyboardInterrupt):
        text = "Ended. What the server does goes on."
        return _end(ClientError(Exit.INTERRUPTED, text), as_json="--json" in given)
    except ClientError as exc:
        return _end(exc, as_json="--json" in given)
    except BrokenPipeError:  # such as `| head`
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    return Exit.DONE


def _end(exc: ClientError, *, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps(exc.as_json()), err=True)
    else:
        click.echo(str(exc), err=True)
    return exc.code
