"""Where sign-ins are kept, and which one is used."""

from __future__ import annotations

import stat

import pytest

from leadgen_project.client import profiles
from leadgen_project.client.failures import ClientError, Exit
from leadgen_project.client.profiles import Profile, server_address

MEI = Profile(server="https://leads.example", token="lg_secret", tenant="acme", user="mei")
OTHER = Profile(server="https://leads.example", token="lg_other", tenant="beta", user="mei")


def keep(*many: Profile) -> None:
    for each in many:
        profiles.save(profiles.load().with_current(each))


def test_what_is_kept_only_its_owner_may_read(own_folder):
    keep(MEI)

    assert stat.S_IMODE((own_folder / "profiles.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(own_folder.stat().st_mode) == 0o700
    assert [path.name for path in own_folder.iterdir()] == ["profiles.json"]
    assert profiles.chosen() == MEI


def test_a_file_others_may_read_is_not_used_and_the_cure_is_named(own_folder):
    keep(MEI)
    (own_folder / "profiles.json").chmod(0o644)

    with pytest.raises(ClientError, match="chmod 600") as caught:
        profiles.chosen()
    assert caught.value.code == Exit.NOT_SIGNED_IN


@pytest.mark.parametrize("text", ["", "[]", '{"profiles": {"x": {}}}', '{"current": 1}'])
def test_a_broken_file_is_said_to_be_broken(own_folder, text):
    keep(MEI)
    (own_folder / "profiles.json").write_text(text)

    with pytest.raises(ClientError, match="is broken"):
        profiles.load()


def test_the_last_sign_in_is_the_current_one_and_the_others_stay():
    keep(MEI, OTHER)

    assert profiles.chosen() == OTHER
    assert profiles.chosen("acme@leads.example") == MEI
    assert profiles.chosen("acme") == MEI
    with pytest.raises(ClientError, match="no sign-in 'gamma'"):
        profiles.chosen("gamma")


def test_a_forgotten_sign_in_gives_way_to_another():
    keep(MEI, OTHER)
    profiles.save(profiles.load().without(OTHER.name))

    assert profiles.chosen() == MEI
    profiles.save(profiles.load().without(MEI.name))
    with pytest.raises(ClientError, match="leadgen login"):
        profiles.chosen()


def test_scripts_may_bring_their_token_in_the_environment(monkeypatch):
    keep(MEI)
    monkeypatch.setenv("LEADGEN_SERVER", "https://other.example/")
    monkeypatch.setenv("LEADGEN_TOKEN", "lg_script")

    assert profiles.chosen().server == "https://other.example"
    assert profiles.chosen("acme") == MEI


def test_a_profile_shows_its_token_to_nobody():
    assert "lg_secret" not in f"{MEI} {MEI!r} {profiles.Profiles('x', {'x': MEI})}"


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("leads.example", "https://leads.example"),
        ("https://leads.example/admin/", "https://leads.example"),
        ("localhost:8000", "http://localhost:8000"),
        ("http://acme.localhost:8000", "http://acme.localhost:8000"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_addresses_of_servers_are_read_as_people_write_them(given, address):
    assert server_address(given) == address


@pytest.mark.parametrize(
    "given",
    ["http://leads.example", "ftp://leads.example", "https://", "", "https://a:b@c.example"],
)
def test_a_token_goes_to_no_other_kind_of_address(given):
    with pytest.raises(ClientError) as caught:
        server_address(given)
    assert caught.value.code == Exit.WRONG_USAGE
