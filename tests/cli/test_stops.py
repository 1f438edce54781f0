"""SIGTERM makes way as Ctrl-C does."""

import os
import signal

import pytest

from askwell.cli.stops import Terminated, exit_code, terminable


def stopped_twice() -> None:
    with terminable():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # while it clears up


def test_sigterm_is_a_kind_of_ctrl_c_and_a_second_one_changes_nothing():
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    with pytest.raises(KeyboardInterrupt) as caught:
        stopped_twice()
    assert isinstance(caught.value, Terminated)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_who_has_it_ignored_stays_so():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with terminable():
            os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_exit_codes_are_those_of_shells():
    assert exit_code(KeyboardInterrupt()) == 130
    assert exit_code(Terminated()) == 143
