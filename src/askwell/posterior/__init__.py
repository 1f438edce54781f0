"""Posteriors: a trained network → T fixed functions.

Posterior, Draws   the interface (base.py); StagedDraws keep the work that draws share (Features)
MCDropout          dropout masks as posterior draws (dropout.py)
Deterministic      the point mass (deterministic.py)

calls.py, masks.py, split.py, masked_linear.py: how MC dropout finds every dropout call, fixes
its masks, runs what lies before it once, and multiplies by masked weights cheaply.
"""

from askwell.posterior.base import Draws, Features, Posterior, StagedDraws
from askwell.posterior.deterministic import Deterministic
from askwell.posterior.dropout import MCDropout

__all__ = ["Deterministic", "Draws", "Features", "MCDropout", "Posterior", "StagedDraws"]
