"""The model as files: round trip, the documented loading example, ONNX by another runtime."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from askwell.errors import LabelError, ModelError
from askwell.labelling.applying import features_of, predict, train_model
from askwell.labelling.files import Listed, Snapshot
from askwell.labelling.head import summarise
from askwell.labelling.model import load_model, save_model
from askwell.labelling.onnx import export_onnx
from askwell.models.pretrained import load_trunk
from tests.labelling.photos import write_digits
from tests.labelling.points import points, pool_of
from tests.models.small_backbones import TINY

pytest.importorskip("safetensors")

DOCS = Path(__file__).parents[2] / "docs" / "labelling-model.md"

FEATURES, LABELS = points(features=TINY.features)
POOL = pool_of(FEATURES)
SNAPSHOT = Snapshot(
    {1000 + row: int(LABELS[row]) for row in range(40)},
    {1000 + row: int(LABELS[row]) for row in range(40, 60)},
    (0, 1, 2),
)


@pytest.fixture(scope="module")
def trunk():
    return load_trunk(TINY, weights="random")


@pytest.fixture(scope="module")
def model(trunk):
    return train_model(POOL, SNAPSHOT, ["naevus", "mélanome", "other"], trunk)


def test_a_mean_over_classes_is_told_with_a_few_held_out_images_of_each(model, trunk):
    assert "balanced_accuracy" in model.metrics
    few = [item for item, label in SNAPSHOT.holdout.items() if label == 2][2:]
    holdout = {item: label for item, label in SNAPSHOT.holdout.items() if item not in few}
    told = train_model(POOL, replace(SNAPSHOT, holdout=holdout), ["a", "b", "c"], trunk).metrics
    assert set(model.metrics) - set(told) == {"balanced_accuracy"}
    assert told["holdout"] == len(holdout)


def test_a_model_comes_back_as_it_was(tmp_path, model, trunk):
    save_model(tmp_path / "new", model)
    found = load_model(tmp_path / "new")
    for name in ("classes", "backbone", "fingerprint", "image_size", "seed", "trained_on"):
        assert getattr(found, name) == getattr(model, name)
    assert found.metrics == model.metrics
    assert (found.trained_on, found.metrics["holdout"]) == (60, 20)
    assert torch.equal(
        summarise(found.draw(), FEATURES).probs, summarise(model.draw(), FEATURES).probs
    )
    found.check_trunk(trunk)
    other = load_trunk(replace(TINY, image_size=20), weights="random")
    with pytest.raises(ModelError, match="other weights or another image size"):
        found.check_trunk(other)


def test_predictions_are_those_of_the_draws(model):
    found = predict(model, POOL)
    log_probs = model.draw().log_probs(torch.from_numpy(FEATURES).float())
    assert np.allclose(found.probs, log_probs.exp().mean(dim=1).numpy(), atol=1e-5)
    assert found.items.tolist() == list(POOL.ids)
    assert (found.probs.argmax(axis=1) == LABELS).mean() > 0.7
    assert (found.epistemic <= found.entropy + 1e-6).all()


def test_too_few_classes_are_refused(trunk):
    with pytest.raises(LabelError, match="at least two classes"):
        train_model(POOL, Snapshot({1000: 0}, {}, (0, 1)), ["a", "b"], trunk)


def test_the_documented_example_loads_it(tmp_path, model, monkeypatch):
    save_model(tmp_path / "model", model)
    example = re.search(r"```python\n(import json.*?)```", DOCS.read_text(), re.DOTALL)
    assert example is not None
    features = torch.from_numpy(FEATURES[:50]).float()
    monkeypatch.chdir(tmp_path)
    scope = {"features": features}
    torch.manual_seed(0)
    exec(example[1], scope)
    expected = summarise(model.draw(), FEATURES[:50]).probs
    # A hundred masks of its own against a hundred of ours: five standard errors.
    each = model.draw().log_probs(features).exp()
    bound = 5 * (2 * each.var(dim=1) / each.shape[1]).sqrt() + 1e-3
    assert ((scope["probs"] - expected).abs() <= bound).all()
    assert scope["names"] == list(model.classes)
    assert len(example[1].strip().splitlines()) <= 12


def test_the_documented_way_from_files_to_features_is_that_of_the_page(tmp_path, monkeypatch):
    items, _ = write_digits(tmp_path / "photos", 2)
    for name, item in zip(("1.jpg", "2.jpg"), items, strict=True):
        (tmp_path / "photos" / item.path).rename(tmp_path / "photos" / name)
    trunk = load_trunk("torchvision:shufflenet_v2_x0_5", weights="random")
    monkeypatch.setattr("askwell.models.load_trunk", lambda name: trunk)
    monkeypatch.chdir(tmp_path)
    example = re.search(r"```python\n(from pathlib.*?)```", DOCS.read_text(), re.DOTALL)
    assert example is not None
    scope: dict[str, Any] = {}
    exec(example[1], scope)
    listed = [Listed(i, name, items[i].sha256) for i, name in enumerate(("1.jpg", "2.jpg"))]
    pool, _ = features_of(
        tmp_path / "photos", tmp_path / "features", trunk, listed, lambda done, total: None
    )
    want = pool.images(np.array([pool.position(0), pool.position(1)]))
    assert torch.allclose(scope["features"], want, rtol=2e-3, atol=2e-3)  # kept as float16


@pytest.mark.parametrize("damage", ["missing", "json", "format", "cut", "shape"])
def test_what_is_no_model_is_refused_in_words(tmp_path, model, damage):
    save_model(tmp_path, model)
    about, weights = tmp_path / "model.json", tmp_path / "model.safetensors"
    if damage == "missing":
        weights.unlink()
    elif damage == "json":
        about.write_text("[]")
    elif damage == "format":
        about.write_text(json.dumps(json.loads(about.read_text()) | {"format": 9}))
    elif damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-5])
    else:
        about.write_text(json.dumps(json.loads(about.read_text()) | {"classes": ["a"]}))
    with pytest.raises(ModelError, match=r"no model that can be read|is damaged"):
        load_model(tmp_path)


@pytest.mark.parametrize("whole", [False, True])
def test_onnx_gives_what_torch_gives(tmp_path, model, trunk, whole):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    export_onnx(tmp_path / "model.onnx", model, trunk if whole else None)
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    images = torch.rand(7, 3, TINY.image_size, TINY.image_size)
    for n in (1, 7):
        with torch.no_grad():
            features = trunk(images[:n]) if whole else torch.from_numpy(FEATURES[:n]).float()
        given = {"images": images[:n].numpy()} if whole else {"features": features.numpy()}
        probs, entropy, information = session.run(None, given)
        expected = summarise(model.draw(), features.numpy())
        assert np.allclose(probs, expected.probs.numpy(), atol=1e-5)
        assert np.allclose(entropy, expected.entropy.numpy(), atol=1e-5)
        assert np.allclose(information, expected.bald.numpy(), atol=1e-5)


def test_onnx_of_certain_predictions_is_finite(tmp_path, model):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    export_onnx(tmp_path / "model.onnx", model)
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    extreme = (FEATURES[:20].astype(np.float32)) * 1e4
    for values in session.run(None, {"features": extreme}):
        assert np.isfinite(values).all()
