"""Networks of one's own, by file or module."""

from pathlib import Path

import pytest
import torch

from askwell.errors import InputError
from askwell.models import BayesianCNN, model_factory

FILE = """
from torch import nn

limit = 3

class Net(nn.Sequential):
    def __init__(self, image_shape, outputs):
        super().__init__(nn.Flatten(), nn.Dropout(0.5), nn.LazyLinear(outputs))

def one(image_shape):
    return None
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "networks.py"
    path.write_text(FILE)
    return path


def test_a_name_a_module_and_a_file_make_networks(file: Path) -> None:
    assert isinstance(model_factory("bayesian_cnn")((1, 8, 8), 3), BayesianCNN)
    assert isinstance(model_factory("askwell.models:BayesianCNN")((1, 8, 8), 3), BayesianCNN)
    network = model_factory(f"{file}:Net")((1, 4, 4), 3)
    assert network(torch.rand(2, 1, 4, 4)).shape == (2, 3)


def test_a_file_is_loaded_once_and_two_of_one_name_are_told_apart(file: Path) -> None:
    assert model_factory(f"{file}:Net") is model_factory(f"{file}:Net")
    other = file.parent / "other" / "networks.py"
    other.parent.mkdir()
    other.write_text(FILE.replace("class Net", "class Other"))
    assert model_factory(f"{other}:Other") is not None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bayesian_cn", "No model is called 'bayesian_cn'. Did you mean 'bayesian_cnn'?"),
        ("nowhere.py:Net", "The model nowhere.py:Net cannot be loaded: FileNotFoundError"),
        ("no_such_module:Net", "cannot be loaded: ModuleNotFoundError"),
        ("{file}:Nett", "has no function or class 'Nett'"),
        ("{file}:limit", "has no function or class 'limit'"),
        ("{file}:one", "it does not take these: too many positional arguments"),
        ("{broken}:Net", "cannot be loaded: ZeroDivisionError"),
        ("{exits}:Net", "cannot be loaded: SystemExit"),
    ],
)
def test_what_makes_no_network_is_refused_in_words(file: Path, name: str, message: str) -> None:
    broken, exits = file.parent / "broken.py", file.parent / "exits.py"
    broken.write_text("1 / 0")
    exits.write_text("raise SystemExit(3)")
    with pytest.raises(InputError) as caught:
        model_factory(name.format(file=file, broken=broken, exits=exits))
    assert message in str(caught.value)
