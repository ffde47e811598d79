"""Studio: who labels what, in groups, in which order."""

import pytest
from conftest import choice, fresh, project_of, raw, refused
from scaleapi.exceptions import ScaleException, ScaleInvalidRequest, ScaleResourceNotFound
from scaleapi.teams import TeammateRole


@pytest.fixture(scope="module")
def labelers(live):
    emails = [f"{fresh('lab')}@example.com" for _ in range(3)]
    live.invite_teammates(emails, TeammateRole.Labeler)
    return emails


@pytest.fixture
def project(live):
    return project_of(live, studio=True).name


def projects_of(assignments, email):
    found = assignments.get(email)
    return found.assigned_projects if found else []


def test_labelers_are_assigned_and_removed(live, labelers, project):
    first, second, _ = labelers
    made = live.add_studio_assignments([first, second], [project])
    assert project in projects_of(made, first)
    again = live.add_studio_assignments([first], [project])
    assert projects_of(again, first).count(project) == 1
    assert project in projects_of(live.list_studio_assignments(), second)
    left = live.remove_studio_assignments([first], [project])
    assert project not in projects_of(left, first)
    assert project in projects_of(left, second)
    live.remove_studio_assignments([first], [project])


def test_only_whom_and_what_there_is_can_be_assigned(live, stranger, labelers, project):
    for emails, projects in (
        ([f"{fresh()}@example.com"], [project]),
        (labelers[:1], [fresh("none")]),
        ([], [project]),
        (labelers[:1], []),
    ):
        with pytest.raises(ScaleInvalidRequest):
            live.add_studio_assignments(emails, projects)
    with pytest.raises(ScaleInvalidRequest):
        stranger.add_studio_assignments(labelers[:1], [project])
    assert labelers[0] not in stranger.list_studio_assignments()


def test_a_group_is_made_listed_and_changed(live, labelers, project):
    first, second, third = labelers
    name = f"a/b ü {fresh()}"
    made = live.create_project_group(project, [first, second], name)
    assert (made.name, made.numWorkers, made.isSingleton) == (name, 2, False)
    changed = live.update_project_group(project, name, [third], [first])
    assert changed.id == made.id
    assert {worker["email"] for worker in changed.as_dict()["workers"]} == {second, third}
    unchanged = live.update_project_group(project, name, [], [])
    assert unchanged.numWorkers == 2
    (listed,) = [group for group in live.list_project_groups(project) if group.name == name]
    assert (listed.id, listed.numWorkers) == (made.id, 2)


def test_a_wrong_group_is_told(live, labelers, project):
    live.create_project_group(project, labelers[:1], "one")
    with pytest.raises(ScaleException) as error:
        live.create_project_group(project, labelers[:1], "one")
    assert error.value.code == 400
    with pytest.raises(ScaleInvalidRequest):
        live.create_project_group(project, [f"{fresh()}@example.com"], fresh("group"))
    with pytest.raises(ScaleInvalidRequest):
        live.create_project_group(project, labelers, "")
    with pytest.raises(ScaleResourceNotFound):
        live.list_project_groups(fresh("none"))
    with pytest.raises(ScaleResourceNotFound):
        live.update_project_group(project, fresh("none"), labelers, [])


def test_batches_are_given_to_groups(live, labelers, project):
    batch = live.create_batch(project, f"a/b {fresh('batch')}").name
    task = choice(live, batch=batch)
    live.create_project_group(project, labelers, "all of them")
    given = live.assign_studio_batches(batch, ["all of them"])
    assert (given.name, given.project_name) == (batch, project)
    assert (given.total, given.completed) == (1, 0)
    assert len(given.groups) == 1 and given.id and given.project_id and given.batch_type
    assert task.batch == batch
    assert live.assign_studio_batches(batch, []).groups == []
    with pytest.raises(ScaleInvalidRequest):
        live.assign_studio_batches(batch, [fresh("none")])
    with pytest.raises(ScaleResourceNotFound):
        live.assign_studio_batches(fresh("none"), ["all of them"])


def test_pending_batches_have_an_order(live, project):
    for _ in range(3):
        live.create_batch(project, fresh("batch"))
    names = [batch.name for batch in live.list_studio_batches()]
    assert len(names) >= 3
    turned = names[::-1]
    assert [batch.name for batch in live.set_studio_batches_priorities(turned)] == turned
    assert [batch.name for batch in live.list_studio_batches()] == turned
    with pytest.raises(ScaleInvalidRequest):
        live.set_studio_batches_priorities(turned[1:])
    with pytest.raises(ScaleInvalidRequest):
        live.set_studio_batches_priorities(turned + [fresh("none")])
    with pytest.raises(ScaleInvalidRequest):
        live.set_studio_batches_priorities(turned[:-1] + turned[:1])
    reset = [batch.name for batch in live.reset_studio_batches_priorities()]
    assert reset == [batch.name for batch in live.list_studio_batches()]
    assert sorted(reset) == sorted(turned)


@pytest.mark.parametrize(
    "path, body, field",
    [
        ("assignments/add", {"emails": "a", "projects": []}, "emails"),
        ("assignments/add", {"emails": ["a@example.com"]}, "projects"),
        ("assignments/remove", {"projects": [7], "emails": ["a@example.com"]}, "projects"),
        ("batches/set_priorities", {"batches": ["a"]}, "batches"),
        ("batches/set_priorities", {"batches": [{"name": 7}]}, "batches"),
        ("batches/set_priorities", {}, "batches"),
    ],
)
def test_a_wrong_field_is_named(path, body, field):
    refused(raw("POST", f"/v1/studio/{path}", json=body), 400, field)
