"""A spec from its TOML file, by its name, or with some keys changed on the command line."""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from importlib import resources
from pathlib import Path
from typing import Any, get_type_hints

from askwell.datasets import DATASETS
from askwell.datasets.names import nearest
from askwell.errors import SpecError
from askwell.experiment.spec import Spec, TrainingSpec
from askwell.experiment.spec_checks import check_bound, written
from askwell.paths import expanded, is_file, is_folder


def builtin() -> Mapping[str, Spec]:
    """The named specs that come with askwell, by name."""
    folder = resources.files("askwell.experiment") / "specs"
    texts = sorted((f.name, f.read_text("utf-8")) for f in folder.iterdir())
    return {
        name.removesuffix(".toml"): parse(tomllib.loads(text), name.removesuffix(".toml"))
        for name, text in texts
        if name.endswith(".toml")
    }


def load(name_or_path: str) -> Spec:
    """The spec of a built-in name or of a TOML file.

    Raises:
        SpecError: neither; or the file is no TOML, or has an unknown key or an impossible value.
    """
    path = Path(name_or_path)
    if is_file(path, SpecError) or path.suffix == ".toml":
        return located(parse(_read(path), path.stem), path.parent)
    known = builtin()
    if name_or_path not in known:
        raise SpecError(
            f"No spec is called {name_or_path!r}.{nearest(name_or_path, known)} Built in are: "
            f"{', '.join(known)}. Or give the path of a .toml file."
        )
    return known[name_or_path]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise SpecError(f"Cannot read the spec {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, or a number without end
        raise SpecError(f"{path} is not valid TOML: {error}") from error


def parse(table: Mapping[str, Any], name: str) -> Spec:
    """A spec from a parsed TOML table; `name` where the table gives none.

    Raises:
        SpecError: an unknown key (with the nearest known one), a wrong type, an impossible value.
    """
    table = {"name": name} | dict(table)
    training = table.pop("training", {})
    if not isinstance(training, Mapping):
        raise SpecError(f"training must be a table, [training]; got {written(training)}.")
    values = _typed(table, Spec, "")
    return Spec(**values, training=TrainingSpec(**_typed(training, TrainingSpec, "training.")))


def override(spec: Spec, changes: Mapping[str, Any]) -> Spec:
    """The spec with other values; keys as in TOML, `training.steps` for those of a table.

    Raises:
        SpecError: as `parse`.
    """
    if "training" in changes:
        raise SpecError("training is a table: change its keys one by one, as in training.steps=50.")
    top = {k: v for k, v in changes.items() if not k.startswith("training.")}
    inner = {k.removeprefix("training."): v for k, v in changes.items() if k not in top}
    training = replace(spec.training, **_typed(inner, TrainingSpec, "training."))
    return replace(spec, **_typed(top, Spec, ""), training=training)


def located(spec: Spec, folder: Path) -> Spec:
    """The spec with a relative data folder, if there is one in `folder`, as an absolute path.

    So that a run's records name their data from whatever directory they are read.

    Raises:
        SpecError: the system does not say whether there is such a folder.
    """
    if spec.dataset in DATASETS:
        return spec
    path = folder / expanded(spec.dataset, SpecError)
    return replace(spec, dataset=str(path.resolve())) if is_folder(path, SpecError) else spec


def named_apart(spec: Spec, original: Spec) -> Spec:
    """The spec with its data in its name where they are not the original's: `quickstart-digits`.

    So that the run has a directory of its own, and its report says what it shows. A name that was
    changed, too, is left alone.
    """
    if spec.dataset == original.dataset or spec.name != original.name:
        return spec
    data = re.sub(r"[\\\0\n]", "_", Path(spec.dataset).name)
    return replace(spec, name=f"{spec.name}-{data}")


def _typed(table: Mapping[str, Any], kind: type, prefix: str) -> dict[str, Any]:
    known = _keys(kind)
    hints = get_type_hints(kind)
    values = {}
    for key, value in table.items():
        if key not in known:
            listed = ", ".join(prefix + name for name in sorted(known))
            raise SpecError(
                f"Unknown key {prefix + key!r} in the spec.{_hint(key, prefix)} Known keys: "
                f"{listed}{'' if prefix else '; and the table [training]'}."
            )
        values[key] = _convert(prefix + key, value, hints[key])
    return values


def _keys(kind: type) -> set[str]:
    return {f.name for f in fields(kind)} - {"training"}


def _hint(key: str, prefix: str) -> str:
    """The nearest key, or the place where this very key belongs."""
    if prefix and key in _keys(Spec):
        return f" {key!r} stands above the table [training], not in it."
    if not prefix and key in _keys(TrainingSpec):
        return f" It belongs to the table [training]: {'training.' + key!r}."
    inner = {f"training.{name}" for name in _keys(TrainingSpec)}
    return nearest(prefix + key, inner if prefix else inner | _keys(Spec) | {"[training]"})


def _convert(key: str, value: Any, wanted: Any) -> Any:
    """One value of the wanted type: str, int, float, or a tuple of one of these."""
    if wanted in (tuple[str, ...], tuple[int, ...], tuple[float, ...]):
        inner = {tuple[str, ...]: str, tuple[int, ...]: int}.get(wanted, float)
        values = value if isinstance(value, list | tuple) else [value]
        return tuple(_convert(key, v, inner) for v in values)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return _fraction(key, value)
    if type(value) is not wanted:
        raise SpecError(f"{key} must be {_KINDS[wanted]}; got {written(value)} ({_kind(value)}).")
    if wanted is float and not math.isfinite(value):
        raise SpecError(f"{key} must be a finite number; got {value}.")
    if wanted is int:
        check_bound(key, value)
    return value


def _fraction(key: str, whole: int) -> float:
    """A whole number where a fraction may stand."""
    try:
        return float(whole)
    except OverflowError:
        raise SpecError(f"{key} must lie between -1e308 and 1e308; got {written(whole)}.") from None


_KINDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a table"
    return _KINDS.get(type(value), "a list" if isinstance(value, list) else "a date or time")
