"""The three things asked of anyone's network and images, in words."""

import pytest
import torch
from torch import nn

from askwell.errors import InputError, ModelError
from askwell.networks import naming_the_shape, require_images, require_matrix

MATRIX = torch.zeros(4, 2)


def test_a_matrix_passes_as_it_is():
    assert require_matrix(MATRIX) is MATRIX


@pytest.mark.parametrize(
    ("outputs", "got"),
    [(MATRIX[0], r"\(2,\)"), (MATRIX[None], r"\(1, 4, 2\)"), ((MATRIX,), "tuple"), (None, "None")],
)
def test_what_is_no_matrix(outputs, got):
    with pytest.raises(ModelError, match=rf"one tensor of shape \(N, outputs\).*; got {got}"):
        require_matrix(outputs)


def test_images_are_tensors():
    assert require_images(MATRIX) is MATRIX
    for wrong in (MATRIX.numpy(), MATRIX.tolist()):
        with pytest.raises(InputError, match=rf"got {type(wrong).__name__}\. askwell\.to_images"):
            require_images(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [RuntimeError, ValueError, TypeError])
def test_a_failure_names_the_network_and_the_shape(kind):
    with (
        pytest.raises(ModelError, match=r"ReLU failed on images of shape \(4, 2\): why") as caught,
        naming_the_shape(nn.ReLU(), MATRIX),
    ):
        raise kind("why")
    assert type(caught.value.__cause__) is kind


def test_other_errors_pass():
    with pytest.raises(ModelError, match="mine"), naming_the_shape(nn.ReLU(), MATRIX):
        raise ModelError("mine")
    with pytest.raises(KeyError), naming_the_shape(nn.ReLU(), MATRIX):
        raise KeyError
