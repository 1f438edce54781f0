"""Pre-trained networks: trunk and head, reset each time, trained on few images, split exactly."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F  # noqa: N812

from askwell.errors import InputError, ModelError
from askwell.models.backbone import Trunk
from askwell.models.pretrained import (
    BACKBONES,
    find_backbone,
    load_trunk,
    pretrained_head,
    pretrained_network,
)
from askwell.pool import ArrayPool
from askwell.posterior import MCDropout
from askwell.randomness import generator
from askwell.train import Fit, Recipe
from tests.models.small_backbones import TINY, needs_timm, small, tiny_state

SEED = 3

every_backbone = pytest.mark.parametrize(
    "name",
    [
        pytest.param("efficientnet_lite0", marks=needs_timm),
        "vgg16",
        pytest.param("timm:test_vit", marks=needs_timm),
        "torchvision:mobilenet_v3_small",  # has dropout of its own before its last layer
    ],
)


def some_images(n: int = 3, *shape: int) -> torch.Tensor:
    return torch.rand(n, *(shape or (3, 40, 50)), generator=generator(1))


@pytest.mark.parametrize(
    "name", ["torchvision:resnet18", pytest.param("timm:test_vit", marks=needs_timm)]
)
def test_images_of_any_size_become_features(name):
    backbone = small(name)
    trunk = load_trunk(backbone, weights="random")
    with torch.no_grad():
        for images in (some_images(2), some_images(2, 1, 32, 32), some_images(1, 3, 90, 7)):
            features = trunk(images)
            assert features.shape == (len(images), trunk.features)
            assert trunk.features == backbone.features
            assert bool(features.isfinite().all())


@every_backbone
def test_draws_equal_naive_full_passes_and_the_trunk_runs_once(name, monkeypatch):
    torch.manual_seed(0)
    network = pretrained_network(small(name), 2, weights="random").eval()
    images, calls = some_images(), 0

    def count(*_):
        nonlocal calls
        calls += 1

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        posterior = MCDropout(network)
        draws = posterior.draw(4, seed=SEED)
        draws.outputs(images[:1])  # checks itself on the first images
        posterior.network.trunk.register_forward_hook(count)
        outputs = draws.outputs(images)
    assert calls == 1
    expected = naive(network, images, 4, monkeypatch)
    torch.testing.assert_close(
        outputs, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max())
    )
    assert not torch.allclose(outputs[:, 0], outputs[:, 1], atol=0)


@torch.no_grad()
def naive(network, images, draws, monkeypatch) -> torch.Tensor:
    """T full passes with `F.dropout` itself replaced."""
    results = []
    for t in range(draws):
        ordinal = 0

        def dropout(x, p=0.5, training=True, inplace=False, t=t):
            nonlocal ordinal
            if p == 0:
                return x
            keep = torch.rand(x.shape[1:], generator=generator(SEED, "mask", t, ordinal)) >= p
            ordinal += 1
            return x * keep / (1 - p)

        with monkeypatch.context() as patch:
            patch.setattr(F, "dropout", dropout)
            results.append(network(images))
    return torch.stack(results, dim=1)


def test_a_trunk_inside_another_network_and_called_twice_is_split_too(monkeypatch):
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.ModuleDict({"trunk": load_trunk(TINY)})
            self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(10, 2))

        def forward(self, x):
            trunk = self.inner["trunk"]
            return self.head(torch.cat([trunk(x), trunk(x.flip(-1))], dim=1))

    torch.manual_seed(0)
    network = Twice().eval()
    posterior = MCDropout(network)
    assert posterior.why_whole is None
    outputs = posterior.draw(3, seed=SEED).outputs(some_images())
    torch.testing.assert_close(outputs, naive(network, some_images(), 3, monkeypatch))


def test_resizing_is_that_of_pillow():
    pixels = np.random.default_rng(0).integers(0, 256, (45, 70, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize((16, 16), Image.Resampling.BILINEAR)  # antialiases
    expected = (np.asarray(image) / 255 - TINY.mean) / TINY.std
    trunk = load_trunk(TINY)
    resized = trunk.resized(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255)
    # Pillow rounds to whole levels after each of its two passes.
    assert np.abs(resized[0].permute(1, 2, 0).numpy() - expected).max() < 1.01 / 255 / 0.2


def test_grey_images_are_colour_images_with_equal_channels():
    trunk, grey = load_trunk(TINY), some_images(2, 1, 20, 20)
    assert torch.equal(trunk(grey), trunk(grey.repeat(1, 3, 1, 1)))


@pytest.mark.parametrize("shape", [(2, 4, 20, 20), (2, 2, 20, 20), (3, 20, 20)])
def test_other_channels_are_refused(shape):
    with pytest.raises(ModelError, match=r"tiny takes images of shape .*Convert them"):
        load_trunk(TINY)(torch.rand(shape))


def test_every_copy_starts_from_the_pretrained_weights():
    first = pretrained_network(TINY, 2)
    with torch.no_grad():
        for weight in first.parameters():
            weight.add_(1)
    second = pretrained_network(TINY, 2)
    state = tiny_state()
    for name, weight in second.trunk.body.state_dict().items():
        assert torch.equal(weight, state[name]), name
    assert torch.equal(second.head.dense[0].weight, state["9.weight"])
    assert torch.equal(second.head.dense[0].bias, state["9.bias"])
    assert second.head.dense[1].weight.shape == (2, 7)


def test_weights_are_read_once(tmp_path):
    path = tmp_path / "tiny.pth"
    torch.save(tiny_state(), path)
    first = load_trunk(TINY, weights=path)
    path.unlink()
    assert load_trunk(TINY, weights=str(path)).fingerprint() == first.fingerprint()
    assert pretrained_network(TINY, 2, weights=path).trunk.fingerprint() == first.fingerprint()


def test_weights_that_were_first_read_in_inference_mode_can_be_trained():
    with torch.inference_mode():
        load_trunk(replace(TINY, name="read in inference mode"))
    network = pretrained_network(replace(TINY, name="read in inference mode"), 2)
    network(some_images()).sum().backward()
    assert network.trunk.body[0].weight.grad is not None


def test_initial_weights_do_not_depend_on_who_loads_first():
    fresh = replace(TINY, name="never loaded")
    heads = []
    for _ in range(2):
        torch.manual_seed(5)
        heads.append(pretrained_network(fresh, 2).head.state_dict())
    torch.manual_seed(6)
    other = pretrained_network(fresh, 2).head
    assert all(torch.equal(heads[0][name], heads[1][name]) for name in heads[0])
    assert not torch.equal(heads[0]["dense.1.weight"], other.dense[1].weight)


def test_random_weights_are_the_same_every_time():
    one = load_trunk(replace(TINY, name="one"), weights="random")
    other = load_trunk(replace(TINY, name="other"), weights="random")
    assert one.fingerprint() == other.fingerprint() != load_trunk(TINY).fingerprint()


def test_fine_tuning_keeps_the_statistics_of_batch_norm_and_trains_the_rest():
    network = pretrained_network(TINY, 2).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert not any(layer.training for layer in network.trunk.modules())
    assert all(layer.training for layer in network.head.modules())
    optimiser = torch.optim.SGD(network.parameters(), lr=1.0)
    for n in (1, 8):  # a batch of one trains too
        F.cross_entropy(network(some_images(n)), torch.zeros(n, dtype=torch.long)).backward()
        optimiser.step()
    after = network.state_dict()
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same == {f"trunk.body.1.{n}" for n in _STATISTICS}


_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def test_the_outputs_of_an_image_do_not_depend_on_its_batch_in_training():
    network = pretrained_network(TINY, 2).train()
    for layer in network.head.dropout:
        layer.p = 0.0
    network.head.input_dropout.p = 0.0
    images = some_images(8)
    torch.testing.assert_close(network(images)[:1], network(images[:1]))


def test_a_frozen_trunk_stays_as_it_is():
    network = pretrained_network(TINY, 2, frozen=True).train()
    assert {name for name, w in network.named_parameters() if w.requires_grad} == {
        name for name, _ in network.named_parameters() if name.startswith("head.")
    }
    F.cross_entropy(network(some_images(8)), torch.zeros(8, dtype=torch.long)).backward()
    assert all(w.grad is None for w in network.trunk.parameters())
    assert pretrained_network(TINY, 2).trunk.body[0].weight.requires_grad


@pytest.mark.parametrize("frozen", [False, True])
def test_fit_trains_one_on_few_images(frozen):
    images = (some_images(9, 3, 20, 24) * 255).byte()
    images[::2] //= 4  # dark ones are of class 0
    labels = {i: i % 2 for i in range(9)}
    recipe = Recipe(steps=60, epochs=0, batch_size=8, learning_rate=0.03, weight_decay=(0.0,))
    fit = Fit(lambda: pretrained_network(TINY, 2, frozen=frozen), recipe)
    first, again = (fit(labels, ArrayPool(images), seed, classes=2) for seed in (0, 0))
    probs = first.draw(20, seed=1).log_probs(images / 255).exp().mean(dim=1)
    assert probs.argmax(dim=1).tolist() == list(labels.values())
    assert torch.equal(probs, again.draw(20, seed=1).log_probs(images / 255).exp().mean(dim=1))


@needs_timm
def test_fit_trains_efficientnet_with_batches_of_8():
    backbone = small("efficientnet_lite0")
    fit = Fit(
        lambda: pretrained_network(backbone, 2, weights="random"),
        Recipe(steps=2, epochs=0, batch_size=8, learning_rate=1e-4),
    )
    posterior = fit(dict.fromkeys(range(9), 1), ArrayPool(some_images(9)), 0)
    assert bool(posterior.draw(2, seed=0).outputs(some_images()).isfinite().all())


def test_the_head_alone_suits_the_features():
    torch.manual_seed(0)
    head = pretrained_head(TINY, 3)
    torch.manual_seed(0)
    network = pretrained_network(TINY, 3)
    assert all(
        torch.equal(a, b) for a, b in zip(head.parameters(), network.head.parameters(), strict=True)
    )
    assert (head.input_dropout.p, head.dropout[0].p) == (0.25, 0.5)
    images = some_images()
    torch.testing.assert_close(head.eval()(load_trunk(TINY)(images)), network.eval()(images))


def test_a_fingerprint_tells_weights_and_preparation_apart():
    trunk = load_trunk(TINY)
    assert trunk.fingerprint() == load_trunk(TINY).fingerprint()
    assert (
        trunk.fingerprint() == load_trunk(TINY).to(memory_format=torch.channels_last).fingerprint()
    )
    others = [
        load_trunk(replace(TINY, image_size=17)),
        load_trunk(replace(TINY, mean=(0.5, 0.4, 0.30001))),
        load_trunk(replace(TINY, std=(0.2, 0.3, 0.5))),
        load_trunk(TINY, weights="random"),
    ]
    with torch.no_grad():
        changed = load_trunk(TINY)
        changed.body[1].running_var[2] += 1e-6
    digests = {other.fingerprint() for other in [trunk, changed, *others]}
    assert len(digests) == 6


def test_the_table_of_backbones():
    known = {"efficientnet_lite0", "vgg16", "vgg16_fc6", "bayesian_cnn_mnist"}
    assert set(BACKBONES) == known
    assert all(name == backbone.name for name, backbone in BACKBONES.items())
    assert find_backbone("torchvision:resnet18") == find_backbone("torchvision:resnet18")
    assert find_backbone("torchvision:resnet18").features == 512


def test_finding_a_backbone_draws_no_random_number():
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    find_backbone("torchvision:shufflenet_v2_x0_5")
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("vgg", InputError, "no backbone 'vgg'. Known are efficientnet_lite0, vgg16"),
        ("resnet:18", InputError, "no backbone"),
        ("torchvision:resnet19", InputError, "torchvision has no model .*resnet18"),
        ("torchvision:squeezenet1_1", ModelError, "no linear layer"),
        pytest.param("timm:resnet19", InputError, "timm has no model .*resnet", marks=needs_timm),
    ],
)
def test_unknown_backbones_are_refused(name, error, message):
    with pytest.raises(error, match=message):
        find_backbone(name)


def test_a_trunk_is_a_plain_module():
    trunk = load_trunk(TINY)
    assert isinstance(trunk, Trunk)
    assert (trunk.name, trunk.image_size, trunk.features) == ("tiny", 16, 5)
