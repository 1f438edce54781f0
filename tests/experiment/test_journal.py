"""What is on disk: torn, damaged, foreign, full."""

import errno
import json
import math
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from askwell.errors import RunError
from askwell.experiment.journal import Journal
from askwell.experiment.spec import Spec
from askwell.records import Chain, StepRecord, Training

SPEC = Spec("tiny", acquisitions=("bald", "random"), posteriors=("mc_dropout", "deterministic"))
CHAIN = Chain("bald", 0, initial=(3, 1), initial_labels=(0, 1), validation=(4, 5))
CLASSES = ("cat", "chien é")
DIGEST = "0123456789abcdef"


def step(number: int, **metrics: float) -> StepRecord:
    return StepRecord(
        step=number,
        labels=2 + 2 * number,
        metrics={"accuracy": 0.1 + 0.2, "nll": 2.0} | metrics,
        acquired=(10 + number, "cat/é.png@00ff"),
        acquired_labels=(1, 0),
        scores=(0.25, math.nan),
        training=Training(2 + 2 * number, 5, 1 / 3, 0.05, {0.05: 0.5, 1e-05: 0.25}, 0.125),
        seconds={"train": 1.5, "evaluate": 0.5, "score": 0.25},
    )


def begun(directory: Path, steps: int = 0, spec: Spec = SPEC, data: str = DIGEST) -> Journal:
    """A journal with one chain of so many steps."""
    directory.mkdir(exist_ok=True)
    journal = Journal(directory)
    journal.open(spec.as_dict(), {"threads": 1}, CLASSES, data)
    journal.start_chain(CHAIN)
    for number in range(steps):
        journal.append("bald", 0, step(number))
    return journal


def lines(directory: Path) -> Path:
    return directory / "steps" / "bald-seed0.jsonl"


def test_what_is_written_is_read_again(tmp_path):
    run = begun(tmp_path, 2).read()
    assert run.spec == SPEC.as_dict()
    assert (run.environment, run.classes) == ({"threads": 1}, CLASSES)
    # repr: NaN is not equal to itself.
    assert repr(run.chains) == repr((replace(CHAIN, steps=(step(0), step(1))),))
    for line in lines(tmp_path).read_bytes().splitlines():
        json.loads(line, parse_constant=pytest.fail)  # NaN and Infinity are no JSON


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.1 + 0.2, 5e-324, 1e300])
def test_every_number_survives_the_disk(tmp_path, value):
    journal = begun(tmp_path)
    record = replace(step(0, nll=value), scores=(value,))
    record = replace(record, training=replace(record.training, loss=value, validation={0.1: value}))
    journal.append("bald", 0, record)
    assert repr(journal.read().chains[0].steps[0]) == repr(record)
    assert repr(journal.start_chain(CHAIN).steps[0]) == repr(record)


def test_a_chain_is_started_once_and_then_gone_on_with(tmp_path):
    journal = begun(tmp_path, 2)
    content = lines(tmp_path).read_bytes()
    chain = journal.start_chain(CHAIN)
    assert [s.step for s in chain.steps] == [0, 1]
    assert lines(tmp_path).read_bytes() == content


def test_chains_that_have_not_begun_are_left_out_and_the_others_in_the_specs_order(tmp_path):
    journal = begun(tmp_path)
    for arm in ("random/deterministic", "bald/deterministic"):
        journal.start_chain(replace(CHAIN, arm=arm))
    arms = [chain.arm for chain in journal.read().chains]
    assert arms == ["bald", "bald/deterministic", "random/deterministic"]
    assert all(chain.steps == () for chain in journal.read().chains)


def test_a_last_line_torn_at_any_byte_is_cut_off_and_written_again_the_same(tmp_path):
    journal = begun(tmp_path, 2)
    path = lines(tmp_path)
    whole = path.read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    for cut in range(start, len(whole)):
        path.write_bytes(whole[:cut])
        assert len(journal.read().chains[0].steps) == 1
        assert path.stat().st_size == cut, "reading changes nothing"
        assert len(journal.start_chain(CHAIN).steps) == 1
        assert path.read_bytes() == whole[:start]
        journal.append("bald", 0, step(1))
        assert path.read_bytes() == whole


