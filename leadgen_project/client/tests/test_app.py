"""Commands against a server that answers as told: codes, JSON, and what a terminal must not get."""

from __future__ import annotations

import json

import click
import pytest

from leadgen_project.client import follow as following
from leadgen_project.client.app import leadgen as program
from leadgen_project.client.app import main
from leadgen_project.client.show import plain
from leadgen_project.client.tests.conftest import hang_up, reply

RUN = {"id": 7, "status": "RUNNING", "stage": "crawl", "percent": 40, "stages": []}


def commands(group=program, words=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


def test_every_command_has_help_and_takes_json(leadgen):
    found = dict(commands())

    for words, command in found.items():
        shown = leadgen(*words, "--help")
        assert shown.code == 0
        assert command.help, words
        options = {option for each in command.params for option in each.opts}
        assert "--json" in options or words == ("completion",), words
    assert len(found) > 20


def test_a_result_is_a_sentence_or_json(made_up, signed_in, leadgen):
    made_up.says = [reply(RUN, status=201)]

    assert leadgen("runs", "start").out == "Run 7 began. Watch it: leadgen runs watch 7\n"
    assert leadgen("runs", "start", "--json").json == RUN


def test_lists_are_lines_with_tabs_when_nobody_looks(made_up, signed_in, leadgen):
    made_up.says = [reply({"results": [RUN], "next": None})]

    assert leadgen("runs", "list").out.splitlines()[1].split("\t")[:3] == ["7", "RUNNING", "crawl"]


def test_errors_of_scripts_are_json_as_well(made_up, signed_in, leadgen):
    errors = [{"field": "city", "message": "Unknown."}]
    made_up.says = [reply({"detail": "See errors.", "errors": errors, "status": 400}, status=400)]

    done = leadgen("runs", "start", "--json")

    assert (done.code, done.out) == (1, "")
    assert json.loads(done.err) == {"error": "city: Unknown.", "exit_code": 1, "status": 400,
                                    "errors": errors}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code"),
    [(["runs", "watch", "x"], 2), (["nonsense"], 2), (["runs", "pause", "7"], 2), (["--help"], 0)],
)
def test_wrong_usage_is_told_from_refusals(leadgen, words, code):
    assert leadgen(*words).code == code


def test_wrong_usage_is_json_for_scripts(leadgen):
    done = leadgen("harvest", "start", "austin", "--leads", "5", "--json")

    assert (done.code, done.out) == (2, "")
    assert json.loads(done.err) == {"error": "Missing option '--template'.", "exit_code": 2}


def test_a_harvest_that_met_only_what_was_known_says_so(made_up, signed_in, leadgen):
    counts = {"taken": 0, "duplicate": 0, "walled": 0, "suppressed": 0, "refused": 0, "waiting": 0,
              "met_again": 30}  # fmt: skip
    harvest = {"id": "a1", "city": "singapore", "category": "cafe", "status": "COMPLETED",
               "wanted": 40, "percent": 0, "is_paused": False, "counts": counts, "error": "",
               "ending": "0 of 40 leads: no more."}  # fmt: skip
    made_up.says = [reply(status=404), reply(harvest)]

    done = leadgen("harvest", "watch", "a1")

    assert done.out == "singapore, completed: 30 met by earlier harvests\n"
    assert done.err == "0 of 40 leads: no more.\n"


def test_without_a_sign_in_nothing_is_asked(leadgen):
    done = leadgen("runs", "list")

    assert done.code == 3
    assert "leadgen login" in done.err


def test_watching_something_that_fails_is_no_success(made_up, signed_in, leadgen):
    made_up.says = [reply(status=404), reply(RUN), reply({**RUN, "status": "FAILED"})]

    done = leadgen("runs", "watch", "7", "--json")

    assert done.code == 5
    lines = [json.loads(line)["status"] for line in done.out.splitlines()]
    assert lines == ["RUNNING", "FAILED"]


def test_ctrl_c_leaves_quietly_and_says_that_it_goes_on(made_up, signed_in, leadgen, monkeypatch):
    def interrupted(*_args, **_how):
        yield RUN
        raise KeyboardInterrupt

    monkeypatch.setattr("leadgen_project.client.runs.follow", interrupted)

    done = leadgen("runs", "watch", "7")

    assert done.code == 130
    assert done.err == "Run 7 goes on at the server. See it again: leadgen runs watch 7\n"
    assert following.follow is not interrupted


def test_nothing_a_stranger_wrote_steers_the_terminal(made_up, signed_in, leadgen):
    evil = "\x1b]0;title\x07\x1b[31mred\u202egnp.exe\r\n[bold]x[/bold]"
    made_up.says = [reply({"results": [{**RUN, "note": evil}], "next": None})]

    out = leadgen("runs", "list").out

    assert not any(ord(each) < 32 and each not in "\t\n" for each in out)
    assert "\u202e" not in out
    assert "[bold]x[/bold]" in out
    assert plain("a\x9bb") == "a b"


def test_no_colour_unless_a_terminal_asks_for_it(made_up, signed_in, leadgen):
    made_up.says = [reply({"results": [RUN], "next": None})]

    assert "\x1b" not in leadgen("runs", "list").out


def test_config_is_set_by_name_and_inside(made_up, signed_in, leadgen):
    hours = {"workingHours": {"monday": [], "tuesday": ["09:00-18:00"]}}
    made_up.says = [reply(hours), reply(hours)]

    leadgen("config", "set", 'workingHours.monday=["09:00-12:00"]', "nightlyAt=01:30", "-r", "x")

    assert json.loads(made_up.asked[1].body) == {
        "workingHours": {"monday": ["09:00-12:00"], "tuesday": ["09:00-18:00"]},
        "nightlyAt": "01:30", "reason": "x",
    }  # fmt: skip


def test_a_broken_download_leaves_the_old_file(made_up, signed_in, leadgen, tmp_path):
    target = tmp_path / "scores.csv"
    target.write_text("old")

    def half(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")

    made_up.says = [half]
    done = leadgen("export", "-o", str(target))

    assert done.code == 4
    assert target.read_text() == "old"
    assert list(tmp_path.glob(".scores*")) == []


def test_logging_out_without_the_server_forgets_nothing_unless_told(made_up, signed_in, leadgen):
    made_up.says = [hang_up]

    assert leadgen("logout").code == 4
    assert leadgen("whoami").code == 4
    assert leadgen("logout", "--forget").code == 0
    assert leadgen("whoami").code == 3


def test_completion_knows_commands_and_sign_ins(signed_in, leadgen, monkeypatch, capsys):
    for shell in ("bash", "zsh", "fish"):
        assert "_LEADGEN_COMPLETE" in leadgen("completion", shell).out
    monkeypatch.setenv("_LEADGEN_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "leadgen runs list --profile a")
    monkeypatch.setenv("COMP_CWORD", "4")

    with pytest.raises(SystemExit):
        main([])

    assert signed_in.name in capsys.readouterr().out
