"""Single tasks: made, read, changed, cancelled, audited, and refused."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import CHOICE, GATEWAY, choice, fresh, hand_in, project_of, raw, refused
from scaleapi.exceptions import (
    ScaleDuplicateResource,
    ScaleException,
    ScaleInvalidRequest,
    ScaleResourceNotFound,
)
from scaleapi.tasks import TaskStatus, TaskType

ID = re.compile(r"^[0-9a-f]{24}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
NOBODY = "0123456789abcdef01234567"


def assert_absent_means_absent(task):
    nulls = [key for key, value in task.as_dict().items() if value is None]
    assert nulls == []


def test_a_task_is_made_and_read_with_all_its_fields(live):
    project = project_of(live).name
    wanted = {
        "project": project,
        "callback_url": "http://127.0.0.1:9/hook",
        "metadata": {"order": [1, "ü", None]},
        "priority": 30,
        "unique_id": fresh("kite"),
        "tags": ["a", "b"],
    }
    made = choice(live, **wanted)
    assert ID.match(made.id)
    read = live.get_task(made.id)
    for task in (made, read):
        assert (task.type, task.status) == ("categorization", "pending")
        assert task.instruction == CHOICE["instruction"]
        assert task.params["categories"] == ["red", "blue"]
        for field, value in wanted.items():
            assert getattr(task, field) == value, field
        assert TIME.match(task.created_at) and TIME.match(task.updated_at)
        assert_absent_means_absent(task)


def test_what_a_fresh_task_does_not_have_is_absent(live):
    task = choice(live)
    absent = ["tags", "unique_id", "response", "completed_at", "batch", "callback_url", "project"]
    for field in absent:
        assert not hasattr(task, field), field
    assert task.metadata == {}
    assert_absent_means_absent(live.get_task(task.id))


def test_a_callback_may_go_to_an_address_of_mail(live):
    assert choice(live, callback_url="ops@example.com").callback_url == "ops@example.com"


@pytest.mark.parametrize(
    "task_type, left_out, rest",
    [
        (TaskType.Categorization, "instruction attachment_type attachment", {"categories": ["a"]}),
        (TaskType.Transcription, "instruction attachment fields", {}),
        (TaskType.DataCollection, "instruction attachment fields", {}),
        (TaskType.ImageAnnotation, "attachment geometries", {"instruction": "x"}),
        (TaskType.DocumentTranscription, "attachment features", {"instruction": "x"}),
        (TaskType.Annotation, "attachment objects_to_annotate", {"instruction": "x"}),
        (TaskType.PolygonAnnotation, "attachment objects_to_annotate", {"instruction": "x"}),
        (TaskType.LineAnnotation, "attachment objects_to_annotate", {"instruction": "x"}),
        (TaskType.TextCollection, "attachments", {"instruction": "x"}),
    ],
)
def test_a_task_without_what_its_type_needs_is_refused(live, task_type, left_out, rest):
    with pytest.raises(ScaleInvalidRequest) as error:
        live.create_task(task_type, **rest)
    assert any(word in error.value.message for word in left_out.split()), error.value.message


def test_an_empty_task_is_refused(live):
    with pytest.raises(ScaleInvalidRequest):
        live.create_task(TaskType.Categorization)


@pytest.mark.parametrize(
    "field, value",
    [
        ("metadata", {"a": "x" * 10_300}),
        ("metadata", "text"),
        ("priority", 15),
        ("priority", "high"),
        ("tags", ["1", "2", "3", "4", "5", "6"]),
        ("tags", [1]),
        ("tags", "a"),
        ("unique_id", 7),
        ("callback_url", "nonsense"),
        ("callback_url", "ftp://example.com/"),
        ("callback_url", 7),
        ("callback_url", "http://169.254.169.254/"),
        ("project", "there is none"),
        ("project", 7),
        ("batch", "there is none"),
        ("instruction", 7),
    ],
)
def test_a_wrong_field_is_named(live, field, value):
    with pytest.raises(ScaleInvalidRequest) as error:
        choice(live, **{field: value})
    assert error.value.code == 400 and field in error.value.message


def test_a_type_that_is_not_offered_is_told(live):
    with pytest.raises(ScaleException) as error:
        live.api.post_request("task/nonsense", body=CHOICE)
    assert error.value.code in (400, 402, 404)


def test_modes_are_separate_worlds(live, test):
    project = project_of(live).name
    with pytest.raises(ScaleInvalidRequest) as error:
        choice(test, project=project)
    assert "project" in error.value.message
    batch = live.create_batch(project, fresh("batch")).name
    with pytest.raises(ScaleInvalidRequest):
        choice(test, batch=batch)
    task = choice(live)
    with pytest.raises(ScaleResourceNotFound):
        test.get_task(task.id)


def test_what_another_team_has_is_not_there(live, stranger):
    task = choice(live, unique_id=fresh("own"))
    calls = [
        lambda: stranger.get_task(task.id),
        lambda: stranger.cancel_task(task.id),
        lambda: stranger.audit_task(task.id, True),
        lambda: stranger.set_task_metadata(task.id, {"a": 1}),
        lambda: stranger.set_task_tags(task.id, ["a"]),
        lambda: stranger.add_task_tags(task.id, ["a"]),
        lambda: stranger.delete_task_tags(task.id, ["a"]),
        lambda: stranger.update_task_unique_id(task.id, fresh()),
        lambda: stranger.clear_task_unique_id(task.id),
    ]
    for call in calls:
        with pytest.raises(ScaleResourceNotFound):
            call()
    assert live.get_task(task.id).as_dict() == task.as_dict()
    assert choice(stranger, unique_id=task.unique_id).unique_id == task.unique_id


@pytest.mark.parametrize("task_id", [NOBODY, "x", "a%2Fb", "%C3%BC", "9" * 300])
def test_there_is_no_such_task(live, task_id):
    for call in (live.get_task, live.cancel_task, live.clear_task_unique_id):
        with pytest.raises(ScaleResourceNotFound):
            call(task_id)


def test_a_unique_id_is_taken_once_and_its_holder_is_named(live):
    unique = fresh("kite")
    first = choice(live, unique_id=unique)
    with pytest.raises(ScaleDuplicateResource) as error:
        choice(live, unique_id=unique)
    assert unique in error.value.message and first.id in error.value.message
    assert [task.id for task in live.tasks(unique_id=unique)] == [first.id]


def test_one_of_many_wins_a_unique_id(live):
    unique = fresh("race")

    def attempt(_):
        try:
            return choice(live, unique_id=unique).id
        except ScaleDuplicateResource:
            return None

    with ThreadPoolExecutor(10) as pool:
        won = [made for made in pool.map(attempt, range(20)) if made]
    assert len(won) == 1
    assert [task.id for task in live.tasks(unique_id=unique)] == won


def test_a_unique_id_is_changed_and_cleared(live):
    holder, other = choice(live, unique_id=fresh("held")), choice(live)
    with pytest.raises(ScaleDuplicateResource):
        other.update_unique_id(holder.unique_id)
    fresh_id = fresh("kite")
    assert live.update_task_unique_id(other.id, fresh_id).unique_id == fresh_id
    assert "unique_id" not in live.clear_task_unique_id(holder.id).as_dict()
    holder.refresh()
    assert not hasattr(holder, "unique_id")
    assert "unique_id" not in live.clear_task_unique_id(holder.id).as_dict()
    with pytest.raises(ScaleInvalidRequest):
        live.update_task_unique_id(holder.id, "")


def test_a_repeated_request_gets_the_first_answer():
    key = {"Idempotency-Key": fresh("key")}
    first = raw("POST", "/v1/task/categorization", json=CHOICE, headers=key)
    again = raw("POST", "/v1/task/categorization", json=CHOICE, headers=key)
    assert (first.status_code, again.status_code) == (200, 200), again.text
    assert first.json()["task_id"] == again.json()["task_id"]
    other = {**CHOICE, "attachment": "sky"}
    refused(raw("POST", "/v1/task/categorization", json=other, headers=key), 409)
    elsewhere = raw("POST", "/v1/task/categorization", GATEWAY["test"], json=CHOICE, headers=key)
    assert elsewhere.status_code == 200
    assert elsewhere.json()["task_id"] != first.json()["task_id"]


def test_a_pending_task_is_cancelled_and_again(live):
    task = choice(live, unique_id=fresh("kite"))
    assert live.cancel_task(task.id).status == TaskStatus.Canceled.value
    assert live.cancel_task(task.id).status == "canceled"
    with pytest.raises(ScaleDuplicateResource):
        choice(live, unique_id=task.unique_id)
    cleared = live.cancel_task(task.id, clear_unique_id=True)
    assert "unique_id" not in cleared.as_dict()
    assert choice(live, unique_id=task.unique_id).status == "pending"


def test_a_task_cancels_itself_and_frees_its_unique_id(live):
    task = choice(live, unique_id=fresh("kite"))
    task.cancel(clear_unique_id=True)
    assert choice(live, unique_id=task.unique_id).status == "pending"


def test_a_completed_task_cannot_be_cancelled(live):
    task = choice(live)
    hand_in(task.id)
    with pytest.raises(ScaleInvalidRequest):
        task.cancel()
    task.refresh()
    assert task.status == "completed" and TIME.match(task.completed_at)
    assert task.response == {"category": "red"}


def test_metadata_is_replaced_even_by_nothing(live):
    task = choice(live, metadata={"a": 1})
    assert live.set_task_metadata(task.id, {"b": {"c": [2]}}).metadata == {"b": {"c": [2]}}
    assert live.set_task_metadata(task.id, {}).metadata == {}
    task.set_metadata({"d": 3})
    task.refresh()
    assert task.metadata == {"d": 3}
    with pytest.raises(ScaleInvalidRequest):
        live.set_task_metadata(task.id, {"a": "x" * 10_300})
    with pytest.raises(ScaleInvalidRequest):
        live.set_task_metadata(task.id, ["a"])


def test_the_old_wrapped_metadata_is_the_metadata(live):
    task = choice(live)
    assert live.set_task_metadata(task.id, {"docs": {"a": 1}}).metadata == {"docs": {"a": 1}}


def test_tags_are_set_added_and_removed(live):
    task = choice(live)
    assert live.set_task_tags(task.id, ["a", "b"]).tags == ["a", "b"]
    assert live.add_task_tags(task.id, ["b", "c"]).tags == ["a", "b", "c"]
    assert live.delete_task_tags(task.id, ["a", "x"]).tags == ["b", "c"]
    with pytest.raises(ScaleInvalidRequest):
        live.add_task_tags(task.id, ["1", "2", "3", "4"])
    assert live.get_task(task.id).tags == ["b", "c"]
    assert live.add_task_tags(task.id, []).tags == ["b", "c"]
    assert live.delete_task_tags(task.id, []).tags == ["b", "c"]
    assert getattr(live.set_task_tags(task.id, []), "tags", []) == []
    with pytest.raises(ScaleInvalidRequest):
        live.set_task_tags(task.id, {"a": 1})
    with pytest.raises(ScaleInvalidRequest):
        live.set_task_tags(task.id, [7])


def test_a_task_changes_its_own_tags(live):
    task = choice(live)
    task.set_tags(["a"])
    task.add_tags(["b"])
    task.delete_tags(["a"])
    task.refresh()
    assert task.tags == ["b"]


def test_only_completed_tasks_are_audited(live):
    task = choice(live)
    with pytest.raises(ScaleInvalidRequest):
        task.audit(True)
    hand_in(task.id)
    task.audit(False, "the box is too large")
    task.refresh()
    assert task.customer_review_status == "rejected"
    assert task.audits[-1]["audit_result"] == "rejected"
    assert TIME.match(task.audits[-1]["audited_at"])
    live.audit_task(task.id, True)
    assert live.get_task(task.id).customer_review_status == "accepted"
    with pytest.raises(ScaleInvalidRequest):
        live.audit_task(task.id, "yes")


@pytest.mark.parametrize("call", ["create_evaluation_task", "create_training_task"])
def test_quality_tasks_have_an_expected_response(live, call):
    project = project_of(live, TaskType.ImageAnnotation, rapid=True).name
    wanted = {
        "project": project,
        "attachment": "https://example.com/a.png",
        "geometries": {"box": {"objects_to_annotate": ["kite"]}},
    }
    expected = {"annotations": []}
    create = getattr(live, call)
    made = create(TaskType.ImageAnnotation, expected_response=expected, **wanted)
    assert ID.match(made.id) and made.expected_response == expected
    first = {"annotations": [{"label": "kite"}]}
    reviewed = create(
        TaskType.ImageAnnotation, expected_response=expected, initial_response=first, **wanted
    )
    assert reviewed.as_dict()["initial_response"] == first
    with pytest.raises(ScaleInvalidRequest) as error:
        create(TaskType.ImageAnnotation, **wanted)
    assert "expected_response" in error.value.message


@pytest.mark.parametrize("task_type", list(TaskType), ids=lambda it: it.value)
def test_every_type_of_the_sdk_is_known(live, task_type):
    wanted = {
        "attachment": "https://example.com/a.png",
        "attachments": ["https://example.com/a.png"],
        "attachment_type": "image",
        "attachment_base": "https://example.com/",
        "categories": ["a", "b"],
        "choices": ["a", "b"],
        "events_to_annotate": ["a"],
        "features": [{"type": "block", "label": "a"}],
        "fields": [{"type": "text", "field_id": "a", "title": "A"}],
        "frames": ["https://example.com/a.json"],
        "geometries": {"box": {"objects_to_annotate": ["a"]}},
        "instruction": "x",
        "labels": [{"name": "a"}],
        "max_distance_meters": 30,
        "meters_per_pixel": 1,
        "objects_to_annotate": ["a"],
        "template_variables": {"a": "b"},
        "text": "a b",
        "with_labels": True,
    }
    task = live.create_task(task_type, **wanted)
    assert task.type == task_type.value
    assert task.params["attachment"] == wanted["attachment"]