def test_a_split_torn_at_any_byte_is_written_again(tmp_path):
    journal = begun(tmp_path)
    path = lines(tmp_path)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert journal.read().chains == ()
        assert journal.start_chain(CHAIN) == CHAIN
        assert path.read_bytes() == whole


def test_a_tail_of_zero_bytes_as_some_file_systems_leave_it_is_cut_off(tmp_path):
    journal = begun(tmp_path, 1)
    whole = lines(tmp_path).read_bytes()
    lines(tmp_path).write_bytes(whole + b"\0" * 512)
    assert len(journal.start_chain(CHAIN).steps) == 1
    assert lines(tmp_path).read_bytes() == whole


@pytest.mark.parametrize(
    ("number", "content", "what"),
    [
        (1, b'{"split":{}}', "damaged in line 1: it is no split"),
        (1, b"5", "damaged in line 1: it is no split"),
        (1, b'{"split":{"initial":5}}', "damaged in line 1: it is no split"),
        (2, b'{"step":{"step":0,', "damaged in line 2: Expecting"),
        (2, b"", "damaged in line 2: Expecting value"),
        (2, b"\xff\xff", "damaged in line 2: 'utf-8' codec"),
        (2, b"[]", "damaged in line 2: it is no step"),
        (2, b'{"step":"abc"}', "damaged in line 2: it is no step"),
        (2, b'{"step":{"step":0}}', "damaged in line 2: it is no step"),
        (2, b'{"step":{"training":{"validation":[]}}}', "damaged in line 2: it is no step"),
    ],
)
def test_a_damaged_line_before_the_last_is_named_and_nothing_is_changed(
    tmp_path, number, content, what
):
    journal = begun(tmp_path, 2)
    damaged = lines(tmp_path).read_bytes().split(b"\n")
    damaged[number - 1] = content
    lines(tmp_path).write_bytes(b"\n".join(damaged))
    for act in (journal.read, lambda: journal.start_chain(CHAIN)):
        with pytest.raises(RunError) as caught:
            act()
        assert f"{lines(tmp_path)} is {what}" in str(caught.value)
        assert "Restore the file from a copy, or delete it" in str(caught.value)
    assert lines(tmp_path).read_bytes() == b"\n".join(damaged)


def test_a_step_out_of_order_is_damage(tmp_path):
    journal = begun(tmp_path, 1)
    journal.append("bald", 0, step(2))
    with pytest.raises(RunError, match="damaged in line 3: step 2 stands where 1 should"):
        journal.read()
    with pytest.raises(RunError, match="damaged in line 3: step 2 stands where 1 should"):
        journal.start_chain(CHAIN)


def test_a_file_of_records_that_cannot_be_read_is_named(tmp_path):
    journal = begun(tmp_path)
    lines(tmp_path).unlink()
    lines(tmp_path).mkdir()
    with pytest.raises(RunError, match=re.escape(f"Cannot read {lines(tmp_path)}: Is a directory")):
        journal.read()


def test_another_spec_is_refused_with_the_keys_that_differ(tmp_path):
    begun(tmp_path, 1)
    other = replace(SPEC, draws=7, training=replace(SPEC.training, steps=3))
    with pytest.raises(RunError) as caught:
        Journal(tmp_path).open(other.as_dict(), {}, CLASSES, DIGEST)
    assert str(caught.value) == (
        f"{tmp_path} holds a run of another spec: draws is 100 there and 7 here; training.steps "
        f"is {SPEC.training.steps} there and 3 here. Choose another directory with --out, or "
        "delete that one."
    )


def test_a_key_that_another_version_did_not_know_is_told(tmp_path):
    begun(tmp_path, 1)
    newer = SPEC.as_dict() | {"colour": "red"}
    with pytest.raises(RunError, match="colour is unknown there and 'red' here"):
        Journal(tmp_path).open(newer, {}, CLASSES, DIGEST)
    older = {key: value for key, value in SPEC.as_dict().items() if key != "label_noise"}
    with pytest.raises(RunError, match=r"label_noise is 0\.0 there and unknown here"):
        Journal(tmp_path).open(older, {}, CLASSES, DIGEST)


