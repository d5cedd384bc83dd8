"""Media over HTTP: whatever comes, no browser shows it as a page of ours."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.accounts import Role
from gateway.messaging.media import MAX_MEDIUM
from tests.edges.gateway_thread import TOKEN
from tests.edges.test_web import api, error, gateway  # noqa: F401 - fixtures
from tests.edges.test_web_auth import new_token, tcp

PICTURE = bytes(range(256)) * 4000
"""More than one piece."""


def test_a_medium_is_put_handed_out_and_deleted(api: httpx.Client) -> None:  # noqa: F811
    made = api.post("/media", content=PICTURE, headers={"content-type": "image/jpeg"}, params={"name": "a é.jpg"})
    assert made.status_code == 201
    medium = made.json()
    assert (medium["content_type"], medium["size"], medium["name"]) == ("image/jpeg", len(PICTURE), "a é.jpg")
    path = f"/media/{medium['media_id']}"
    found = api.get(path)
    assert found.content == PICTURE
    assert found.headers["content-type"] == "image/jpeg"
    assert found.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20%C3%A9.jpg"
    assert found.headers["etag"] == f'"{hashlib.sha256(PICTURE).hexdigest()}"'
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["content-security-policy"].startswith("sandbox")
    same = api.get(path, headers={"if-none-match": found.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert api.delete(path).status_code == 204
    assert error(api.get(path))[:2] == (404, "unknown_media")
    assert error(api.delete(path))[:2] == (404, "unknown_media")
    assert error(api.get("/media/..%2Ftest.db"))[0] == 404


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript"])
def test_what_a_browser_could_carry_out_is_handed_out_as_octets(api: httpx.Client, kind: str) -> None:  # noqa: F811
    made = api.post("/media", content=b"<script>alert(1)</script>", headers={"content-type": kind}).json()
    found = api.get(f"/media/{made['media_id']}")
    assert (made["content_type"], found.headers["content-type"]) == (kind, "application/octet-stream")


def test_mistakes_are_told(api: httpx.Client) -> None:  # noqa: F811
    assert error(api.post("/media", content=bytes(MAX_MEDIUM + 1)))[:2] == (413, "too_large")

    def unannounced() -> Iterator[bytes]:
        for _ in range(6):
            yield bytes(MAX_MEDIUM // 5)

    assert error(api.post("/media", content=unannounced()))[:2] == (413, "too_large")
    assert error(api.post("/media"))[:2] == (400, "bad_request")
    assert error(api.post("/media", content=b"x", headers={"content-type": "picture"}))[2] == "content-type"
    assert error(api.post("/media", content=b"x", params={"name": "x" * 201}))[2] == "name"
    assert api.get("/media").json() == {"media": [], "next": None}


def test_the_list_is_paged(api: httpx.Client) -> None:  # noqa: F811
    made = [api.post("/media", content=b"%d" % n).json()["media_id"] for n in range(3)]
    first = api.get("/media", params={"limit": 2}).json()
    second = api.get("/media", params={"limit": 2, "before": first["next"]}).json()
    assert [each["media_id"] for page in (first, second) for each in page["media"]] == made[::-1]
    assert second["next"] is None


def test_who_may_only_send_puts_and_sees_nothing(tmp_path: Path, gateway: object) -> None:  # noqa: F811
    with tcp(gateway, new_token(gateway, Role.SEND_ONLY)) as client:  # type: ignore[arg-type]
        made = client.post("/api/v1/media", content=b"x")
        assert made.status_code == 201
        assert client.get(f"/api/v1/media/{made.json()['media_id']}").status_code == 403
    with tcp(gateway, TOKEN) as admin:  # type: ignore[arg-type]
        assert admin.get(f"/api/v1/media/{made.json()['media_id']}").content == b"x"
