"""The server's socket and port."""

import socket

import pytest

from askwell.errors import RunError
from askwell.web.security import Access
from askwell.web.server import _bind, _own_port


def test_the_socket_names_its_protocol_so_that_answers_are_not_held_back():
    with _bind("127.0.0.1", 0) as bound:
        assert bound.proto == socket.IPPROTO_TCP
        with pytest.raises(RunError, match="cannot be bound"):
            _bind("127.0.0.1", bound.getsockname()[1])


def test_a_project_has_a_port_of_its_own_that_another_program_may_take():
    access = Access(b"k" * 32)
    assert access.port == Access(b"k" * 32).port
    assert len({Access(bytes([i]) * 32).port for i in range(50)}) > 45
    assert 20_000 <= access.port < 30_000
    with _own_port("127.0.0.1", access.port) as bound:
        taken = bound.getsockname()[1]
        with _own_port("127.0.0.1", taken) as other:
            assert other.getsockname()[1] != taken
