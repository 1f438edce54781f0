"""A spec may train a pre-trained network whole, from its pre-trained weights in every round."""

from dataclasses import replace

import pytest
import torch

from askwell.errors import InputError
from askwell.experiment.spec import Spec, TrainingSpec
from askwell.experiment.workbench import Workbench
from askwell.models import BACKBONES, MODELS, load_trunk, model_factory
from askwell.train import loop
from askwell.train.chunks import chunk_size
from tests.experiment.test_workbench import BALD, RANDOM, advance, write_photos
from tests.models.small_backbones import needs_lite0, needs_timm, small

NETWORKS = """
from askwell.models import pretrained_network
from tests.models.small_backbones import small

def tuned(image_shape, outputs):
    return pretrained_network(small("efficientnet_lite0"), outputs, weights="random")
"""
"""Random weights stand for the pre-trained ones: they are the same every time, too."""

COUNTS = {"benign": 20, "malignant": 10}
TRAINING = TrainingSpec(
    steps=1, epochs=1, batch_size=1, learning_rate=1e-3, weight_decay=(0.25,), flips=(1,)
)


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    place = tmp_path_factory.mktemp("photos")
    write_photos(place / "photos", COUNTS)
    (place / "networks.py").write_text(NETWORKS)
    return Spec(
        "tuned", dataset=str(place / "photos"), model=f"{place / 'networks.py'}:tuned",
        acquisitions=("bald", "random"), initial=6, initial_per_class=(4, 2), validation=0,
        query_size=3, budget=12, draws=3, test_draws=3, training=TRAINING,
    )  # fmt: skip


@needs_timm
def test_every_round_starts_from_the_pretrained_weights_and_trains_all_of_them(spec: Spec) -> None:
    before = load_trunk(small("efficientnet_lite0"), weights="random").state_dict()
    bench = Workbench(spec)
    chain = advance(bench, BALD, bench.start(BALD, 0), 2)
    trained = bench._learner(BALD, chain).refit().network.trunk  # type: ignore[attr-defined]
    changed = {name for name, w in trained.named_parameters() if not torch.equal(w, before[name])}
    assert changed == {name for name, _ in trained.named_parameters()}
    after = load_trunk(small("efficientnet_lite0"), weights="random").state_dict()
    assert all(torch.equal(w, before[name]) for name, w in after.items())
    # So a step depends on the records alone, whatever was trained before.
    again, first = Workbench(spec).step(BALD, chain), bench.step(BALD, chain)
    assert (again.metrics, again.acquired) == (first.metrics, first.acquired)
    other = bench.step(RANDOM, bench.start(RANDOM, 0))
    assert other.metrics == chain.steps[0].metrics


@needs_timm
def test_positive_images_are_flipped_and_the_decay_is_over_their_number(
    spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[dict[str, object]] = []
    adam = loop.torch.optim.Adam

    def watched(given: list[dict[str, object]], **kwargs: object) -> torch.optim.Adam:
        groups.extend(given)
        return adam(given, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(loop.torch.optim, "Adam", watched)
    bench = Workbench(spec)
    record = bench.step(BALD, bench.start(BALD, 0))
    n = 4 + 2 * 4  # each positive image as it is and flipped three ways
    assert (record.training.labels, record.training.steps) == (6, n)
    decayed, free = groups
    assert decayed["weight_decay"] == pytest.approx(2 * 0.25 / n)  # the gradient of c / N · ‖W‖²
    assert free["weight_decay"] == 0
    trunk = load_trunk(small("efficientnet_lite0"), weights="random")
    whole = sum(w.ndim > 1 for w in trunk.parameters()) + 2  # and the two layers of the head
    assert len(decayed["params"]) == whole  # type: ignore[arg-type]


@needs_lite0
def test_a_backbone_s_name_is_a_model(spec: Spec) -> None:
    quick = replace(TRAINING, epochs=0, batch_size=2, flips=())
    bench = Workbench(
        replace(spec, model="efficientnet_lite0", pool_size=16, test_size=2, training=quick)
    )
    record = bench.step(BALD, bench.start(BALD, 0))
    assert len(record.acquired) == 3
    assert set(record.metrics) >= {"accuracy", "nll"}


def test_every_backbone_is_a_model_and_so_is_any_of_the_hubs() -> None:
    assert set(BACKBONES) < set(MODELS)
    name = "torchvision:mobilenet_v3_small"
    assert callable(model_factory(name))
    with pytest.raises(InputError, match="mobilenet_v9"):
        model_factory("torchvision:mobilenet_v9")


def test_few_large_images_go_through_a_network_at_a_time() -> None:
    assert chunk_size((1, 28, 28)) == chunk_size((1, 4, 1280)) == 256
    assert chunk_size((3, 224, 224)) == 13
    assert chunk_size((3, 2000, 2000)) == 1
