"""Lists of tasks: pages, filters, counts."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from conftest import GATEWAY, choice, fresh, hand_in, project_of, raw, refused
from scaleapi.exceptions import ScaleInvalidRequest
from scaleapi.tasks import TaskReviewStatus, TaskStatus, TaskType


@pytest.fixture(scope="module")
def crowd(live):
    """A project with 105 tasks, made 25 at a time as Scale's own scripts do."""
    project = project_of(live).name
    with ThreadPoolExecutor(25) as pool:
        made = list(pool.map(lambda n: choice(live, project=project, metadata={"n": n}), range(105)))
    return project, {task.id for task in made}


def test_pages_hold_every_task_once_newest_first(live, crowd):
    project, ids = crowd
    for limit in (None, 40, 100):
        found = list(live.get_tasks(project_name=project, limit=limit))
        assert len(found) == 105
        assert {task.id for task in found} == ids
        times = [task.created_at for task in found]
        assert times == sorted(times, reverse=True)


def test_a_page_says_whether_there_is_more(live, crowd):
    project, _ = crowd
    first = live.tasks(project=project)
    assert (len(first), first.total, first.limit, first.offset) == (100, 105, 100, 0)
    assert first.has_more and first.next_token
    last = live.tasks(project=project, next_token=first.next_token)
    assert (len(last), last.total, last.offset) == (5, 105, 0)
    assert not last.has_more and last.next_token is None


def test_pages_are_stable_while_tasks_are_added(live):
    project = project_of(live).name
    old = [choice(live, project=project).id for _ in range(6)]
    first = live.tasks(project=project, limit=3)
    new = choice(live, project=project).id
    second = live.tasks(project=project, limit=3, next_token=first.next_token)
    seen = [task.id for task in first] + [task.id for task in second]
    assert sorted(seen) == sorted(old) and new not in seen


def test_an_empty_token_is_the_first_page_and_old_clients_skip(crowd):
    project, _ = crowd
    page = raw("GET", "/v1/tasks", params={"project": project, "next_token": "", "limit": 10})
    skipped = raw("GET", "/v1/tasks", params={"project": project, "offset": 5, "limit": 5})
    assert page.status_code == skipped.status_code == 200
    ids = [task["task_id"] for task in page.json()["docs"]]
    assert [task["task_id"] for task in skipped.json()["docs"]] == ids[5:]
    assert skipped.json()["offset"] == 5


def test_counting_asks_for_no_tasks(live, crowd):
    project, _ = crowd
    assert live.get_tasks_count(project_name=project) == 105
    assert live.get_tasks_count(project_name=project, status=TaskStatus.Completed) == 0


def test_a_project_without_tasks_has_an_empty_page(live):
    project = project_of(live).name
    assert list(live.get_tasks(project_name=project)) == []
    assert live.tasks(project=project).total == 0
    assert list(live.tasks(project=fresh("none"))) == []


def test_tasks_are_found_by_every_filter(live):
    project = project_of(live).name
    batch = live.create_batch(project, fresh("batch")).name
    unique = [fresh("kite"), fresh("kite & son+")]
    a = choice(live, project=project, unique_id=unique[0], tags=["red", "a b"])
    b = choice(live, project=project, unique_id=unique[1], tags=["blue"], batch=batch)
    c = choice(live, project=project)
    c.cancel()
    hand_in(b.id)
    live.audit_task(b.id, True)

    def found(**filters):
        return {task.id for task in live.get_tasks(project_name=project, **filters)}

    assert found() == {a.id, b.id, c.id}
    assert found(batch_name=batch) == {b.id}
    assert found(status=TaskStatus.Pending) == {a.id}
    assert found(status=TaskStatus.Canceled) == {c.id}
    assert found(status=TaskStatus.Completed) == {b.id}
    assert found(task_type=TaskType.Categorization) == {a.id, b.id, c.id}
    assert found(task_type=TaskType.ImageAnnotation) == set()
    assert found(unique_id=unique[1]) == {b.id}
    assert found(unique_id=unique) == {a.id, b.id}
    assert found(tags="a b") == {a.id}
    assert found(tags=["red", "blue"]) == {a.id, b.id}
    assert found(review_status=TaskReviewStatus.Accepted) == {b.id}
    assert found(review_status=[TaskReviewStatus.Fixed, TaskReviewStatus.Accepted]) == {b.id}
    assert found(review_status=TaskReviewStatus.Rejected) == set()
    assert live.get_tasks_count(batch_name=batch, tags=["blue"]) == 1
    assert {task.id for task in live.get_tasks(batch_name=batch)} == {b.id}


