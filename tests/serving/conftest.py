"""One sidecar process with a tiny random model, for all tests of serving."""

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.serving.stack import run_open, run_sidecar


@pytest.fixture(scope="session")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The gRPC target of a sidecar."""
    with run_sidecar(Path(tmp_path_factory.mktemp("sidecar"))) as target:
        yield target


@pytest.fixture(scope="session")
def url(sidecar: str) -> Iterator[str]:
    """The URL of an open-access server."""
    with run_open(sidecar) as url:
        yield url


@pytest.fixture(scope="session")
def client(url: str) -> Iterator[openai.OpenAI]:
    """OpenAI's own client, unmodified, that tries once."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=120) as client:
        yield client
