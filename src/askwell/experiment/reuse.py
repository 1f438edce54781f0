"""Chains that another run has already: taken over instead of computed again."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from askwell.errors import RunError
from askwell.experiment import machine
from askwell.experiment.chain_lines import same_split, step_line
from askwell.experiment.growth import GROWING, differences, whole_steps
from askwell.experiment.journal import Journal
from askwell.records import Chain, Run, StepRecord

Steps = Sequence[StepRecord]

_FREE = {"name", "summary", "cost", "dataset", "data_dir", "budget", *GROWING}
"""What changes no step, or which steps there are alone; the data are known by their digest."""


def take_over(
    journal: Journal, chains: Sequence[Chain], other: Journal, spec: Mapping[str, Any], data: str
) -> tuple[Chain, ...]:
    """The chains with the steps that another run has of them, written to this run's journal.

    Steps are taken that would be the same here: as far as the other run goes, and not those that
    the end of its budget cut short. A chain of which this run has steps of its own stays as it is.
    `run.json` says what was taken, and where that was computed.

    Args:
        journal: of this run, opened.
        chains: of this run, begun.
        other: the run to take from; it may be running.
        spec: of this run, as `Spec.as_dict` has it.
        data: digest of this run's data.

    Raises:
        RunError: the other directory holds no run, one of another protocol or on other data, or
            none of these chains.

    Warns:
        UserWarning: it was computed with other versions, or on another machine.
    """
    run = other.read()
    if (differing := differences(run.spec, spec, _FREE)) != "":
        raise RunError(
            f"Chains of {other.directory} cannot be taken over: {differing}. Only arms, seeds and "
            "the budget may differ."
        )
    if other.data() != data:
        raise RunError(
            f"Chains of {other.directory} cannot be taken over: it is a run on other data, or of a "
            "version that did not record which."
        )
    known = {(chain.arm, chain.seed): chain for chain in run.chains}
    if not any((chain.arm, chain.seed) in known for chain in chains):
        raise RunError(
            f"{other.directory} has none of the chains of this run: other arms, or other seeds."
        )
    further = [_further(chain, known.get((chain.arm, chain.seed)), spec) for chain in chains]
    if any(further):
        _warn_of_another_environment(other, run.environment, journal.read().environment)
        journal.note_reuse(_told(run, chains, further))
    for chain, steps in zip(chains, further, strict=True):
        for step in steps:
            journal.append(chain.arm, chain.seed, step)
    return tuple(
        replace(chain, steps=(*chain.steps, *steps))
        for chain, steps in zip(chains, further, strict=True)
    )


def _further(chain: Chain, found: Chain | None, spec: Mapping[str, Any]) -> Steps:
    """The steps that a chain lacks and another of the same beginning has."""
    if found is None or not same_split(found, chain):
        return ()
    # As lines, in which nothing is nan.
    begun = [step_line(step) for step in chain.steps]
    if begun != [step_line(step) for step in found.steps[: len(begun)]]:
        return ()
    return found.steps[len(begun) : whole_steps(found, spec)]


def _warn_of_another_environment(
    other: Journal, there: Mapping[str, Any], here: Mapping[str, Any]
) -> None:
    if changed := machine.changed(there, here):
        warnings.warn(
            f"{other.directory} was not computed where this run was started (other "
            f"{', '.join(changed)}; see run.json): further steps may differ a little from what it "
            "would have gone on with.",
            stacklevel=3,
        )


def _told(run: Run, chains: Sequence[Chain], further: Sequence[Steps]) -> dict[str, Any]:
    """What `run.json` says of it."""
    taken = [
        {"arm": chain.arm, "seed": chain.seed, "steps": len(steps)}
        for chain, steps in zip(chains, further, strict=True)
        if steps
    ]
    return {"name": run.spec.get("name", ""), "environment": run.environment, "chains": taken}
