"""What the clients force upon the wire: keys, errors, odd queries, crowds."""

import base64
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from conftest import CHOICE, GATEWAY, PATIENCE_S, URL, choice, client_of, fresh, raw, refused
from scaleapi.exceptions import (
    ScaleDuplicateResource,
    ScaleException,
    ScaleInvalidRequest,
    ScaleResourceNotFound,
    ScaleUnauthorized,
)
from scaleapi.tasks import TaskType


def test_each_mistake_raises_its_own_exception(live):
    task = choice(live, unique_id=fresh("kite"))
    for mistake, exception, code in [
        (lambda: live.tasks(limit=0), ScaleInvalidRequest, 400),
        (lambda: client_of("live_nobody").tasks(), ScaleUnauthorized, 401),
        (lambda: live.get_task("0" * 24), ScaleResourceNotFound, 404),
        (lambda: choice(live, unique_id=task.unique_id), ScaleDuplicateResource, 409),
        (lambda: live.api.put_request("tasks", body={"a": 1}), ScaleException, 405),
        (lambda: choice(live, instruction="x" * 9_000_000), ScaleException, 413),
    ]:
        with pytest.raises(ScaleException) as error:
            mistake()
        assert type(error.value) is exception
        assert error.value.code == code and error.value.message


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Basic", "BASIC"])
@pytest.mark.parametrize("path", ["/v1/tasks?limit=1", "/v2/projects"])
def test_a_key_comes_as_basic_or_bearer(scheme, path):
    key = GATEWAY["live"]
    if scheme.lower() == "basic":
        key = base64.b64encode(f"{key}:".encode()).decode()
    headers = {"authorization": f"{scheme} {key}"}
    answer = requests.get(URL + path, headers=headers, timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Basic", "Basic !!!", "Basic OmtleQ==", "Bearer ", "Digest x", "Bearer \u00fc"],
)
@pytest.mark.parametrize("path", ["/v1/tasks", "/v1/task/x", "/v2/projects", "/v1/projects/a"])
def test_without_a_valid_key_there_is_nothing(authorization, path):
    headers = {} if authorization is None else {"authorization": authorization.encode("latin-1")}
    refused(requests.get(URL + path, headers=headers, timeout=PATIENCE_S), 401)


def test_a_producers_key_opens_nothing_of_a_team():
    refused(raw("GET", "/v1/tasks", GATEWAY["producer"]), 401)
    assert raw("GET", "/internal/v1/dead-letters").status_code == 401


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/v1/nonsense", 404),
        ("GET", "/v1/tasks/", 404),
        ("GET", "/v1//tasks", 404),
        ("GET", "/v2/nonsense", 404),
        ("PUT", "/v1/tasks", 405),
        ("PATCH", "/v1/projects", 405),
        ("DELETE", "/v2/projects", 405),
    ],
)
def test_a_wrong_path_or_method_is_an_error_in_scales_form(method, path, status):
    refused(raw(method, path), status)


def test_unknown_fields_and_a_missing_body_are_no_reason_to_refuse(live):
    made = raw("POST", "/v1/projects", json={"name": fresh(), "type": "comparison", "new": [{}]})
    assert made.status_code == 200, made.text
    task = choice(live, whatever={"a": [1]})
    assert task.params["whatever"] == {"a": [1]}
    json_type = {"content-type": "application/json"}
    for method, path in [("POST", f"/v1/task/{task.id}/setMetadata"), ("PUT", f"/v1/task/{task.id}/tags")]:
        assert raw(method, path, headers=json_type).status_code == 200
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert raw("POST", f"/v1/task/{task.id}/cancel", headers=form).status_code == 200


def test_spaces_in_queries_come_as_plus_or_percent(live):
    name = live.create_project(f"a b+c {fresh()}", TaskType.Categorization).name
    choice(live, project=name)
    for spaced in (name.replace("+", "%2B").replace(" ", "+"), requests.utils.quote(name, safe="")):
        assert raw("GET", f"/v1/tasks?project={spaced}").json()["total"] == 1


def test_fifty_calls_at_once_are_served(live):
    with ThreadPoolExecutor(50) as pool:
        made = list(pool.map(lambda _: choice(live).id, range(200)))
        read = list(pool.map(lambda task_id: live.get_task(task_id).id, made))
    assert read == made and len(set(made)) == 200


def test_every_answer_is_json_and_exactly_200(live):
    task = choice(live)
    for method, path in [
        ("GET", f"/v1/task/{task.id}"),
        ("GET", "/v1/tasks"),
        ("GET", "/v1/projects"),
        ("GET", "/v1/batches"),
        ("GET", "/v1/files"),
        ("GET", "/v1/teams"),
        ("POST", f"/v1/task/{task.id}/cancel"),
        ("DELETE", f"/v1/task/{task.id}/unique_id"),
    ]:
        answer = raw(method, path)
        assert answer.status_code == 200, f"{method} {path}: {answer.text}"
        assert answer.headers["content-type"] == "application/json"
        answer.json()


def test_creating_answers_200_too():
    for path, body in [
        ("/v1/task/categorization", CHOICE),
        ("/v1/projects", {"name": fresh(), "type": "categorization"}),
    ]:
        assert raw("POST", path, json=body).status_code == 200
