"""The records of one chain as lines of JSON: the split that it started from, then each step."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from askwell.errors import RunError
from askwell.records import Chain, StepRecord, Training


def split_line(chain: Chain) -> str:
    """The first line of a chain's file."""
    return _line({"split": _split(chain)})


def step_line(step: StepRecord) -> str:
    """A further line."""
    return _line({"step": asdict(step)})


def same_split(one: Chain, other: Chain) -> bool:
    """Whether two chains start from the same images and labels."""
    return _split(one) == _split(other)


def chain_of(path: Path, arm: str, seed: int, data: bytes) -> Chain | None:
    """The chain of a file's whole lines; None where there is not even its split.

    Raises:
        RunError: a line is damaged; the message names it, and the file by its path.
    """
    lines = _parsed(path, data)
    if not lines:
        return None
    try:
        split = {key: tuple(items) for key, items in lines[0]["split"].items()}
        chain = Chain(arm, seed, **split)
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, 1, "it is no split") from error
    steps = []
    for number, line in enumerate(lines[1:]):
        try:
            step = _as_step(line["step"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _damaged(path, number + 2, "it is no step") from error
        if step.step != number:
            raise _damaged(path, number + 2, f"step {step.step} stands where {number} should")
        steps.append(step)
    return replace(chain, steps=tuple(steps))


def _parsed(path: Path, data: bytes) -> list[Any]:
    records = []
    for number, line in enumerate(data.split(b"\n")[:-1]):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            raise _damaged(path, number + 1, str(error)) from error
    return records


def _damaged(path: Path, line: int, what: str) -> RunError:
    return RunError(
        f"{path} is damaged in line {line}: {what}. Restore the file from a copy, or delete it "
        "to run its steps again."
    )


def _split(chain: Chain) -> dict[str, Any]:
    return {
        "initial": chain.initial,
        "initial_labels": chain.initial_labels,
        "validation": chain.validation,
    }


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(_as_json(record), separators=(",", ":"), allow_nan=False)


def _as_json(value: Any) -> Any:
    """JSON knows no NaN and no infinity (a likelihood of exactly 0): null, "inf" and "-inf"."""
    if isinstance(value, Mapping):
        return {str(k): _as_json(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _as_step(table: Mapping[str, Any]) -> StepRecord:
    values = dict(table)
    training = dict(values["training"])
    training["validation"] = {float(c): _number(v) for c, v in training["validation"].items()}
    training["loss"] = _number(training["loss"])
    values["training"] = Training(**training)
    values["scores"] = tuple(map(_number, values["scores"]))
    values["metrics"] = {name: _number(value) for name, value in values["metrics"].items()}
    for key in ("acquired", "acquired_labels"):
        values[key] = tuple(values[key])
    return StepRecord(**values)


def _number(value: float | str | None) -> float:
    """What `_as_json` made of a number."""
    if isinstance(value, str):
        return float(value)
    return math.nan if value is None else value