def test_another_name_summary_or_place_of_the_same_data_is_the_same_run(tmp_path):
    begun(tmp_path, 1)
    other = replace(SPEC, name="renamed", summary="another", dataset="/moved/mnist")
    then = Journal(tmp_path).open(other.as_dict(), {"threads": 9}, CLASSES, DIGEST)
    assert then == {"threads": 1}, "the environment of the first start"


def test_other_data_are_refused(tmp_path):
    begun(tmp_path, 1)
    with pytest.raises(RunError, match="holds a run on other data: images were added"):
        Journal(tmp_path).open(SPEC.as_dict(), {}, CLASSES, "f" * 16)
    other = replace(SPEC, dataset="fashion_mnist").as_dict()
    with pytest.raises(RunError, match="dataset is 'mnist' there and 'fashion_mnist' here"):
        Journal(tmp_path).open(other, {}, CLASSES, "f" * 16)


def test_a_run_of_before_the_digest_was_recorded_goes_on(tmp_path):
    begun(tmp_path, 1)
    path = tmp_path / "run.json"
    header = json.loads(path.read_text("utf-8"))
    del header["data"]
    path.write_text(json.dumps(header))
    assert Journal(tmp_path).open(SPEC.as_dict(), {}, CLASSES, DIGEST) == {"threads": 1}
    other = replace(SPEC, dataset="fashion_mnist").as_dict()
    with pytest.raises(RunError, match="dataset is 'mnist' there"):
        Journal(tmp_path).open(other, {}, CLASSES, DIGEST)


@pytest.mark.parametrize(
    "change", [{"initial": (3, 2)}, {"initial_labels": (1, 0)}, {"validation": ()}]
)
def test_another_split_is_refused(tmp_path, change):
    journal = begun(tmp_path, 1)
    with pytest.raises(RunError, match="starts from another split than this data set and seed"):
        journal.start_chain(replace(CHAIN, **change))


def test_steps_without_a_run_json_are_not_taken_over(tmp_path):
    begun(tmp_path, 1)
    (tmp_path / "run.json").unlink()
    with pytest.raises(RunError, match=r"holds steps, but run\.json, which says of what, is gone"):
        begun(tmp_path)


def test_a_directory_without_a_step_is_taken_over_by_any_spec_and_data(tmp_path):
    begun(tmp_path, 0, replace(SPEC, seeds=(0, 7)), "f" * 16).start_chain(replace(CHAIN, seed=7))
    lines(tmp_path).write_bytes(lines(tmp_path).read_bytes() + b'{"step":')  # torn: not a step
    (tmp_path / "steps" / "notes.jsonl").write_text("not ours\n")
    journal, other = Journal(tmp_path), replace(SPEC, draws=7)
    assert journal.open(other.as_dict(), {"threads": 9}, CLASSES, DIGEST) == {"threads": 9}
    assert {path.name for path in (tmp_path / "steps").iterdir()} == {"notes.jsonl"}
    chain = replace(CHAIN, initial=(8, 9))
    assert journal.start_chain(chain) == chain
    run = journal.read()
    assert (run.spec, run.environment, run.chains) == (other.as_dict(), {"threads": 9}, (chain,))
    assert journal.data() == DIGEST


def test_a_step_of_any_chain_keeps_the_directory(tmp_path):
    journal = begun(tmp_path)
    journal.start_chain(replace(CHAIN, arm="random"))
    journal.append("random", 0, step(0))
    with pytest.raises(RunError, match="holds a run of another spec: draws is 100 there"):
        journal.open(replace(SPEC, draws=7).as_dict(), {}, CLASSES, DIGEST)


def test_a_directory_without_a_run_is_said_to_be_none(tmp_path):
    for directory in (tmp_path, tmp_path / "none"):
        with pytest.raises(RunError) as caught:
            Journal(directory).read()
        assert str(caught.value) == (
            f"{directory} is no run directory: it has no run.json. `askwell run` makes one."
        )


