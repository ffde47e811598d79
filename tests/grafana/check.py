"""Reads boards with Grafana's own published types and writes them again: a field that the
types do not know is lost on the way, and one of another kind fails. Prints how many passed."""

import json
import pathlib
import sys

from grafana_foundation_sdk.cog import encoder, plugins
from grafana_foundation_sdk.models import dashboard

plugins.register_default_plugins()


def lost(before, after, path):
    """Paths of what is in `before` and not in `after`."""
    if isinstance(before, dict):
        if not isinstance(after, dict):
            yield path
            return
        for key, value in before.items():
            if key not in after:
                # A type leaves out what is empty anyway.
                if value not in (None, [], {}, "", False):
                    yield f"{path}.{key}"
            else:
                yield from lost(value, after[key], f"{path}.{key}")
    elif isinstance(before, list):
        if not isinstance(after, list) or len(before) != len(after):
            yield path
            return
        for at, (one, other) in enumerate(zip(before, after)):
            yield from lost(one, other, f"{path}[{at}]")
    elif before != after:
        yield f"{path}: {before!r} became {after!r}"


checked = 0
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    before = json.loads(file.read_text())
    read = dashboard.Dashboard.from_json(before)
    after = json.loads(json.dumps(read, cls=encoder.JSONEncoder))
    problems = list(lost(before, after, file.name))
    if problems:
        sys.exit("\n".join(problems))
    checked += 1
print(f"{checked} boards")
