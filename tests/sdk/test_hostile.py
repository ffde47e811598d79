"""Bad input: a clear 4xx, in Scale's form, and nothing written."""

import json

import pytest
from conftest import CHOICE, GATEWAY, choice, fresh, raw, refused
from scaleapi.tasks import TaskType

# What reads a JSON body.
WRITES = [
    ("POST", "/v1/projects"),
    ("POST", "/v1/projects/{project}/setParams"),
    ("POST", "/v1/batches"),
    ("POST", "/v1/batches/{batch}/setMetadata"),
    ("POST", "/v1/task/categorization"),
    ("POST", "/v1/task/{task}/audit"),
    ("POST", "/v1/task/{task}/unique_id"),
    ("POST", "/v1/task/{task}/setMetadata"),
    ("POST", "/v1/task/{task}/tags"),
    ("PUT", "/v1/task/{task}/tags"),
    ("DELETE", "/v1/task/{task}/tags"),
    ("POST", "/v1/files/import"),
    ("POST", "/v1/evaluation_tasks/imageannotation"),
    ("POST", "/v1/training_tasks/imageannotation"),
    ("POST", "/v1/teams/invite"),
    ("POST", "/v1/teams/set_role"),
    ("POST", "/v2/batch"),
    ("POST", "/v2/batch/finalize"),
    ("POST", "/v2/batch/pause"),
    ("POST", "/v2/batch/resume"),
    ("POST", "/v2/batch/cancel"),
    ("POST", "/v2/batch/metadata"),
    ("POST", "/v2/task/chat"),
    ("POST", "/v2/task/metadata"),
]

BODIES = {
    "half an object": b'{"a": ',
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "nul": b'{"name": "a\\u0000b", "type": "categorization", "metadata": {"a": "\\u0000"}}',
    "nul in a list": b'["a\\u0000b"]',
    "not utf-8": b'{"name": "\xff\xfe"}',
    "half a surrogate": b'{"name": "\\ud800"}',
    "a number beyond all": b'{"name": 1e999, "priority": 1e999}',
    "two values": b'{} {}',
    "not json": b"name=x",
    "a text": b'"text"',
    "a number": b"7",
}


@pytest.fixture(scope="module")
def things(live):
    project = live.create_project(fresh("project"), TaskType.Categorization).name
    batch = live.create_batch(project, fresh("batch"), metadata={"a": 1}).name
    task = choice(live, project=project, metadata={"a": 1}, tags=["a"])
    return {"project": project, "batch": batch, "task": task.id}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("method, path", WRITES)
def test_a_hostile_body_is_refused_and_nothing_is_written(live, things, method, path, body):
    def state():
        return (
            live.get_project(things["project"]).as_dict(),
            live.get_batch(things["batch"]).as_dict(),
            live.get_task(things["task"]).as_dict(),
            live.tasks(limit=1).total,
        )

    before = state()
    headers = {"content-type": "application/json"}
    answer = raw(method, path.format(**things), data=body, headers=headers)
    # Most bodies have to be smaller than the deepest ones are.
    status = 413 if len(body) > 65_536 and answer.status_code == 413 else 400
    refused(answer, status)
    assert state() == before


@pytest.mark.parametrize(
    "number", [-1, 2**31, 2**63, 2**64, 10**30, 1.5, -(10**30), 1e300, True, None, [], {}]
)
def test_no_number_breaks_a_field_that_wants_one(number):
    body = {**CHOICE, "priority": number}
    answer = raw("POST", "/v1/task/categorization", json=body)
    assert answer.status_code in (200, 400) and (number is None or answer.status_code == 400)
    version = {**CHOICE, "project_version": number}
    assert raw("POST", "/v1/task/categorization", json=version).status_code in (200, 400)


def test_numbers_of_any_size_come_back_as_they_were_sent():
    body = json.dumps({**CHOICE, "metadata": {"big": 2**63, "small": -(2**63), "half": 0.5}})
    headers = {"content-type": "application/json"}
    made = raw("POST", "/v1/task/categorization", data=body, headers=headers)
    assert made.json()["metadata"] == {"big": 2**63, "small": -(2**63), "half": 0.5}


@pytest.mark.parametrize("name", ["%00", "a%00b", "%FF", "%C3%28", "%2F", "%", "%zz", "x" * 3000])
@pytest.mark.parametrize("path", ["/v1/projects/{}", "/v1/batches/{}", "/v1/task/{}", "/v1/batches/{}/status"])
def test_a_hostile_name_in_a_path_is_refused(path, name):
    answer = raw("GET", path.format(name))
    assert answer.status_code in (400, 404), answer.text
    refused(answer, answer.status_code)


@pytest.mark.parametrize("value", ["%00", "a%00b", "%FF", "%C3%28"])
@pytest.mark.parametrize(
    "query",
    ["tasks?project", "tasks?batch", "tasks?unique_id", "tasks?tags", "tasks?next_token", "batches?project", "files?reference_id"],
)
def test_a_hostile_query_finds_nothing_and_breaks_nothing(query, value):
    answer = raw("GET", f"/v1/{query}={value}")
    assert answer.status_code in (200, 400), answer.text
    assert answer.json().get("docs", []) == []


@pytest.mark.parametrize("field", ["name", "type", "params", "rapid", "studio"])
@pytest.mark.parametrize("value", [7, [], ["a"], {"a": 1}, True])
def test_a_field_of_the_wrong_kind_is_named(field, value):
    if (field, value) in (("rapid", True), ("studio", True)) or field == "params" and value == {"a": 1}:
        value = "text"
    body = {"name": fresh(), "type": "categorization", field: value}
    refused(raw("POST", "/v1/projects", json=body), 400, field)


def test_what_was_sent_twice_as_one_field_is_no_error():
    twice = b'{"name": "a", "name": "b", "type": "nonsense"}'
    headers = {"content-type": "application/json"}
    refused(raw("POST", "/v1/projects", data=twice, headers=headers), 400)


def test_heads_and_bodies_have_limits():
    assert raw("GET", "/v1/tasks", headers={"x-long": "x" * 100_000}).status_code == 431
    large = b'{"a": "' + b"x" * 20_000_000 + b'"}'
    headers = {"content-type": "application/json"}
    refused(raw("POST", "/v1/task/categorization", data=large, headers=headers), 413)


def test_secrets_never_come_back():
    for path in ["/v1/nonsense", "/v1/task/x", "/v1/tasks?limit=x"]:
        answer = raw("GET", path)
        text = answer.text + str(answer.headers)
        assert not any(GATEWAY[key] in text for key in ("live", "test", "live_auth", "test_auth"))
