"""The API against its own description: schemathesis makes requests of every kind, and looks at every answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.edges.gateway_thread import TOKEN, GatewayThread, config_for

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    unsupported_method,
]
HEADERS = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayThread]:
    directory: Path = tmp_path_factory.mktemp("openapi")
    config = config_for(directory, "")
    config = config.model_copy(update={"web": config.web.model_copy(update={"rate_per_minute": 0})})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.web.events.LONGEST_WAIT_S", 0.05)  # else many requests would wait for what never comes
        with GatewayThread(config) as running:
            yield running


def test_every_answer_is_as_described(gateway: GatewayThread) -> None:
    url = f"{gateway.web.url}/api/v1/openapi.json"
    schema = schemathesis.openapi.from_url(url, headers=HEADERS)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 25
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(
            max_examples=8,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def answers(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=HEADERS, checks=CHECKS)

        answers()


def test_the_description_says_how_to_get_in(gateway: GatewayThread) -> None:
    schema = schemathesis.openapi.from_url(f"{gateway.web.url}/api/v1/openapi.json", headers=HEADERS).raw_schema
    assert set(schema["components"]["securitySchemes"]) == {"token", "password", "session"}
    assert schema["paths"]["/api/v1/session"]["post"]["security"] == []
    sends = schema["paths"]["/api/v1/messages"]["post"]
    assert "to" in sends["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert [one["name"] for one in sends["parameters"]] == ["Idempotency-Key"]
