"""`--smoke`: every spec that comes with askwell runs, tiny, on its real data."""

import os
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from askwell.datasets import DATASETS
from askwell.experiment.runner import run
from askwell.experiment.smoke import smoke
from askwell.experiment.spec import Spec
from askwell.experiment.spec_files import builtin
from tests.experiment.test_workbench import TINY
from tests.models.small_backbones import needs_lite0

NAMED = builtin()


def runs(spec: Spec, directory: Path) -> None:
    tiny = smoke(spec)
    found = run(tiny, directory, jobs=1)
    assert found.spec["name"] == f"{spec.name}-smoke"
    assert [chain.arm for chain in found.chains] == [arm.name for arm in spec.all_arms]
    assert {chain.seed for chain in found.chains} == {spec.seeds[0]}
    for chain in found.chains:
        assert [len(step.acquired) for step in chain.steps] == [4, 0]
        assert chain.steps[-1].training.labels == 14
        assert all(step.metrics for step in chain.steps)


@pytest.mark.parametrize("name", [name for name in NAMED if name != "melanoma"])
def test_a_named_spec_runs_tiny(name: str, tmp_path: Path) -> None:
    if DATASETS[NAMED[name].dataset].state() != "ready":
        pytest.skip(f"needs `askwell data fetch {NAMED[name].dataset}`")
    runs(NAMED[name], tmp_path / "run")


@needs_lite0
def test_so_does_melanoma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = os.environ.get("ASKWELL_TEST_ISIC2016")
    if not place:
        pytest.skip(
            "set ASKWELL_TEST_ISIC2016 to a folder with the official files of ISIC 2016 Part 3B"
        )
    monkeypatch.setenv("ASKWELL_DATA", str(tmp_path))
    warnings.filterwarnings("ignore", "ISIC 2016 in .* is not the complete official data set")
    runs(replace(NAMED["melanoma"], data_dir=place), tmp_path / "run")


def test_what_is_small_already_stays_as_it_is() -> None:
    training = replace(TINY.training, steps=3)
    small = replace(TINY, budget=12, query_size=2, validation=3, training=training)
    tiny = smoke(small)
    assert tiny == replace(small, name="tiny-smoke", pool_subset=100)
    assert smoke(replace(small, budget=0)).budget == 10 + 2


def test_every_class_keeps_an_image_and_the_sums_agree() -> None:
    of_classes = {"initial_per_class": (97, 3, 0), "test_per_class": (100, 2, 0)}
    tiny = smoke(replace(TINY, initial=100, budget=0, test_size=0, **of_classes))
    assert tiny.initial_per_class == (10, 1, 0)
    assert tiny.initial == 11
    assert tiny.test_per_class == (4, 2, 0)
