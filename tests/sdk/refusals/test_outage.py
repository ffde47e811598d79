"""What a gateway answers whose database is away."""

import pytest
from conftest import choice
from scaleapi.exceptions import ScaleServiceUnavailable


def test_a_store_that_is_away_is_a_service_unavailable(live):
    for ask in [lambda: choice(live), lambda: live.get_task("0" * 24)]:
        with pytest.raises(ScaleServiceUnavailable) as error:
            ask()
        assert error.value.code == 503 and "try again" in error.value.message
