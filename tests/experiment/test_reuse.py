"""Chains taken over from another run: the same records, computed once."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from askwell.errors import RunError
from askwell.experiment.runner import run
from askwell.records import Run
from tests.experiment.test_runner import SMALL, Noted, Stopping, cores, results

OTHER = replace(SMALL, name="other", acquisitions=("random",), seeds=(0,))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    with cores(1):
        return run(SMALL, tmp_path_factory.mktemp("whole"), jobs=1)


@pytest.mark.parametrize("budget", [20, 25, 17, 15])
def test_a_run_with_chains_of_another_is_as_if_it_had_run_them(whole, tmp_path, budget):
    watcher = Noted()
    with cores(1):
        run(replace(OTHER, budget=budget), tmp_path / "other", jobs=1)
        found = run(SMALL, tmp_path / "run", jobs=1, watcher=watcher, reuse=tmp_path / "other")
    assert results(found) == results(whole)
    kept = {15: 1, 17: 1}.get(budget, 3 if budget == 20 else 2)  # what was asked for in full
    ((_, begun, _),) = watcher.begun
    assert begun == (0, kept, 0, 0)
    header = json.loads((tmp_path / "run" / "run.json").read_text())
    (reused,) = header["reused"]
    assert reused["name"] == "other"
    assert reused["chains"] == [{"arm": "random", "seed": 0, "steps": kept}]
    assert reused["environment"]["packages"] == found.environment["packages"]


def test_a_run_that_was_stopped_takes_over_what_it_lacks(whole, tmp_path):
    with cores(1):
        run(replace(SMALL, budget=15), tmp_path / "other", jobs=1)
        run(SMALL, tmp_path / "run", jobs=1, watcher=Noted(), reuse=tmp_path / "other")
        run(SMALL, tmp_path / "other", jobs=1)
        with pytest.raises(KeyboardInterrupt):
            run(SMALL, tmp_path / "own", jobs=1, watcher=Stopping(2))
        watcher = Noted()
        own = run(SMALL, tmp_path / "own", jobs=1, watcher=watcher, reuse=tmp_path / "run")
    assert results(own) == results(whole)
    ((_, begun, _),) = watcher.begun
    assert begun == (1, 1, 3, 3)  # of two chains it has steps of its own


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"draws": 5}, "draws is 4 there and 5 here. Only arms, seeds and the budget"),
        ({"seeds": (7,)}, "none of the chains of this run"),
        ({"label_noise": 0.5}, "label_noise is 0.0 there"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, changes, message):
    with cores(1):
        run(OTHER, tmp_path / "other", jobs=1)
        with pytest.raises(RunError, match=message):
            run(replace(SMALL, **changes), tmp_path / "run", jobs=1, reuse=tmp_path / "other")
        with pytest.raises(RunError, match="no run directory"):
            run(SMALL, tmp_path / "run", jobs=1, reuse=tmp_path / "nowhere")


def test_other_data_and_other_machines_are_told(tmp_path: Path) -> None:
    with cores(1):
        run(OTHER, tmp_path / "other", jobs=1)
        path = tmp_path / "other" / "run.json"
        header = json.loads(path.read_text())
        header["environment"]["processor"] = "an abacus"
        path.write_text(json.dumps(header))
        with pytest.warns(UserWarning, match=r"computed where .* \(other processor"):
            run(SMALL, tmp_path / "run", jobs=1, reuse=tmp_path / "other")
        path.write_text(json.dumps(header | {"data": "another"}))
        with pytest.raises(RunError, match="on other data"):
            run(SMALL, tmp_path / "again", jobs=1, reuse=tmp_path / "other")