def test_a_file_is_no_run_directory(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(RunError, match=re.escape(f"{file} is a file. A run is a directory with")):
        Journal(file).read()


def header(**parts: object) -> str:
    """A run.json with these parts instead of good ones."""
    spec: dict[str, object]
    spec = {"acquisitions": ["bald"], "posteriors": ["mc_dropout"], "arms": [], "seeds": [0]}
    spec |= {key: value for key, value in parts.items() if key in spec}
    good = {"environment": {}, "classes": ["a", "b"]}
    return json.dumps({"spec": spec} | good | {k: v for k, v in parts.items() if k not in spec})


BROKEN = {
    "empty": ("", "cut off or overwritten (Expecting value"),
    "cut off": (header()[:-9], "cut off or overwritten (Unterminated string"),
    "no text": ("\ud800", "cut off or overwritten ('utf-8' codec"),
    "no spec": (header(spec=5), "its spec lacks acquisitions, posteriors or seeds"),
    "empty spec": (header(spec={}), "its spec lacks acquisitions, posteriors or seeds"),
    "no list": (header(seeds=0), "its spec lacks acquisitions, posteriors or seeds"),
    "no arms": (header(arms=5), "its acquisitions, posteriors or arms are no names"),
    "no names": (header(acquisitions=[5]), "its acquisitions, posteriors or arms are no names"),
    "no numbers": (header(seeds=["/../x"]), "its seeds are no whole numbers"),
    "no environment": (header(environment=[]), "its environment is no table"),
    "no threads": (header(environment={"threads": "x"}), "its environment is no table, or its thr"),
    "no classes": (header(classes=2), "its classes are no list"),
}


@pytest.mark.parametrize(("content", "what"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_run_json_is_named_and_not_replaced(tmp_path, content, what):
    path = tmp_path / "run.json"
    path.write_bytes(content.encode(errors="surrogatepass"))
    for act in (
        Journal(tmp_path).read,
        lambda: Journal(tmp_path).open(SPEC.as_dict(), {}, CLASSES, DIGEST),
    ):
        with pytest.raises(RunError) as caught:
            act()
        assert str(caught.value).startswith(f"{path} is damaged: {what}")
        assert "restore it from a copy, or run into another directory" in str(caught.value)
    assert path.read_bytes() == content.encode(errors="surrogatepass")


@pytest.mark.parametrize("content", ["[]", '{"spec": {}}', '{"scripts": {}}'])
def test_somebody_elses_run_json_is_left_alone(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunError, match=r"run\.json is not askwell's: it lacks spec, environment"):
        Journal(tmp_path).open(SPEC.as_dict(), {}, CLASSES, DIGEST)
    assert (tmp_path / "run.json").read_text() == content


def test_run_json_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", power_cut)
        with pytest.raises(KeyboardInterrupt):
            begun(tmp_path)
    assert not (tmp_path / "run.json").exists()
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", power_cut)
        with pytest.raises(KeyboardInterrupt):
            begun(tmp_path)
    assert not (tmp_path / "run.json").exists(), "renamed only after it was synced"
    assert begun(tmp_path, 1).read().spec == SPEC.as_dict()


def test_a_step_and_the_name_of_its_file_are_synced_before_append_returns(tmp_path, monkeypatch):
    journal = begun(tmp_path)
    synced: list[int] = []

    def watched(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", watched)
    journal.append("bald", 0, step(0))
    assert synced == [lines(tmp_path).stat().st_ino]
    journal.start_chain(replace(CHAIN, arm="random"))
    steps = tmp_path / "steps"
    assert synced[1:] == [(steps / "random-seed0.jsonl").stat().st_ino, steps.stat().st_ino]


def test_a_full_disk_leaves_earlier_steps_whole_and_says_what_to_do(tmp_path, monkeypatch):
    journal = begun(tmp_path, 2)
    before = lines(tmp_path).read_bytes()

    def full(descriptor: int) -> None:
        os.ftruncate(descriptor, len(before) + 9)  # as if there had been room for nine bytes
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(RunError) as caught:
            journal.append("bald", 0, step(2))
    assert str(caught.value) == (
        f"Cannot write {lines(tmp_path)}: No space left on device. Finished steps are safe. Make "
        "room or choose another directory with --out, then run the same command again."
    )
    assert len(journal.read().chains[0].steps) == 2
    assert len(journal.start_chain(CHAIN).steps) == 2
    assert lines(tmp_path).read_bytes() == before
    journal.append("bald", 0, step(2))
    assert len(journal.read().chains[0].steps) == 3
