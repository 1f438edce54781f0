"""`askwell model` and `askwell predict`: from labels to a model, and from it to other images."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from askwell.cli.consoles import bar, counted
from askwell.datasets.images import list_reasons
from askwell.errors import InputError
from askwell.formats.csv_table import table
from askwell.formats.text import check_free, write_text
from askwell.paths import shown

if TYPE_CHECKING:
    from askwell.labelling.applying import Predictions
    from askwell.labelling.files import Listed

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of images.")]


def model(
    folder: Folder,
    out: Annotated[Path, typer.Option("--out", help="The folder to write the model into.")],
    project: Annotated[
        Path | None, typer.Option("--project", help="The project file, if not FOLDER/.askwell.")
    ] = None,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="Also model.onnx, from features to probabilities.")
    ] = False,
    trunk_too: Annotated[
        bool, typer.Option("--onnx-trunk", help="The trunk in model.onnx as well: from images on.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model.")] = False,
) -> None:
    """Train on all labels of a project and write the model: safetensors and JSON.

    The page may stay open. Labels of the hold-out are trained on as well; the accuracy that is
    told was measured without them.

    Example: askwell model photos --out nevi-model

    Example: askwell model photos --out nevi-model --onnx
    """
    from askwell.labelling.applying import features_of, train_model
    from askwell.labelling.files import Listed, Snapshot
    from askwell.labelling.model import check_vacant, save_model
    from askwell.models.pretrained import load_trunk
    from askwell.store import Places, Store

    check_vacant(out, overwrite=overwrite)
    places = Places.of(folder, project)
    with Store.read(places.db) as store:
        settings, classes = store.settings(), store.classes()
        labels, holdout = store.labels(), store.holdout_labels()
        wanted = [
            Listed.of(item) for item in store.items() if item.id in labels or item.id in holdout
        ]
    trunk = load_trunk(settings.backbone)
    with bar("features") as report:
        pool, unreadable = features_of(folder, places.features, trunk, wanted, report)
    snapshot = Snapshot(labels, holdout, tuple(each.id for each in classes), seed=settings.seed)
    trained = train_model(pool, snapshot, [each.name for each in classes], trunk)
    save_model(out, trained)
    if onnx or trunk_too:
        from askwell.labelling.onnx import export_onnx

        export_onnx(out / "model.onnx", trained, trunk if trunk_too else None)
    _tell(_paths(wanted), unreadable)
    measured = trained.metrics.get("accuracy")
    accuracy = "" if measured is None else (
        f"; accuracy {100 * measured:.1f} %, on {trained.metrics['holdout']} hold-out images "
        "before it was trained on these too"
    )  # fmt: skip
    typer.echo(f"{shown(out)}: trained on {trained.trained_on} labels{accuracy}")


def predict(
    folder: Folder,
    model: Annotated[Path, typer.Option("--model", help="The folder of askwell model.")],
    out: Annotated[Path, typer.Option("--out", help="The CSV file to write.")],
    features: Annotated[
        Path | None,
        typer.Option("--features", help="Keep the features in this folder, for the next time."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Label other images by a model: path, label, probabilities, and how unsure it is.

    Columns: path, label, p(class) for each class, entropy (all uncertainty) and epistemic (what
    more labels could remove of it), both in nats. Nothing is written into FOLDER.

    Example: askwell predict photos2 --model nevi-model --out predictions.csv
    """
    from askwell.labelling.applying import features_of
    from askwell.labelling.applying import predict as apply
    from askwell.labelling.files import Listed
    from askwell.labelling.model import load_model
    from askwell.models.pretrained import load_trunk
    from askwell.scan import scan

    check_free(out, overwrite=overwrite)
    trained = load_model(model)
    trunk = load_trunk(trained.backbone)
    trained.check_trunk(trunk)
    found = scan(folder)
    wanted = [Listed(i, file.path, file.sha256) for i, file in enumerate(found.files)]
    if not wanted:
        raise InputError(f"There is no image in {shown(folder)} that can be read.")
    with _kept(features) as directory, bar("features") as report:
        pool, unreadable = features_of(folder, directory, trunk, wanted, report)
        predictions = apply(trained, pool)
    paths = _paths(wanted)
    write_text(out, _table(predictions, paths, trained.classes))
    _tell(paths, unreadable, found.unreadable)
    typer.echo(f"{shown(out)}: {len(predictions.items)} images")


def _paths(wanted: "list[Listed]") -> dict[int, str]:
    """Item → path."""
    return {each.item: each.path for each in wanted}


def _table(found: "Predictions", paths: Mapping[int, str], classes: tuple[str, ...]) -> str:
    heads = ["path", "label", *(f"p({name})" for name in classes), "entropy", "epistemic"]
    rows = []
    for row in sorted(range(len(found.items)), key=lambda row: paths[int(found.items[row])]):
        p = found.probs[row]
        numbers = [*p, found.entropy[row], found.epistemic[row]]
        label = classes[int(p.argmax())]
        rows.append([paths[int(found.items[row])], label, *(f"{each:.6f}" for each in numbers)])
    return table(heads, rows)


@contextmanager
def _kept(features: Path | None) -> Iterator[Path]:
    """Where features are kept: in the user's folder, or in one that is gone afterwards."""
    if features is not None:
        yield features
        return
    with tempfile.TemporaryDirectory(prefix="askwell-") as folder:
        yield Path(folder)


def _tell(
    paths: Mapping[int, str], unreadable: Mapping[int, str], more: Mapping[str, str] | None = None
) -> None:
    """Name the files that were left out, with their reasons."""
    reasons = {paths[item]: why for item, why in unreadable.items()} | dict(more or {})
    if reasons:
        typer.echo(f"{counted(len(reasons), 'file')} left out:{list_reasons(reasons)}", err=True)
