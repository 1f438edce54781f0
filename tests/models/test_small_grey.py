"""The trunk for small grey images is the paper's network up to its first dropout, with weights."""

import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from askwell.models.bayesian_cnn import BayesianCNN
from askwell.models.pretrained import load_trunk, pretrained_network
from askwell.randomness import generator

NAME = "bayesian_cnn_mnist"


def test_it_is_the_papers_network_up_to_the_first_dropout():
    trunk, network = load_trunk(NAME), BayesianCNN()
    missing = network.load_state_dict(trunk.body.state_dict(), strict=False)
    assert {name.partition(".")[0] for name in missing.missing_keys} == {"dense1", "dense2"}
    seen: list[torch.Tensor] = []
    network.dropout1.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    images = torch.rand(5, 1, 28, 28, generator=generator(1))
    with torch.no_grad():
        network.eval()(images)
        torch.testing.assert_close(trunk(images), seen[0].flatten(1), rtol=0, atol=1e-5)
        torch.testing.assert_close(trunk(images.expand(-1, 3, -1, -1)), trunk(images))


def test_with_its_head_it_is_the_papers_network_in_shape():
    ours = sum(each.numel() for each in pretrained_network(NAME, 10).parameters())
    assert ours == sum(each.numel() for each in BayesianCNN().parameters())


def test_its_features_know_digits_of_another_data_set_better_than_pixels_do():
    digits = load_digits()
    images = torch.tensor(digits.images[:, None] / 16, dtype=torch.float32)
    with torch.no_grad():
        features = load_trunk(NAME)(images).numpy()
    right = []
    for given in (features, images.flatten(1).numpy()):
        model = LogisticRegression(max_iter=1000).fit(given[:50], digits.target[:50])
        right.append(model.score(given[50:], digits.target[50:]))
    assert right[0] > right[1]
