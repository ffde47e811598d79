"""What the tests with the official SDK stand on: clients, a receiver, the labelling side.

The SDK is used as it comes from PyPI; only its base URL is another. The gateway, its team
and its keys come from outside, as JSON in the variable RINGBACK_SDK.
"""

import json
import os
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from scaleapi import ScaleClient
from scaleapi.tasks import TaskType

GATEWAY = json.loads(os.environ["RINGBACK_SDK"])
URL = GATEWAY["url"]
# Reached only by something that hangs.
PATIENCE_S = 60


def client_of(key):
    """The SDK's client, told where the gateway is, and nothing else."""
    client = ScaleClient(key, api_instance_url=f"{URL}/v1")
    client.v2.api_client.configuration.host = URL
    return client


@pytest.fixture(scope="session")
def live():
    return client_of(GATEWAY["live"])


@pytest.fixture(scope="session")
def test():
    return client_of(GATEWAY["test"])


@pytest.fixture(scope="session")
def stranger():
    """The client of another team."""
    return client_of(GATEWAY["other"])


def fresh(prefix="n"):
    """A name that nobody has."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def raw(method, path, key=GATEWAY["live"], **more):
    """One call without the SDK, for what the SDK cannot send. Never follows a redirect."""
    auth = (key, "") if key else None
    return requests.request(
        method, f"{URL}{path}", auth=auth, allow_redirects=False, timeout=PATIENCE_S, **more
    )


def refused(answer, status, *words):
    """The answer is this error, in Scale's form, and its text has these words."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"status_code", "error"}, body
    assert body["status_code"] == status
    for word in words:
        assert word in body["error"], body["error"]


def eventually(look, wanted):
    """What `look` gives as soon as `wanted` holds for it."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        seen = look()
        if wanted(seen):
            return seen
        assert time.monotonic() < deadline, f"never came; last seen: {seen!r}"
        time.sleep(0.02)


CHOICE = {
    "instruction": "Red or blue?",
    "attachment_type": "text",
    "attachment": "tomato",
    "categories": ["red", "blue"],
}


def choice(client, **more):
    """A legal task of the simplest type."""
    return client.create_task(TaskType.Categorization, **{**CHOICE, **more})


def project_of(client, task_type=TaskType.Categorization, **more):
    return client.create_project(fresh("project"), task_type, **more)


def hand_in(task_id, response=None, status="completed", **more):
    """The labelling side hands in the result of a live task."""
    result = {
        "event_id": fresh("event"),
        "team_id": GATEWAY["team"],
        "task_id": task_id,
        "mode": "live",
        "status": status,
        "response": response or {"category": "red"},
        **more,
    }
    answer = requests.post(
        f"{URL}/internal/v1/results",
        json=result,
        headers={"authorization": f"Bearer {GATEWAY['producer']}"},
        timeout=PATIENCE_S,
    )
    assert answer.status_code == 202, answer.text


class Receiver:
    """A customer's endpoint: keeps what comes, serves files, answers 200."""

    def __init__(self):
        self.calls = []
        self.files = {}
        self.changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with receiver.changed:
                    receiver.calls.append((self.path, self.headers, json.loads(body)))
                    receiver.changed.notify_all()
                self.send_response(200)
                self.end_headers()

            def do_GET(self):
                found = receiver.files.get(self.path)
                self.send_response(404 if found is None else 200)
                self.send_header("content-type", "image/png")
                self.end_headers()
                self.wfile.write(found or b"")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path=""):
        return f"http://127.0.0.1:{self.server.server_port}/{path}"

    def wait(self, wanted):
        """The calls for which `wanted(path, headers, body)` holds, once there are any."""

        def found():
            return [call for call in self.calls if wanted(*call)]

        with self.changed:
            assert self.changed.wait_for(found, PATIENCE_S), f"nothing came: {self.calls}"
            return found()

    def of_task(self, task_id, count=1):
        """The headers and bodies of a task's callbacks, once there are `count`."""

        def mine():
            return [
                (headers, body)
                for _, headers, body in self.calls
                if body.get("task_id") == task_id
            ]

        with self.changed:
            enough = self.changed.wait_for(lambda: len(mine()) >= count, PATIENCE_S)
            assert enough, f"only {mine()} came for {task_id}"
            return mine()


@pytest.fixture(scope="session")
def receiver():
    it = Receiver()
    yield it
    it.server.shutdown()
