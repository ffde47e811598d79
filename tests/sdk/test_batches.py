"""Batches: made, finalized, counted, completed, listed."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import choice, eventually, fresh, hand_in, project_of, raw, refused
from scaleapi.batches import BatchStatus
from scaleapi.exceptions import (
    ScaleDuplicateResource,
    ScaleInvalidRequest,
    ScaleResourceNotFound,
)


def batch_of(client, **more):
    return client.create_batch(project_of(client).name, fresh("batch"), **more)


def test_a_batch_is_made_and_read(live):
    project = project_of(live).name
    made = live.create_batch(project, fresh("batch"), callback="ops@example.com", metadata={"a": 1})
    read = live.get_batch(made.name)
    for batch in (made, read):
        assert (batch.project, batch.status) == (project, BatchStatus.InProgress.value)
        assert batch.metadata == {"a": 1}
        assert batch.as_dict()["callback"] == "ops@example.com"
        assert batch.created_at.endswith("Z")


def test_an_empty_callback_is_none(live):
    made = batch_of(live)
    assert made.metadata == {}
    assert not made.as_dict().get("callback")


def test_a_name_is_taken_once_over_all_projects(live, test):
    made = batch_of(live)
    with pytest.raises(ScaleDuplicateResource):
        live.create_batch(made.project, made.name)
    with pytest.raises(ScaleDuplicateResource):
        live.create_batch(project_of(live).name, made.name)
    assert test.create_batch(project_of(test).name, made.name).name == made.name


def test_there_is_no_such_batch(live, stranger):
    name = batch_of(live).name
    calls = ["get_batch", "batch_status", "finalize_batch"]
    for call in calls:
        with pytest.raises(ScaleResourceNotFound):
            getattr(live, call)(fresh("none"))
        with pytest.raises(ScaleResourceNotFound):
            getattr(stranger, call)(name)
    with pytest.raises(ScaleResourceNotFound):
        live.set_batch_metadata(fresh("none"), {})


@pytest.mark.parametrize(
    "change, field",
    [
        ({"project": None}, "project"),
        ({"project": "there is none"}, "project"),
        ({"project": 7}, "project"),
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"callback": "nonsense"}, "callback"),
        ({"callback": "http://169.254.169.254/"}, "callback"),
        ({"metadata": [1]}, "metadata"),
        ({"self_label_batch": "yes"}, "self_label_batch"),
    ],
)
def test_a_wrong_batch_names_its_field(live, change, field):
    body = {"project": project_of(live).name, "name": fresh("batch"), **change}
    body = {key: value for key, value in body.items() if value is not None}
    refused(raw("POST", "/v1/batches", json=body), 400, field)


def test_tasks_join_a_batch_and_it_counts_them(live):
    batch = batch_of(live)
    tasks = [choice(live, batch=batch.name) for _ in range(4)]
    assert {task.project for task in tasks} == {batch.project}
    tasks[0].cancel()
    hand_in(tasks[1].id)
    status = batch.get_status()
    assert status["status"] == "in_progress"
    assert (batch.tasks_pending, batch.tasks_completed) == (2, 1)
    assert (batch.tasks_canceled, batch.tasks_error) == (1, 0)


def test_a_batch_and_a_project_must_fit(live):
    batch = batch_of(live)
    with pytest.raises(ScaleInvalidRequest):
        choice(live, batch=batch.name, project=project_of(live).name)


def test_a_standard_batch_needs_no_finalizing(live):
    batch = batch_of(live)
    assert batch.finalize().status == "in_progress"
    assert live.finalize_batch(batch.name).status == "in_progress"


@pytest.mark.parametrize("kind", ["rapid", "studio"])
def test_a_rapid_batch_is_staged_then_finalized_once(live, kind):
    project = project_of(live, **{kind: True}).name
    batch = live.create_batch(project, fresh("task1"))
    assert batch.status == BatchStatus.Staging.value
    choice(live, batch=batch.name)
    assert batch.finalize().status == "in_progress"
    with pytest.raises(ScaleInvalidRequest):
        batch.finalize()
    with pytest.raises(ScaleInvalidRequest):
        choice(live, batch=batch.name)


def test_a_batch_is_completed_with_its_last_task_and_reopens(live, receiver):
    batch = batch_of(live, callback=receiver.url("batch"))
    first, second = choice(live, batch=batch.name), choice(live, batch=batch.name)
    hand_in(first.id)
    second.cancel()
    done = eventually(lambda: live.get_batch(batch.name), lambda it: it.status == "completed")
    assert done.as_dict()["completed_at"]

    def mine(path, _, body):
        return path == "/batch" and body.get("name") == batch.name

    (call,) = receiver.wait(mine)
    assert call[2]["status"] == "completed" and call[2]["batch"]["project"] == batch.project
    third = choice(live, batch=batch.name)
    assert live.get_batch(batch.name).status == "in_progress"
    hand_in(third.id)
    eventually(lambda: receiver.wait(mine), lambda calls: len(calls) == 2)


def test_metadata_is_replaced_even_by_nothing(live):
    batch = batch_of(live, metadata={"a": 1})
    assert live.set_batch_metadata(batch.name, {"b": 2}).metadata == {"b": 2}
    assert live.set_batch_metadata(batch.name, {}).metadata == {}


@pytest.mark.parametrize("odd", ["a/b", "ü", "with two spaces", "task1", "100%", "a+b", "#?&=;"])
def test_a_batch_may_have_any_name(live, odd):
    name = f"{odd} {fresh()}"
    project = project_of(live, rapid=True).name
    assert live.create_batch(project, name).name == name
    assert live.get_batch(name).name == name
    assert live.batch_status(name)["status"] == "staging"
    assert live.set_batch_metadata(name, {"a": 1}).metadata == {"a": 1}
    assert live.finalize_batch(name).status == "in_progress"
    with pytest.raises(ScaleInvalidRequest):
        live.finalize_batch(name)
    assert list(live.tasks(batch=name)) == []


def test_pages_hold_every_batch_once_newest_first(live):
    project = project_of(live).name
    with ThreadPoolExecutor(25) as pool:
        made = set(pool.map(lambda _: live.create_batch(project, fresh("b")).name, range(103)))
    found = list(live.get_batches(project_name=project))
    assert len(found) == 103 and {batch.name for batch in found} == made
    times = [batch.created_at for batch in found]
    assert times == sorted(times, reverse=True)
    page = live.batches(project=project, limit=50, offset=100)
    assert (len(page), page.total, page.limit, page.offset) == (3, 103, 50, 100)
    assert not page.has_more
    assert live.batches(project=project, limit=2).has_more
    body = raw("GET", "/v1/batches", params={"project": project, "limit": 2}).json()
    assert (body["total"], body["totalDocs"]) == (103, 103)


def test_batches_are_found_by_every_filter(live):
    project = project_of(live, rapid=True).name
    staged, running = (live.create_batch(project, fresh("batch")) for _ in range(2))
    running.finalize()

    def found(**filters):
        return {batch.name for batch in live.get_batches(project_name=project, **filters)}

    assert found() == {staged.name, running.name}
    assert found(batch_status=BatchStatus.Staging) == {staged.name}
    assert found(batch_status=BatchStatus.InProgress) == {running.name}
    assert found(batch_status=BatchStatus.Completed) == set()
    assert found(exclude_archived=True) == {staged.name, running.name}
    assert found(created_after="2000-01-01", created_before="2999-01-01") == found()
    assert found(created_after="2999-01-01") == set()


@pytest.mark.parametrize(
    "filters",
    [{"limit": 0}, {"limit": 101}, {"offset": -1}, {"status": "nonsense"}, {"start_time": "x"}],
)
def test_a_wrong_filter_is_named(filters):
    (field,) = filters
    refused(raw("GET", "/v1/batches", params=filters), 400, field)
