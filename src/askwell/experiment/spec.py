"""What to run: a specification, read from TOML, checked key by key."""

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any, get_type_hints

from askwell.acquisition import ACQUISITIONS
from askwell.datasets import DATASETS
from askwell.errors import InputError, SpecError
from askwell.likelihoods import gaussian
from askwell.models import MODELS
from askwell.select import STRATEGIES
from askwell.train import Recipe

POSTERIORS = ("mc_dropout", "deterministic")
"""The first is the default and goes unnamed in an arm's name."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One line of the figure: an acquisition function with a posterior."""

    acquisition: str
    posterior: str

    @property
    def name(self) -> str:
        """`bald`, or `bald/deterministic` with another posterior than the default."""
        return (
            self.acquisition
            if self.posterior == POSTERIORS[0]
            else f"{self.acquisition}/{self.posterior}"
        )


@dataclass(frozen=True, slots=True)
class TrainingSpec:
    """The table `[training]`: as `askwell.train.Recipe`, and when to choose anew.

    Attributes:
        steps: optimisation steps at least.
        epochs: passes over the labelled images at least.
        batch_size: images a step at most.
        learning_rate: of Adam, at its highest.
        schedule: of the learning rate, "linear" or "constant".
        weight_decay: the grid of c in `c / N · ‖W‖²`; the best on the validation images is taken.
        reselect: choose from the grid again once the labelled set has grown by this factor.
    """

    steps: int = 150
    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 3e-3
    schedule: str = "linear"
    weight_decay: tuple[float, ...] = (0.05,)
    reselect: float = 2.0

    def recipe(self) -> Recipe:
        """The recipe with the whole grid."""
        return Recipe(
            steps=self.steps,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            weight_decay=self.weight_decay,
        )


