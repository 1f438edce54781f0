"""What a whole experiment costs: `figure1`, one seed, its five arms, to 1 000 labels.

A run takes hours where there are no bfloat16 units, so steps are timed at a few label counts, on
random labelled images, two at a time as `askwell run` computes them on two cores, and summed over
all steps of the run. A step's time grows slowly with the labels, so linear interpolation is close.

    python benchmarks/figure1.py benchmarks/results/figure1.csv
"""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import Report

from askwell.experiment import machine
from askwell.experiment.spec import Arm, Spec
from askwell.experiment.spec_files import builtin
from askwell.experiment.workbench import Workbench
from askwell.randomness import item_keys
from askwell.records import StepRecord, Training

AT = (20, 300, 1000)
PHASES = ("train", "score", "evaluate")


def step(spec: Spec, arm: Arm, labels: int, threads: int) -> StepRecord:
    """One turn of the loop with so many random images labelled, the weight decay chosen before."""
    import torch

    machine.keep_freed_memory()
    torch.set_num_threads(threads)
    bench = Workbench(spec)
    chain = bench.start(arm, 0)
    taken = {*chain.initial, *chain.validation}
    order = np.argsort(item_keys(bench.data.pool.ids, 0))
    more = [p for p in order.tolist() if bench.data.pool.ids[p] not in taken][
        : labels - spec.initial
    ]
    before = StepRecord(
        step=0,
        labels=spec.initial,
        metrics={},
        acquired=tuple(bench.data.pool.ids[p] for p in more),
        acquired_labels=tuple(bench.labels[more].tolist()),
        scores=(0.0,) * len(more),
        training=Training(labels, 0, 0.0, 0.05, validation={0.05: 1.0}),
        seconds={},
    )
    return bench.step(arm, replace(chain, steps=(before,)))


def main(path: Path) -> None:
    report = Report(path)
    cores = machine.available_cores()
    counts = np.arange(20, 1021, 10)
    for exact in (True, False):
        spec = replace(builtin()["figure1"], exact=exact)
        scored, free = Arm("bald", "mc_dropout"), Arm("random", "mc_dropout")
        jobs = [(spec, arm, labels, 1) for labels in AT for arm in (scored, free)]
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(cores, mp_context=context) as pool:
            records = list(pool.map(step, *zip(*jobs, strict=True)))
        total = {}
        for arm in (scored, free):
            of_arm = [r for job, r in zip(jobs, records, strict=True) if job[1] == arm]
            took = {phase: [r.seconds[phase] for r in of_arm] for phase in PHASES}
            total[arm] = sum(np.interp(counts, AT, sum(map(np.array, took.values()))))
            for phase, seconds in took.items():
                at = {f"at_{n}": round(s, 1) for n, s in zip(AT, seconds, strict=True)}
                report.add(
                    way="all draws" if exact else "race", arm=arm.name, what=f"{phase}, s", **at
                )
        minutes = (4 * total[scored] + total[free]) / cores / 60
        report.add(
            way="all draws" if exact else "race",
            arm="five arms, one seed",
            what="whole run, minutes",
            total=round(float(minutes)),
        )
    report.show(f"figure1, T = 100, steps on {cores} cores at once")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
