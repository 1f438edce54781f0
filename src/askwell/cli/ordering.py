"""Features and a ranking made in this process, for `askwell propose`; apart, as torch is needed."""

from collections.abc import Callable, Collection
from pathlib import Path

from askwell.errors import ModelError, RunError
from askwell.features import FeatureStore
from askwell.formats.proposing import Order, open_images, stored_order
from askwell.labelling.applying import features_of
from askwell.labelling.files import Listed, Snapshot
from askwell.labelling.head import FeatureRows
from askwell.labelling.ranking import make_ranking
from askwell.models.pretrained import load_trunk
from askwell.store import Store


def compute_features(
    store: Store, root: Path, features: Path, progress: Callable[[int, int], None]
) -> dict[int, str]:
    """Compute the features that are missing; what was computed is kept, whatever happens.

    Args:
        store: of the project.
        root: the folder of images.
        features: the folder in which the labelling page keeps features.
        progress: called with the images that are done, and how many there are.

    Returns:
        Image → reason, for those that cannot be read.

    Raises:
        ModelError: the backbone's weights are not to be had.
        RunError: another process computes them, or the disk is full.
    """
    trunk = load_trunk(store.settings().backbone)
    images = [Listed.of(item) for item in store.items() if item.showable]
    _, unreadable = features_of(root, features, trunk, images, progress)
    return dict(unreadable)


def trained_order(store: Store, features: Path, unreadable: Collection[int]) -> tuple[Order, str]:
    """Train on all labels now, and rank what may be chosen; with a sentence about it.

    Args:
        store: of the project.
        features: the folder in which the labelling page keeps features.
        unreadable: images that are not to be proposed.

    Raises:
        NonFiniteError: training diverged.
    """
    settings = store.settings()
    try:
        kept = FeatureStore.read(features, load_trunk(settings.backbone))
    except (ModelError, RunError) as error:
        return stored_order(store), f"In the order of the page's last model: {error}"
    labels, holdout = store.labels(), store.holdout_labels()
    free = {item.id for item in open_images(store, unreadable).chosen}
    used = labels.keys() | holdout.keys() | free
    items = {
        item.id: item.sha256 for item in store.items() if item.id in used and item.sha256 in kept
    }
    if not free & items.keys():
        return Order(), "At random: there are no features of the images that are left."
    snapshot = Snapshot(
        labels,
        holdout,
        tuple(each.id for each in store.classes()),
        frozenset(items.keys() - free),
        settings.acquisition,
        settings.seed,
    )
    pool = FeatureRows(kept.rows(list(items.values())), list(items))
    made = make_ranking(pool, snapshot, version=1)
    scores = tuple(None if score != score else float(score) for score in made.scores.tolist())
    order = Order(tuple(made.items.tolist()), scores, made.stream, made.acquisition)
    if made.stream == "cold":
        return order, f"Typical images: too few labels for the model to choose ({len(labels)})."
    return order, f"By {made.acquisition}, of a model trained on {made.trained_on} labels."
