"""The server's socket."""

import socket

import pytest

from askwell.errors import RunError
from askwell.web.server import _bind


def test_the_socket_names_its_protocol_so_that_answers_are_not_held_back():
    with _bind("127.0.0.1", 0) as bound:
        assert bound.proto == socket.IPPROTO_TCP
        with pytest.raises(RunError, match="cannot be bound"):
            _bind("127.0.0.1", bound.getsockname()[1])
