"""Projects: made, read, changed; names of every kind."""

import re

import pytest
from conftest import CHOICE, choice, fresh, project_of, raw, refused
from scaleapi.exceptions import (
    ScaleDuplicateResource,
    ScaleInvalidRequest,
    ScaleResourceNotFound,
)
from scaleapi.tasks import TaskType

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def test_a_project_is_made_read_and_listed(live):
    made = live.create_project(
        fresh("project"), TaskType.ImageAnnotation, params={"instruction": "Box the kites."}
    )
    assert made.type == "imageannotation"
    assert (made.version, made.instruction) == (0, "Box the kites.")
    assert TIME.match(made.as_dict()["created_at"])
    read = live.get_project(made.name)
    assert read.as_dict() == made.as_dict()
    assert made.name in [project.name for project in live.projects()]
    assert made.name in [project.name for project in live.get_projects()]


def test_a_project_needs_no_params(live):
    made = project_of(live)
    assert isinstance(made.as_dict()["param_history"], list)
    assert made.instruction is None


def test_a_name_is_taken_once_in_each_mode(live, test, stranger):
    made = project_of(live)
    with pytest.raises(ScaleDuplicateResource) as error:
        live.create_project(made.name, TaskType.Categorization)
    assert error.value.code == 409 and "name" in error.value.message
    for other in (test, stranger):
        with pytest.raises(ScaleResourceNotFound):
            other.get_project(made.name)
        assert other.create_project(made.name, TaskType.Categorization).name == made.name


def test_there_is_no_such_project(live):
    name = fresh("none")
    for call in (live.get_project, live.get_project_template):
        with pytest.raises(ScaleResourceNotFound):
            call(name)
    with pytest.raises(ScaleResourceNotFound):
        live.update_project(name, instruction="x")


@pytest.mark.parametrize(
    "body, field",
    [
        ({}, ""),
        ({"name": "x"}, "type"),
        ({"type": "categorization"}, "name"),
        ({"name": "", "type": "categorization"}, "name"),
        ({"name": "x" * 256, "type": "categorization"}, "name"),
        ({"name": 7, "type": "categorization"}, "name"),
        ({"name": "x", "type": "nonsense"}, "type"),
        ({"name": "x", "type": ["categorization"]}, "type"),
        ({"name": "x", "type": "categorization", "params": "p"}, "params"),
        ({"name": "x", "type": "categorization", "rapid": "yes"}, "rapid"),
    ],
)
def test_a_wrong_project_names_its_field(body, field):
    refused(raw("POST", "/v1/projects", json=body), 400, field)


def test_params_are_replaced_or_merged_and_every_version_is_kept(live):
    name = project_of(live, params={"instruction": "one", "geometries": {"a": 1}}).name
    replaced = live.update_project(name, categories=["red"], instruction="two")
    assert replaced.version == 1
    assert "geometries" not in replaced.params
    merged = live.update_project(name, patch=True, categories=["blue"])
    assert merged.version == 2
    assert merged.params["categories"] == ["blue"]
    assert merged.params["instruction"] == "two"
    history = live.get_project(name).as_dict()["param_history"]
    assert [entry["version"] for entry in history] == [0, 1, 2]
    assert all("patch" not in entry and TIME.match(entry["created_at"]) for entry in history)


def test_params_may_be_replaced_by_nothing(live):
    name = project_of(live, params={"instruction": "one"}).name
    emptied = live.update_project(name)
    assert emptied.version == 1 and emptied.instruction is None


ODD_NAMES = ["a/b", "ü", "with two spaces", "task1", "100%", "a+b", "#?&=;", "日本", "a\\b", "'\""]


@pytest.mark.parametrize("odd", ODD_NAMES)
def test_a_project_may_have_any_name(live, odd):
    name = f"{odd} {fresh()}"
    assert live.create_project(name, TaskType.Categorization).name == name
    assert live.get_project(name).name == name
    assert live.update_project(name, instruction="x").instruction == "x"
    task = choice(live, project=name)
    assert task.project == name
    assert [found.id for found in live.get_tasks(project_name=name)] == [task.id]


def test_a_template_is_there_for_chat_and_text_collection_only(live):
    params = {"instruction": "Write.", "fields": [{"type": "text", "field_id": "a", "title": "A"}]}
    text = project_of(live, TaskType.TextCollection, params=params)
    template = text.get_template()
    assert template.id and isinstance(template.version, int)
    assert isinstance(template.get_template_variables(), dict)
    with pytest.raises(ScaleInvalidRequest):
        project_of(live).get_template()


@pytest.mark.parametrize("value", ["true", "True", "false", "FALSE", ""])
def test_archived_is_read_in_any_case(value):
    answer = raw("GET", "/v1/projects", params={"archived": value})
    assert answer.status_code == 200 and isinstance(answer.json(), list), answer.text


def test_a_task_inherits_what_its_project_says(live):
    name = project_of(live, params={"instruction": "Mind the gap.", "categories": ["a", "b"]}).name
    own = live.create_task(
        TaskType.Categorization,
        project=name,
        instruction="Choose.",
        attachment_type="text",
        attachment="x",
    )
    assert own.params["categories"] == ["a", "b"]
    assert own.instruction.startswith("Choose.") and own.instruction.endswith("Mind the gap.")
    stronger = choice(live, project=name)
    assert stronger.params["categories"] == CHOICE["categories"]


def test_a_task_may_name_a_version_of_its_project(live):
    name = project_of(live, params={"categories": ["old", "older"]}).name
    live.update_project(name, categories=["new", "newer"])
    wanted = {key: CHOICE[key] for key in ("instruction", "attachment_type", "attachment")}

    def categories(**more):
        task = live.create_task(TaskType.Categorization, project=name, **wanted, **more)
        return task.params["categories"]

    assert categories() == ["new", "newer"]
    assert categories(project_version=0) == ["old", "older"]
    alone = choice(live, project=name, project_version=-1)
    assert alone.params["categories"] == CHOICE["categories"]
    with pytest.raises(ScaleInvalidRequest):
        categories(project_version=9)
