"""Holds deploy/ against the schemas of Kubernetes and of the Compose Specification.

Arguments: the folder with the schemas, the manifests, the compose file. Says what is wrong, a
line a fault, and ends with 1; then, as JSON, what a test compares with the configuration.
"""

import json
import pathlib
import sys

import jsonschema_rs
import yaml

SCHEMAS, MANIFESTS, COMPOSE = map(pathlib.Path, sys.argv[1:])
faults = []


def check(schema, document, name):
    for fault in jsonschema_rs.validator_for(schema).iter_errors(document):
        path = "/".join(map(str, fault.instance_path))
        faults.append(f"{name}: {path}: {fault.message[:200]}")


def kubernetes():
    definitions = json.loads((SCHEMAS / "kubernetes.json").read_text())["$defs"]
    by_kind = {}
    for name, shape in definitions.items():
        for kind in shape.get("x-kubernetes-group-version-kind", []):
            api = "/".join(filter(None, [kind["group"], kind["version"]]))
            by_kind[api, kind["kind"]] = name
    documents = list(yaml.safe_load_all(MANIFESTS.read_text()))
    for document in documents:
        kind = by_kind[document["apiVersion"], document["kind"]]
        schema = {"$ref": f"#/$defs/{kind}", "$defs": definitions}
        check(schema, document, f"{document['kind']} {document['metadata']['name']}")
    return documents


compose = yaml.safe_load(COMPOSE.read_text())
check(json.loads((SCHEMAS / "compose_spec.json").read_text()), compose, COMPOSE.name)
documents = kubernetes()
for fault in faults:
    print(fault)
print(json.dumps({"kubernetes": documents, "compose": compose}))
sys.exit(1 if faults else 0)
