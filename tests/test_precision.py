"""Memory layouts and number formats."""

import pytest
import torch
from torch import Tensor, nn

from askwell.errors import ModelError
from askwell.models import BayesianCNN
from askwell.precision import choose_layout, compute_dtype, denormals_as_zero, in_layout

IMAGES = torch.rand(2, 3, 8, 8)


class Views(nn.Module):
    """`.view` on a feature map fails in channels-last layout."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.dense = nn.Linear(4 * 6 * 6, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return self.dense(x.view(x.shape[0], -1))


def flattening() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 6 * 6, 2)
    )


def modes(network: nn.Module) -> list[bool]:
    return [layer.training for layer in network.modules()]


def test_a_network_that_can_runs_channels_last():
    network = flattening()
    assert choose_layout(network, IMAGES) == torch.channels_last
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_a_network_that_cannot_keeps_the_default_layout():
    network = Views()
    assert choose_layout(network, IMAGES) == torch.contiguous_format
    assert network.conv.weight.is_contiguous()
    network(IMAGES)


def test_so_does_one_with_3d_convolutions():
    network = nn.Sequential(nn.Conv3d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 6**3, 2))
    images = torch.rand(2, 1, 8, 8, 8)
    assert choose_layout(network, images) == torch.contiguous_format
    network(images)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("make", [flattening, Views])
def test_the_training_mode_of_every_layer_stays(make, training):
    network = make().train(training)
    norm = next(layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d))
    norm.train(not training)  # a frozen normalisation, say
    before = modes(network), norm.running_mean.clone()
    choose_layout(network, IMAGES)
    assert modes(network) == before[0]
    assert torch.equal(norm.running_mean, before[1])


def test_so_it_does_if_the_network_fails():
    network = BayesianCNN().train()
    with pytest.raises(ModelError):
        choose_layout(network, IMAGES)
    assert all(modes(network))


def test_the_images_are_left_alone_by_a_network_that_overwrites_them():
    images = IMAGES[:, :1].clone()
    before = images.clone()
    network = nn.Sequential(nn.Threshold(0.5, 7.0, inplace=True), nn.Flatten(), nn.Linear(64, 2))
    choose_layout(network, images)
    assert torch.equal(images, before)


def test_only_batches_of_images_have_a_layout():
    moved = in_layout(IMAGES, torch.channels_last)
    assert moved.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(moved, IMAGES)
    assert in_layout(moved, torch.contiguous_format).is_contiguous()
    for shape in ((2, 5), (2, 3, 4), (2, 1, 3, 4, 5)):
        other = torch.rand(shape)
        assert in_layout(other, torch.channels_last) is other


@pytest.mark.parametrize(("amx", "dtype"), [(False, torch.float32), (True, torch.bfloat16)])
def test_a_processor_computes_in_bfloat16_only_with_amx(monkeypatch, amx, dtype):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert compute_dtype(torch.device("cpu")) == dtype


@pytest.mark.parametrize(("supported", "dtype"), [(False, torch.float32), (True, torch.bfloat16)])
def test_a_gpu_computes_in_bfloat16_where_its_hardware_does(monkeypatch, supported, dtype):
    def is_bf16_supported(including_emulation: bool = True) -> bool:
        return including_emulation or supported

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
    assert compute_dtype(torch.device("cuda")) == dtype


def test_other_devices_compute_in_float32():
    assert compute_dtype(torch.device("mps")) == torch.float32


def tiny() -> Tensor:
    """A number below float32's normal ones, if the processor computes with such."""
    return torch.tensor([1e-20]) * torch.tensor([1e-20])


def test_tiny_numbers_are_zero_inside_and_as_before_outside():
    if not torch.set_flush_denormal(False):
        pytest.skip("this processor cannot take denormal numbers for 0")
    assert tiny() > 0
    with denormals_as_zero():
        assert tiny() == 0
        with denormals_as_zero():
            pass
        assert tiny() == 0, "it was so before the inner one"
    assert tiny() > 0
