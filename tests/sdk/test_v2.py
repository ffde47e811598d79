"""The second half of the SDK: everything under `/v2`, with answers that pydantic checks."""

from datetime import datetime, timedelta, timezone

import pytest
from conftest import GATEWAY, choice, fresh, hand_in, project_of, raw, refused
from scaleapi.api_client.v2 import (
    BatchOperationRequest,
    BatchStatus,
    CreateBatchRequest,
    CreateChatTaskRequest,
    ExpandableEnumBatch,
    ExpandableEnumTask,
    Option,
    SetBatchMetadataRequest,
    SetTaskMetadataRequest,
    TaskStatus,
)
from scaleapi.api_client.v2.exceptions import (
    BadRequestException,
    ConflictException,
    NotFoundException,
    UnauthorizedException,
)
from conftest import client_of
from scaleapi.tasks import TaskType


@pytest.fixture
def project(live):
    """A chat project as v2 sees it."""
    name = project_of(live, TaskType.Chat).name
    return live.v2.get_project(project_name=name)


def batch_in(live, project, **more):
    wanted = CreateBatchRequest(name=fresh("batch"), project_id=project.id, **more)
    return live.v2.create_batch(wanted)


def chat(live, **more):
    return live.v2.create_chat_task(
        CreateChatTaskRequest(template_variables={"topic": "kites"}, **more)
    )


def test_projects_are_read_by_id_and_by_name(live, test, project):
    assert live.v2.get_project(project_id=project.id) == project
    assert project in live.v2.get_projects().projects
    day = timedelta(days=1)
    around = {"created_after": project.created_at - day, "created_before": project.created_at + day}
    assert project in live.v2.get_projects(**around).projects
    assert live.v2.get_projects(created_after=datetime.now(timezone.utc) + day).projects == []
    with pytest.raises(NotFoundException):
        test.v2.get_project(project_id=project.id)
    with pytest.raises(NotFoundException):
        live.v2.get_project(project_name=fresh("none"))
    with pytest.raises(BadRequestException):
        live.v2.get_project()


@pytest.mark.parametrize("odd", ["a/b", "ü", "with two spaces", "a+b", "100%"])
def test_odd_names_are_found(live, odd):
    name = f"{odd} {fresh()}"
    live.create_project(name, TaskType.Chat)
    assert live.v2.get_project(project_name=name).name == name
    batch = live.v2.create_batch(CreateBatchRequest(name=f"b {name}", project_name=name))
    assert live.v2.get_batch(batch_name=batch.name).id == batch.id


def test_a_batch_is_made_read_and_expanded(live, project):
    made = batch_in(live, project, callback="ops@example.com", metadata={"a": 1})
    assert made.status == BatchStatus.IN_PROGRESS
    assert made.project.actual_instance == project.id
    assert (made.metadata, made.callback) == ({"a": 1}, "ops@example.com")
    read = live.v2.get_batch(batch_id=made.id)
    assert read == made
    expanded = live.v2.get_batch(batch_name=made.name, expand=[ExpandableEnumBatch.PROJECT])
    assert expanded.project.actual_instance == project
    with pytest.raises(ConflictException):
        live.v2.create_batch(CreateBatchRequest(name=made.name, project_id=project.id))
    with pytest.raises(BadRequestException):
        live.v2.create_batch(CreateBatchRequest(name=fresh()))
    with pytest.raises(BadRequestException):
        live.v2.get_batch()
    with pytest.raises(NotFoundException):
        live.v2.get_batch(batch_id="0" * 24)
    sample = raw("POST", "/v2/batch", json={"name": fresh(), "project": project.name})
    assert sample.status_code == 200, sample.text


def test_a_staging_batch_is_finalized_once(live, project):
    staged = batch_in(live, project, staging_batch=True)
    assert staged.status == BatchStatus.STAGING
    which = BatchOperationRequest(batch_id=staged.id)
    assert live.v2.finalize_batch(which).status == BatchStatus.IN_PROGRESS
    with pytest.raises(BadRequestException):
        live.v2.finalize_batch(which)
    with pytest.raises(BadRequestException):
        live.v2.finalize_batch(BatchOperationRequest())


