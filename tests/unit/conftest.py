"""A unit test opens no socket."""

import pytest
import pytest_socket


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    pytest_socket.disable_socket()
