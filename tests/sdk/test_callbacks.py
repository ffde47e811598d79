"""Callbacks really are sent, with the right secret and the right body; test mode."""

import pytest
import requests
from conftest import (
    GATEWAY,
    PATIENCE_S,
    URL,
    choice,
    eventually,
    fresh,
    hand_in,
    project_of,
    raw,
    refused,
)
from scaleapi.exceptions import ScaleInvalidRequest, ScaleResourceNotFound


def set_default(url):
    """The team's default callback URL."""
    answer = requests.put(
        f"{URL}/internal/v1/teams/{GATEWAY['team']}",
        json={"default_callback_url": url},
        headers={"authorization": f"Bearer {GATEWAY['producer']}"},
        timeout=PATIENCE_S,
    )
    assert answer.status_code == 200, answer.text


def test_a_live_task_is_answered_at_its_own_url(live, receiver):
    task = choice(live, callback_url=receiver.url("own"), metadata={"a": 1})
    hand_in(task.id, {"category": "blue"})
    ((headers, body),) = receiver.of_task(task.id)
    assert headers["scale-callback-auth"] == GATEWAY["live_auth"]
    assert headers["content-type"] == "application/json"
    assert set(body) >= {"task_id", "status", "response", "task"}
    assert (body["status"], body["response"]) == ("completed", {"category": "blue"})
    assert body["task"]["task_id"] == task.id
    assert body["task"]["metadata"] == {"a": 1}
    assert body["task"]["response"] == {"category": "blue"}
    done = eventually(lambda: live.get_task(task.id), lambda it: hasattr(it, "callback_succeeded"))
    assert done.callback_succeeded is True
    assert done.status == "completed" and not done.as_dict().get("is_test")


def test_a_project_and_then_the_team_say_where_else(live, receiver):
    set_default(receiver.url("default"))
    project = project_of(live, params={"callback_url": receiver.url("project")}).name
    at_project, at_team = choice(live, project=project), choice(live)
    hand_in(at_project.id)
    hand_in(at_team.id)

    def path_of(task):
        ((path, _, _),) = receiver.wait(lambda _, __, body: body.get("task_id") == task.id)
        return path

    assert path_of(at_project) == "/project"
    assert path_of(at_team) == "/default"
    set_default(None)


def test_a_task_with_nowhere_to_go_is_done_all_the_same(live):
    task = choice(live)
    hand_in(task.id)
    task.refresh()
    assert task.status == "completed" and not hasattr(task, "callback_succeeded")


def test_a_test_task_completes_at_once_and_calls_back(test, receiver):
    task = choice(test, callback_url=receiver.url("test"))
    read = test.get_task(task.id)
    assert read.status == "completed" and read.is_test is True
    assert read.completed_at and read.response["category"] in ("red", "blue")
    ((headers, body),) = receiver.of_task(task.id)
    assert headers["scale-callback-auth"] == GATEWAY["test_auth"]
    assert body["response"] == read.response
    eventually(
        lambda: test.get_task(task.id), lambda it: getattr(it, "callback_succeeded", None) is True
    )
    with pytest.raises(ScaleInvalidRequest):
        task.cancel()


def test_a_test_batch_completes_with_its_tasks_and_takes_more(test):
    project = project_of(test).name
    batch = test.create_batch(project, fresh("batch"))
    assert batch.status == "in_progress"
    for count in (1, 2):
        choice(test, batch=batch.name)
        status = batch.get_status()
        assert (status["status"], status["completed"]) == ("completed", count)


def test_an_audit_calls_back(live, receiver):
    task = choice(live, callback_url=receiver.url("audit"))
    hand_in(task.id)
    live.audit_task(task.id, True, "fine")
    _, (_, audited) = receiver.of_task(task.id, count=2)
    assert audited["task"]["customer_review_status"] == "accepted"


def test_a_failed_task_tells_why(live, receiver):
    task = choice(live, callback_url=receiver.url("error"))
    why = {"error": "unreadable", "attachments": [{"statusCode": 403, "url": "https://a.test/"}]}
    hand_in(task.id, why, status="error")
    ((_, body),) = receiver.of_task(task.id)
    assert (body["status"], body["response"]) == ("error", why)
    task.refresh()
    assert task.status == "error" and task.response == why


def test_a_callback_is_sent_again_on_request(live, receiver):
    task = choice(live, callback_url=receiver.url("again"))
    refused(raw("POST", f"/v1/task/{task.id}/send_callback"), 400)
    hand_in(task.id)
    receiver.of_task(task.id)
    answer = raw("POST", f"/v1/task/{task.id}/send_callback")
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    (_, first), (_, again) = receiver.of_task(task.id, count=2)
    assert again["response"] == first["response"]
    nowhere = choice(live)
    hand_in(nowhere.id)
    refused(raw("POST", f"/v1/task/{nowhere.id}/send_callback"), 400)
    refused(raw("POST", "/v1/task/0123456789abcdef01234567/send_callback"), 404)


def test_cancelling_calls_nobody(live, receiver):
    quiet = choice(live, callback_url=receiver.url("quiet"))
    quiet.cancel()
    loud = choice(live, callback_url=receiver.url("quiet"))
    hand_in(loud.id)
    receiver.of_task(loud.id)
    assert [body for _, _, body in receiver.calls if body.get("task_id") == quiet.id] == []
    with pytest.raises(ScaleResourceNotFound):
        live.get_task("0" * 24)
