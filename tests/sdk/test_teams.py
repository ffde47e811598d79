"""Teammates: listed, invited, given another role."""

import pytest
from conftest import fresh, raw, refused
from scaleapi.exceptions import ScaleException, ScaleInvalidRequest
from scaleapi.teams import TeammateRole


def address():
    return f"{fresh('ana')}@example.com"


def role_of(team, email):
    (role,) = [mate.role for mate in team if mate.email == email]
    return role


def test_an_invited_teammate_is_listed_with_the_role(live):
    emails = [address(), address().replace("@", "+tag@")]
    team = live.invite_teammates(emails, TeammateRole.Member)
    for email in emails:
        assert role_of(team, email) == "member"
        assert role_of(live.list_teammates(), email) == "member"


def test_the_role_of_an_invited_teammate_changes(live):
    email = address()
    live.invite_teammates([email], TeammateRole.Member)
    team = live.update_teammates_role([email], TeammateRole.Manager)
    assert role_of(team, email) == "manager"
    (mate,) = [mate for mate in live.list_teammates() if mate.email == email]
    again = mate.update_teammate_role(TeammateRole.Labeler)
    assert role_of(again, email) == "labeler"


@pytest.mark.parametrize("call", ["invite_teammates", "update_teammates_role"])
def test_nobody_is_made_admin(live, call):
    email = address()
    if call == "update_teammates_role":
        live.invite_teammates([email], TeammateRole.Member)
    with pytest.raises(ScaleInvalidRequest):
        getattr(live, call)([email], TeammateRole.Admin)
    assert [mate.role for mate in live.list_teammates() if mate.email == email] != ["admin"]


def test_of_several_one_bad_address_refuses_all(live):
    good = address()
    with pytest.raises(ScaleInvalidRequest):
        live.invite_teammates([good, "nonsense"], TeammateRole.Member)
    assert good not in [mate.email for mate in live.list_teammates()]


def test_whoever_is_not_of_the_team_has_no_role_to_change(live, stranger):
    email = address()
    live.invite_teammates([email], TeammateRole.Member)
    for client, unknown in ((live, address()), (stranger, email)):
        with pytest.raises(ScaleException) as error:
            client.update_teammates_role([unknown], TeammateRole.Manager)
        assert error.value.code in (400, 404)
    assert email not in [mate.email for mate in stranger.list_teammates()]


def test_a_test_key_lists_the_same_team(live, test):
    email = address()
    live.invite_teammates([email], TeammateRole.Member)
    assert email in [mate.email for mate in test.list_teammates()]


@pytest.mark.parametrize(
    "body, field",
    [
        ({}, "emails"),
        ({"emails": [], "team_role": "member"}, "emails"),
        ({"emails": "a@example.com", "team_role": "member"}, "emails"),
        ({"emails": [7], "team_role": "member"}, "emails"),
        ({"emails": ["a@example.com"]}, "team_role"),
        ({"emails": ["a@example.com"], "team_role": "owner"}, "team_role"),
    ],
)
@pytest.mark.parametrize("call", ["invite", "set_role"])
def test_a_wrong_field_is_named(call, body, field):
    refused(raw("POST", f"/v1/teams/{call}", json=body), 400, field)