def shapes(moment):
    """A time in every form that clients send."""
    naive = moment.replace(tzinfo=None)
    return [
        naive.isoformat(),
        naive.isoformat(sep=" ", timespec="microseconds"),
        moment.isoformat(),
        moment.astimezone(timezone(timedelta(hours=2))).isoformat(),
        naive.isoformat(timespec="milliseconds") + "Z",
        moment.strftime("%Y-%m-%dT%H:%M:%S.%f%z"),
        moment.date().isoformat(),
    ]


def test_tasks_are_found_by_time_in_every_form(live):
    project = project_of(live).name
    task = choice(live, project=project)
    hand_in(task.id)
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    kinds = ["created", "updated", "completed"]
    for before, after in zip(shapes(yesterday), shapes(tomorrow)):
        for kind in kinds:
            inside = {f"{kind}_after": before, f"{kind}_before": after}
            outside = {f"{kind}_after": after}
            found = live.get_tasks(project_name=project, **inside)
            assert [it.id for it in found] == [task.id], inside
            assert list(live.get_tasks(project_name=project, **outside)) == [], outside


def test_bounds_are_inclusive(live):
    project = project_of(live).name
    task = choice(live, project=project)
    at = task.created_at
    found = live.get_tasks(project_name=project, created_after=at, created_before=at)
    assert [it.id for it in found] == [task.id]


def test_a_limited_answer_has_few_fields(live):
    project = project_of(live).name
    choice(live, project=project, metadata={"a": 1}, tags=["x"])
    (task,) = live.get_tasks(project_name=project, limited_response=True)
    assert set(task.as_dict()) <= {"task_id", "status", "metadata", "project", "otherVersion"}
    assert (task.status, task.metadata, task.project) == ("pending", {"a": 1}, project)
    for text in ("true", "TRUE"):
        answer = raw("GET", "/v1/tasks", params={"project": project, "limited_response": text})
        assert "params" not in answer.json()["docs"][0]


@pytest.mark.parametrize(
    "filters",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": -1},
        {"limit": "many"},
        {"limit": 10**30},
        {"offset": -1},
        {"next_token": "nonsense"},
        {"start_time": "yesterday"},
        {"completed_after": "2024-13-01"},
        {"status": "nonsense"},
        {"customer_review_status": "accepted,nonsense"},
        {"limited_response": "perhaps"},
    ],
)
def test_a_wrong_filter_is_named(filters):
    (field,) = filters
    refused(raw("GET", "/v1/tasks", params=filters), 400, field)


def test_a_wrong_filter_raises(live):
    with pytest.raises(ScaleInvalidRequest):
        live.tasks(limit=1000)


def test_unknown_filters_are_ignored(live):
    assert raw("GET", "/v1/tasks", params={"nonsense": "x", "limit": 1}).status_code == 200
    assert raw("GET", "/v1/tasks?callback_url&limit=1").status_code == 200


def test_no_list_shows_what_another_team_has(live, stranger):
    project = project_of(live).name
    task = choice(live, project=project)
    theirs = {it.id for it in stranger.tasks()}
    assert task.id not in theirs
    assert list(stranger.tasks(project=project)) == []
    assert raw("GET", "/v1/tasks", GATEWAY["test"], params={"project": project}).json()["total"] == 0
