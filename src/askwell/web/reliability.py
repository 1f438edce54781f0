"""How often the model is right when it is as sure as of one image: told in counts, not modelled.

A network that is trained on few labels is too sure of itself where classes are hard to tell apart.
The reserve shows by how much: its images were drawn at random and never trained on.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from askwell.labelling.archives import RankingFile
from askwell.store import ClassName
from askwell.web.judging import active_ids, active_shares

NEAREST = 20
"""Images of the reserve that are counted, …"""

FARTHEST = 0.1
"""… as far as their probability is within this, …"""

FEWEST = 10
"""… and below this many nothing is said."""


def when_as_sure(
    ranking: RankingFile, truth: Mapping[int, int], every: Sequence[ClassName], item: int
) -> str:
    """A sentence on the images of the reserve of which a model is about as sure as of this one.

    They are the nearest ones by the probability of the likeliest class, and all that are as near
    as the last of them; none that are far from it.

    Args:
        ranking: of the model.
        truth: item → class, of the reserve.
        every: all classes, merged ones too.
        item: an image of which the model says something.

    Returns:
        The sentence; empty where there are too few images.
    """
    rows = {each: row for each in truth if (row := ranking.row(each)) is not None}
    own = ranking.row(item)
    rows.pop(item, None)
    if own is None or len(rows) < FEWEST:
        return ""
    probs = active_shares(every, ranking, np.array([own, *rows.values()]))
    sure = probs.max(axis=1)
    said = active_ids(every)[probs[1:].argmax(axis=1)]
    right = said == np.array([truth[each] for each in rows])
    apart = np.abs(sure[1:] - sure[0])
    last = np.sort(apart)[:NEAREST][-1]
    near = apart <= min(FARTHEST, last)
    if near.sum() < FEWEST:
        return ""
    low, high = (f"{100 * end:.0f}" for end in (sure[1:][near].min(), sure[1:][near].max()))
    between = f"{low} %" if low == high else f"{low} to {high} %"
    return (
        f"Of the {near.sum()} random images of which it is about as sure ({between}), it gets "
        f"{right[near].sum()} right."
    )