def test_a_batch_is_paused_resumed_and_cancelled_for_good(live, project):
    made = batch_in(live, project)
    which = BatchOperationRequest(batch_name=made.name)
    paused = live.v2.pause_batch(which)
    assert paused.batch.status == BatchStatus.PAUSED and paused.message
    assert live.v2.resume_batch(which).batch.status == BatchStatus.IN_PROGRESS
    assert live.v2.cancel_batch(which).batch.status == BatchStatus.CANCELLED
    for call in (live.v2.cancel_batch, live.v2.resume_batch, live.v2.pause_batch):
        with pytest.raises(BadRequestException):
            call(which)
    with pytest.raises(NotFoundException):
        live.v2.pause_batch(BatchOperationRequest(batch_name=fresh("none")))


def test_v1_knows_no_paused_batch(live, project):
    made = batch_in(live, project)
    live.v2.pause_batch(BatchOperationRequest(batch_id=made.id))
    assert live.get_batch(made.name).status in ("staging", "in_progress", "completed")


def test_batches_are_listed_page_by_page(live, project):
    made = [batch_in(live, project).id for _ in range(5)]
    seen, token = [], None
    while True:
        page = live.v2.get_batches(project_id=project.id, limit=2, next_token=token)
        seen += [batch.id for batch in page.batches]
        token = page.next_token
        if token is None:
            break
    assert seen == sorted(made, reverse=True)  # ids grow with time
    filters = {"project_name": project.name, "status": BatchStatus.IN_PROGRESS}
    assert len(live.v2.get_batches(**filters).batches) == 5
    filters["status"] = BatchStatus.COMPLETED
    assert live.v2.get_batches(**filters).batches == []
    expanded = live.v2.get_batches(project_id=project.id, expand=[ExpandableEnumBatch.PROJECT])
    assert {batch.project.actual_instance.id for batch in expanded.batches} == {project.id}


def test_metadata_of_a_batch_is_replaced_or_merged(live, project):
    made = batch_in(live, project, metadata={"a": {"b": 1}, "c": 2})
    merged = live.v2.set_batch_metadata(
        SetBatchMetadataRequest(batch_id=made.id, metadata={"a": {"d": 3}}, merge=True)
    )
    assert merged.metadata == {"a": {"b": 1, "d": 3}, "c": 2}
    replaced = live.v2.set_batch_metadata(
        SetBatchMetadataRequest(batch_name=made.name, metadata={})
    )
    assert replaced.metadata == {}


def test_a_chat_task_is_made_in_a_project_or_a_batch(live, project):
    alone = chat(live, project_id=project.id, metadata={"a": 1})
    assert alone.project.actual_instance == project.id
    assert (alone.status, alone.metadata, alone.batch) == (TaskStatus.PENDING, {"a": 1}, None)
    batch = batch_in(live, project)
    joined = chat(live, batch_name=batch.name)
    assert joined.batch.actual_instance == batch.id
    assert joined.project.actual_instance == project.id
    assert live.v2.get_task(task_id=joined.task_id) == joined
    expand = [ExpandableEnumTask.PROJECT, ExpandableEnumTask.BATCH]
    whole = live.v2.get_task(task_id=joined.task_id, expand=expand, opts=list(Option))
    assert whole.project.actual_instance == project
    assert whole.batch.actual_instance.name == batch.name
    assert live.get_task(joined.task_id).params["template_variables"] == {"topic": "kites"}
    with pytest.raises(BadRequestException):
        chat(live)
    with pytest.raises(BadRequestException):
        chat(live, project_name=fresh("none"))
    with pytest.raises(NotFoundException):
        live.v2.get_task(task_id="0" * 24)


