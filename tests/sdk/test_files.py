"""Files: uploaded, imported, listed, refused."""

import hashlib
import io

import pytest
from conftest import GATEWAY, choice, fresh, project_of, raw, refused
from scaleapi.exceptions import ScaleDuplicateResource, ScaleInvalidRequest

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40


def named(data=PNG, name="kite.png"):
    file = io.BytesIO(data)
    file.name = name
    return file


def test_a_file_is_uploaded_with_all_its_fields(live):
    project = project_of(live).name
    reference = fresh("file")
    made = live.upload_file(
        named(),
        project_name=project,
        reference_id=reference,
        display_name="A kite",
        metadata='{"sky": "blue"}',
    )
    assert made.attachment_url.startswith("scaledata://")
    body = made.as_dict()
    assert body["size"] == len(PNG)
    assert body["mime_type"] == "image/png"
    assert body["project_names"] == [project]
    assert (body["reference_id"], body["display_name"]) == (reference, "A kite")
    assert body["metadata"] == {"sky": "blue"}
    assert body["sha256"] == hashlib.sha256(PNG).hexdigest()
    assert body["created_at"].endswith("Z") and body["updated_at"].endswith("Z")
    assert None not in body.values()


def test_a_file_needs_no_field_at_all(live):
    body = live.upload_file(io.BytesIO(b"anything")).as_dict()
    assert body["size"] == 8 and "reference_id" not in body


def test_an_empty_file_is_refused(live):
    with pytest.raises(ScaleInvalidRequest) as error:
        live.upload_file(named(b""))
    assert "file" in error.value.message


def test_a_reference_is_taken_once(live, test, receiver):
    reference = fresh("file")
    live.upload_file(named(), reference_id=reference)
    with pytest.raises(ScaleDuplicateResource) as error:
        live.upload_file(named(b"other"), reference_id=reference)
    assert "reference_id" in error.value.message
    receiver.files["/kite.png"] = PNG
    answer = raw(
        "POST",
        "/v1/files/import",
        json={"file_url": receiver.url("kite.png"), "reference_id": reference},
    )
    refused(answer, 409, "reference_id")
    assert test.upload_file(named(), reference_id=reference).id


def test_a_file_is_imported_from_a_url(live, receiver):
    receiver.files["/far.png"] = PNG * 1000
    made = live.import_file(receiver.url("far.png"), display_name="far", metadata={"a": [1]})
    body = made.as_dict()
    assert body["size"] == len(PNG) * 1000
    assert body["sha256"] == hashlib.sha256(PNG * 1000).hexdigest()
    assert (body["mime_type"], body["metadata"]) == ("image/png", {"a": [1]})


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "ftp://example.com/a",
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://user:secret@127.0.0.1/",
        "http://127.0.0.1:1/refused",
        "scaledata://x/y",
    ],
)
def test_a_url_that_must_not_be_fetched_is_refused(live, url):
    with pytest.raises(ScaleInvalidRequest) as error:
        live.import_file(url)
    assert "file_url" in error.value.message


def test_a_url_without_a_file_is_told(live, receiver):
    with pytest.raises(ScaleInvalidRequest) as error:
        live.import_file(receiver.url("none.png"))
    assert "404" in error.value.message


@pytest.mark.parametrize(
    "field, value",
    [
        ("metadata", "not json"),
        ("metadata", "[1]"),
        ("project_name", "there is none"),
        ("reference_id", "x" * 300),
        ("display_name", "x" * 300),
    ],
)
def test_a_wrong_field_is_named(live, field, value):
    with pytest.raises(ScaleInvalidRequest) as error:
        live.upload_file(named(), **{field: value})
    assert field in error.value.message


def test_what_is_no_upload_is_refused():
    refused(raw("POST", "/v1/files/upload"), 400)
    refused(raw("POST", "/v1/files/upload", json={"file": "x"}), 400)
    refused(raw("POST", "/v1/files/upload", files={"other": b"x"}), 400, "file")
    refused(raw("POST", "/v1/files/upload", files=[("file", b"x"), ("file", b"y")]), 400, "file")
    half = {"content-type": "multipart/form-data; boundary=x"}
    refused(raw("POST", "/v1/files/upload", data=b"--x\r\n", headers=half), 400)


def test_files_are_listed_newest_first_page_by_page(live):
    project = project_of(live).name
    made = [live.upload_file(named(), project_name=project).id for _ in range(5)]
    seen, token = [], ""
    while True:
        query = {"project_name": project, "limit": 2, "next_token": token}
        page = raw("GET", "/v1/files", params=query)
        assert page.status_code == 200, page.text
        body = page.json()
        seen += [file["id"] for file in body["docs"]]
        assert body["has_more"] == ("next_token" in body)
        if not body["has_more"]:
            break
        token = body["next_token"]
    assert seen == sorted(made, reverse=True)  # ids grow with time
    refused(raw("GET", "/v1/files", params={"limit": 101}), 400, "limit")
    refused(raw("GET", "/v1/files", params={"next_token": "nonsense"}), 400, "next_token")


def test_files_of_others_are_not_listed(live):
    reference = fresh("file")
    live.upload_file(named(), reference_id=reference)
    for key, count in ((GATEWAY["live"], 1), (GATEWAY["test"], 0), (GATEWAY["other"], 0)):
        page = raw("GET", "/v1/files", key, params={"reference_id": reference})
        assert len(page.json()["docs"]) == count


def test_a_task_takes_an_uploaded_file(live):
    url = live.upload_file(named()).attachment_url
    task = choice(live, attachment=url, attachment_type="image")
    assert task.params["attachment"] == url