@dataclass(frozen=True, slots=True)
class Spec:
    """An experiment: arms × seeds, each running the loop from the same start.

    Attributes:
        name: of the run and its default directory, so it holds no slash.
        summary: one line for lists and reports.
        dataset: a name from `askwell data list`, or a folder of class folders. A relative folder
            in a TOML file is looked for beside that file first.
        image_size: side to which a folder's images are scaled; 0 keeps them.
        model: a name from `askwell.models.MODELS`.
        acquisitions: names from `askwell acquisitions`.
        posteriors: `mc_dropout`, `deterministic`; every acquisition runs with every posterior.
        seeds: one repetition each; all arms of a seed share split, initial set and weights.
        initial: labelled images at the start, balanced over the classes.
        validation: further labelled images, which choose the weight decay.
        query_size: images asked for at a time.
        budget: labelled images at the end, the initial ones included, the validation ones not.
        draws: T for scoring the pool.
        test_draws: T for evaluating on the test set.
        pool_subset: score only so many random pool images at each step; 0 scores all.
        pool_size: use only so many images of the training set, random ones; 0 uses all.
        test_size: evaluate on so many images of the test set, random ones; 0 uses all.
        label_noise: probability that the oracle answers with a wrong class.
        training: the table `[training]`.
    """

    name: str
    summary: str = ""
    dataset: str = "mnist"
    image_size: int = 0
    model: str = "bayesian_cnn"
    acquisitions: tuple[str, ...] = ("variation_ratios", "bald", "random")
    posteriors: tuple[str, ...] = POSTERIORS[:1]
    seeds: tuple[int, ...] = (0,)
    initial: int = 20
    validation: int = 100
    query_size: int = 10
    budget: int = 1000
    draws: int = 100
    test_draws: int = 100
    pool_subset: int = 0
    pool_size: int = 0
    test_size: int = 0
    label_noise: float = 0.0
    training: TrainingSpec = field(default_factory=TrainingSpec)

    def __post_init__(self) -> None:
        """Refuse impossible values, whatever the data set."""
        if self.name in ("", ".", "..") or any(c in self.name for c in "/\\\0\n"):
            raise SpecError(
                f"name must be a plain name for a folder, without slashes; got {self.name!r}."
            )
        _check_names(self.acquisitions, STRATEGIES, "acquisitions", "acquisition")
        for name in self.acquisitions:
            if name in ACQUISITIONS and ACQUISITIONS[name].likelihood is gaussian:
                raise SpecError(f"{name} is for regression; an experiment is a classification.")
        _check_names(self.posteriors, POSTERIORS, "posteriors", "posterior")
        _check_names((self.model,), MODELS, "model", "model")
        for name in ("initial", "query_size", "draws", "test_draws"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} must be at least 1; got {getattr(self, name)}.")
        for name in ("validation", "pool_subset", "pool_size", "test_size", "image_size"):
            if getattr(self, name) < 0:
                raise SpecError(f"{name} must be at least 0; got {getattr(self, name)}.")
        if len(set(self.seeds)) < max(1, len(self.seeds)):
            raise SpecError(f"seeds must be one or more different numbers; got {list(self.seeds)}.")
        if self.pool_subset and self.pool_subset < self.query_size:
            raise SpecError(
                f"pool_subset ({self.pool_subset}) is smaller than query_size ({self.query_size})."
            )
        if self.budget < self.initial:
            raise SpecError(
                f"budget ({self.budget}) counts the initial images ({self.initial}) and cannot be "
                "smaller."
            )
        if not 0 <= self.label_noise <= 1:
            raise SpecError(f"label_noise is a probability; got {self.label_noise}.")
        if not self.training.reselect > 1:
            raise SpecError(f"training.reselect must be above 1; got {self.training.reselect}.")
        if len(self.training.weight_decay) > 1 and self.validation == 0:
            raise SpecError("Choosing among weight decays needs validation images; got 0 of them.")
        try:
            self.training.recipe()
        except InputError as error:
            raise SpecError(f"[training] {error}") from error

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Every acquisition with every posterior."""
        return tuple(Arm(a, p) for a in self.acquisitions for p in self.posteriors)

    @property
    def steps(self) -> int:
        """Turns of the loop of each chain, the first (initial set) included."""
        return 1 + -(-(self.budget - self.initial) // self.query_size)

    def as_dict(self) -> dict[str, Any]:
        """Every key with its value, as JSON has it (tuples are lists)."""
        table: dict[str, Any] = _plain(asdict(self))
        return table


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
    if path.suffix == ".toml" or path.is_file():
        try:
            with path.open("rb") as file:
                return located(parse(tomllib.load(file), path.stem), path.parent)
        except OSError as error:
            raise SpecError(f"Cannot read the spec {path}: {error.strerror}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SpecError(f"{path} is not valid TOML: {error}") from error
    known = builtin()
    if name_or_path not in known:
        raise SpecError(
            f"No spec is called {name_or_path!r}.{nearest(name_or_path, known)} Built in are: "
            f"{', '.join(known)}. Or give the path of a .toml file."
        )
    return known[name_or_path]


def parse(table: Mapping[str, Any], name: str) -> Spec:
    """A spec from a parsed TOML table; `name` where the table gives none.

    Raises:
        SpecError: an unknown key (with the nearest known one), a wrong type, an impossible value.
    """
    table = {"name": name} | dict(table)
    training = table.pop("training", {})
    if not isinstance(training, Mapping):
        raise SpecError(f"training must be a table, [training]; got {training!r}.")
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
    """
    if spec.dataset in DATASETS:
        return spec
    path = folder / Path(spec.dataset).expanduser()
    return replace(spec, dataset=str(path.resolve())) if path.is_dir() else spec


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean …?`, or nothing where no known name is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""


def _typed(table: Mapping[str, Any], kind: type, prefix: str) -> dict[str, Any]:
    known = _keys(kind)
    hints = get_type_hints(kind)
    values = {}
    for key, value in table.items():
        if key not in known:
            raise SpecError(
                f"Unknown key {prefix + key!r} in the spec.{_hint(key, prefix)} Known keys: "
                f"{', '.join(prefix + name for name in sorted(known))}."
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
    if prefix:
        return nearest(prefix + key, {prefix + name for name in _keys(TrainingSpec)})
    return nearest(key, _keys(Spec))


def _convert(key: str, value: Any, wanted: Any) -> Any:
    """One value of the wanted type: str, int, float, or a tuple of one of these."""
    if wanted in (tuple[str, ...], tuple[int, ...], tuple[float, ...]):
        inner = {tuple[str, ...]: str, tuple[int, ...]: int}.get(wanted, float)
        values = value if isinstance(value, list | tuple) else [value]
        return tuple(_convert(key, v, inner) for v in values)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not wanted:
        raise SpecError(f"{key} must be {_KINDS[wanted]}; got {value!r} ({_kind(value)}).")
    if wanted is float and not math.isfinite(value):
        raise SpecError(f"{key} must be a finite number; got {value}.")
    return value


_KINDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a table"
    return _KINDS.get(type(value), "a list" if isinstance(value, list) else "a date or time")


def _check_names(names: Sequence[str], known: Any, key: str, kind: str) -> None:
    if len(set(names)) < max(1, len(names)):
        raise SpecError(f"{key} must name one or more different ones; got {list(names)}.")
    for name in names:
        if name not in known:
            raise SpecError(
                f"No {kind} is called {name!r}.{nearest(name, known)} There are: "
                f"{', '.join(known)}."
            )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, tuple) else value
