"""The gateway as a fixture: one process for all tests of a session."""

import os
from collections.abc import Iterator

import pytest

from tests.peers.wechaty import control


@pytest.fixture(scope="session")
def installed() -> None:
    """The gateway's packages are there, else the test is skipped; in CI it fails."""
    try:
        control.install()
    except control.NotInstalled as reason:
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; .ci/install should have done it")
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def shared_gateway(installed: None) -> Iterator[control.Gateway]:
    """One process for all tests; each calls `renew` first."""
    gateway = control.Gateway()
    yield gateway
    gateway.close()