def test_a_v2_task_calls_back(live, project, receiver):
    task = chat(live, project_id=project.id, callback_url=receiver.url("v2"))
    hand_in(task.task_id, {"threads": []})
    ((headers, _),) = receiver.of_task(task.task_id)
    assert headers["scale-callback-auth"] == GATEWAY["live_auth"]
    done = live.v2.get_task(task_id=task.task_id)
    assert done.status == TaskStatus.COMPLETED and done.completed_at


def test_tasks_are_listed_page_by_page(live, project):
    batch = batch_in(live, project)
    made = [chat(live, batch_id=batch.id).task_id for _ in range(5)]
    hand_in(made[0], {"threads": []})
    found = [task.task_id for task in live.v2_get_tasks(project_id=project.id, limit=2)]
    assert found == sorted(made, reverse=True)
    found = [task.task_id for task in live.v2_get_tasks(batch_name=batch.name)]
    assert found == sorted(made, reverse=True)
    done = live.v2_get_tasks(project_name=project.name, status=TaskStatus.COMPLETED)
    assert [task.task_id for task in done] == made[:1]
    late = datetime.now(timezone.utc) + timedelta(days=1)
    assert list(live.v2_get_tasks(project_id=project.id, completed_after=late)) == []
    early = live.v2_get_tasks(project_id=project.id, completed_before=late)
    assert [task.task_id for task in early] == made[:1]
    with pytest.raises(BadRequestException):
        live.v2.get_tasks()


def test_metadata_of_a_task_is_replaced_or_merged(live, project):
    task = chat(live, project_id=project.id, metadata={"a": {"b": 1}})
    merged = live.v2.set_task_metadata(
        SetTaskMetadataRequest(task_id=task.task_id, metadata={"a": {"c": 2}}, merge=True)
    )
    assert merged.metadata == {"a": {"b": 1, "c": 2}}
    replaced = live.v2.set_task_metadata(
        SetTaskMetadataRequest(task_id=task.task_id, metadata={"d": 3})
    )
    assert replaced.metadata == {"d": 3}


def test_a_v1_task_in_a_project_is_a_v2_task(live):
    name = project_of(live).name
    task = choice(live, project=name)
    task.cancel()
    read = live.v2.get_task(task_id=task.id)
    assert read.status == TaskStatus.CANCELED
    assert read.project.actual_instance == live.v2.get_project(project_name=name).id


def test_what_is_not_offered_is_empty_or_not_there(live):
    v2 = live.v2
    assert v2.get_datasets().datasets == []
    assert v2.get_deliveries().deliveries == []
    assert v2.get_dataset_deliveries(dataset_id="x").deliveries == []
    assert v2.get_dataset_tasks(dataset_id="x").tasks == []
    for call in (
        lambda: v2.get_delivery(delivery_id="x"),
        lambda: v2.get_delivery_tasks(delivery_id="x"),
        lambda: v2.get_dataset_delivery(delivery_id="x"),
        lambda: v2.get_dataset_task(task_id="x"),
        lambda: v2.get_dataset_task_response_url(task_id="x", attachment_id="y"),
        lambda: v2.get_annotation(annotation_id="x"),
        lambda: v2.get_schema(schema_id="x"),
    ):
        with pytest.raises(NotFoundException):
            call()


def test_a_wrong_key_and_wrong_values_are_told(live, project):
    with pytest.raises(UnauthorizedException):
        client_of("live_nobody").v2.get_projects()
    refused(raw("GET", "/v2/batches", params={"limit": 101}), 400, "limit")
    refused(raw("GET", "/v2/batches", params={"status": "nonsense"}), 400, "status")
    refused(raw("GET", "/v2/tasks", params={"project_id": project.id, "next_token": "x"}), 400, "next_token")
    refused(raw("GET", "/v2/projects", params={"created_after": "x"}), 400, "created_after")
    refused(raw("GET", "/v2/batch", params={"batch_id": "x", "expand": "nonsense"}), 400, "expand")
