"""What a gateway answers that offers little: types that are off, callers that ask too often."""

import pytest
from conftest import choice, client_of, project_of
from scaleapi.exceptions import ScaleNotEnabled, ScaleTooManyRequests
from scaleapi.tasks import TaskType


def test_a_type_that_is_off_is_not_enabled(live):
    with pytest.raises(ScaleNotEnabled) as error:
        live.create_task(TaskType.Comparison, instruction="Which?", attachment_type="text",
                         attachments=["a", "b"], choices=["left", "right"])
    assert error.value.code == 402 and "comparison" in error.value.message
    with pytest.raises(ScaleNotEnabled):
        project_of(live, TaskType.Comparison)
    assert choice(live).status == "pending"


def test_whoever_asks_too_often_is_told_so(test):
    with pytest.raises(ScaleTooManyRequests) as error:
        for _ in range(100):
            test.tasks(limit=1)
    assert error.value.code == 429 and "too many requests" in error.value.message
    # The client of v2 never says so: it waits as long as the answer tells it.
    assert test.v2.get_projects() is not None
