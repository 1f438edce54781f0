"""Labelled set → posterior.

Recipe            how to train (recipe.py)
Fit               labelled ids, pool, seed → Posterior, with weight decay chosen on a
                  validation set (fit.py)
train             the loop itself (loop.py)
flips, views      more images from those of some classes (augment.py)

How a learner calls this or any other way of training is in calls.py.
"""

from askwell.train.augment import flips, views
from askwell.train.fit import Fit
from askwell.train.loop import train
from askwell.train.losses import cross_entropy, gaussian_nll
from askwell.train.recipe import Recipe

__all__ = ["Fit", "Recipe", "cross_entropy", "flips", "gaussian_nll", "train", "views"]
