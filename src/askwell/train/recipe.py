"""How a network is trained: the numbers that decide how well few labels are used."""

from dataclasses import dataclass
from numbers import Real

from askwell.checks import whole_number
from askwell.errors import InputError

SCHEDULES = ("linear", "constant")
"""How the learning rate runs over the steps."""

_WARM_UP = 0.05


@dataclass(frozen=True, slots=True)
class Recipe:
    """Adam on mini-batches of cross-entropy plus `c / N · ‖W‖²`, from fresh weights each time.

    What each number does at 20 to 1 000 labels is measured in `docs/training.md`.

    Attributes:
        steps: optimisation steps at least. A number of epochs alone is too few: 50 epochs of 20
            images are 50 steps.
        epochs: passes over the training images at least; the longer of the two counts.
        batch_size: images a step at most; an epoch is cut into batches of nearly equal size. Where
            BatchNorm cannot train on one image, a step has two or three.
        learning_rate: of Adam (β = 0.9, 0.999), at its highest.
        schedule: "linear" (up over the first twentieth of the steps, then down to 0) or
            "constant", as the paper's code has it. Linear reaches in half the steps what
            constant reaches.
        weight_decay: the candidates for c; the best on the validation images is taken. W are the
            weights of every layer, without biases.
    """

    steps: int = 300
    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 3e-3
    schedule: str = "linear"
    weight_decay: tuple[float, ...] = (0.05,)

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        for name, least in (("steps", 1), ("epochs", 0), ("batch_size", 1)):
            whole_number(name, getattr(self, name), least=least)
        if self.schedule not in SCHEDULES:
            raise InputError(
                f"schedule must be one of {', '.join(SCHEDULES)}; got {self.schedule!r}."
            )
        if not (isinstance(self.learning_rate, Real) and self.learning_rate > 0):
            raise InputError(f"learning_rate must be above 0; got {self.learning_rate!r}.")
        if isinstance(self.weight_decay, Real):
            raise InputError(
                f"weight_decay is a tuple of candidates; got the number {self.weight_decay}. Pass "
                f"({self.weight_decay},)."
            )
        if not self.weight_decay or not all(map(_at_least_0, self.weight_decay)):
            raise InputError(
                f"weight_decay must be one or more numbers ≥ 0; got {self.weight_decay!r}."
            )

    def steps_for(self, labels: int) -> int:
        """Optimisation steps for a training set of this many images."""
        return max(self.steps, self.epochs * self.batches(labels))

    def rate(self, step: int, steps: int) -> float:
        """The learning rate at a step (0 is the first) of so many, as a share of the highest."""
        if self.schedule == "constant":
            return 1.0
        return min(1.0, (step + 1) / (_WARM_UP * steps)) * (1 - step / steps)

    def batches(self, labels: int) -> int:
        """Batches in one epoch."""
        return -(-labels // self.batch_size)


def _at_least_0(value: object) -> bool:
    return isinstance(value, Real) and float(value) >= 0  # NaN is not
