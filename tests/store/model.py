"""A project as plain Python has it: slow, without SQL, from the events that were not undone."""

from collections import Counter
from dataclasses import dataclass, field

from askwell.store import Counts, Current, Decision, Event, Found, Settlement, SyncReport
from askwell.store.chance import uniform

ANSWERS = ("label", "unsure", "bad", "later")


@dataclass
class File:
    """An item."""

    id: int
    path: str
    sha: str
    status: str = "ok"


@dataclass
class Model:
    """What a store should come to; `events` is the record, `stacks` is what was not undone."""

    seed: int
    holdout_share: float
    overlap_share: float = 0.0
    later_after: int = 20
    files: list[File] = field(default_factory=list)
    parents: dict[int, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    stacks: dict[int, list[Event]] = field(default_factory=dict)
    leases: dict[str, tuple[int, int, float]] = field(default_factory=dict)
    """sha → item, annotator, expires."""
    queues: dict[int, list[str]] = field(default_factory=dict)
    """annotator → sha of its leases, in order."""

    # The folder

    def sync(self, seen: list[Found]) -> SyncReport:
        before = {f.path: f.sha for f in self.files if f.status != "vanished"}
        after = {f.path: f.sha256 for f in seen}
        known = {(f.path, f.sha): f for f in self.files}
        came = after.keys() - before.keys()
        returned = {path for path in came if (path, after[path]) in known}
        for file in self.files:
            if after.get(file.path) != file.sha:
                file.status = "vanished"
            elif file.status == "vanished":
                file.status = "ok"
        for found in seen:
            if (found.path, found.sha256) not in known:
                self.files.append(File(len(self.files) + 1, found.path, found.sha256))
        return SyncReport(
            new=len(came - returned),
            returned=len(returned),
            vanished=len(before.keys() - after.keys()),
            changed=sum(before[path] != after[path] for path in before.keys() & after.keys()),
            duplicates=sum(self.duplicate_of(file) is not None for file in self.files),
        )

    def shown(self, sha: str) -> int | None:
        """The item that stands for a content."""
        return min((f.id for f in self.files if f.sha == sha and f.status == "ok"), default=None)

    def duplicate_of(self, file: File) -> int | None:
        first = self.shown(file.sha)
        return first if file.status == "ok" and first != file.id else None

    def reserved(self, sha: str) -> bool:
        return uniform(self.seed, "reserve", sha) < self.holdout_share

    def wanted(self, sha: str) -> int:
        return 2 if uniform(self.seed, "overlap", sha) < self.overlap_share else 1

    # The record

    def decide(self, event: Event) -> None:
        self.events.append(event)
        decision = event.decision
        self.stacks.setdefault(decision.annotator, []).append(event)
        if decision.kind in ANSWERS:
            self.end_lease(decision.annotator, self.sha(decision.item))

    def undo(self, annotator: int, event: Event, now: float, expires: float) -> None:
        self.events.append(event)
        last = self.stacks[annotator].pop()
        if last.decision.kind not in ANSWERS:
            return
        sha = self.sha(last.decision.item)
        holder = self.leases.get(sha)
        taken = holder is not None and holder[1] != annotator and holder[2] > now
        again = self.open(sha) and not self.said(annotator, sha, "label", "unsure")
        if again and not taken and last.decision.stream not in ("review", "adjudication"):
            item = self.shown(sha)
            assert item is not None
            self.give(annotator, sha, item, expires, at=0)
        elif not taken:
            self.end_lease(annotator, sha)

    def unsettle(self, annotator: int, item: int) -> list[Event]:
        """Forget answers on a content, newest first, until none settled it; those forgotten."""
        gone, stack = [], self.stacks.setdefault(annotator, [])
        while answers := [e for e in stack if self.same(e, item) and e.decision.kind in ANSWERS]:
            if not any(e.decision.stream == "adjudication" for e in answers):
                break
            gone.append(answers[-1])
            stack.remove(answers[-1])
        return gone

    def same(self, event: Event, item: int) -> bool:
        return self.sha(event.decision.item) == self.sha(item)

    def sha(self, item: int) -> str:
        return self.files[item - 1].sha

    def home(self, decision: Decision) -> int:
        """The item on which a decision is stored: where this annotator's stands already."""
        said = (event.decision.item for event in self.stacks.get(decision.annotator, []))
        sha = self.sha(decision.item)
        return next((item for item in said if self.sha(item) == sha), decision.item)

    def supersedes(self, decision: Decision) -> int | None:
        """The event that a new decision would take the place of."""
        event = self.standing(decision.item, decision.annotator, decision.kind in ANSWERS)
        return None if event is None else event.seq

    def standing(self, item: int, annotator: int, answers: bool) -> Event | None:
        for event in reversed(self.stacks.get(annotator, [])):
            decision = event.decision
            if decision.item == item and (decision.kind in ANSWERS) == answers:
                return event
        return None

    def answers(self) -> list[Event]:
        """The answer of each annotator to each item that stands, oldest first."""
        found = [
            self.standing(item, annotator, True)
            for annotator, stack in self.stacks.items()
            for item in {event.decision.item for event in stack}
        ]
        return sorted((e for e in found if e is not None), key=lambda event: event.seq)

    def flagged(self, item: int, annotator: int) -> bool:
        event = self.standing(item, annotator, False)
        return event is not None and event.decision.kind == "flag"

    def current(self) -> list[Current]:
        found = []
        for annotator, stack in self.stacks.items():
            for item in {event.decision.item for event in stack}:
                answer = self.standing(item, annotator, True)
                event = answer or self.standing(item, annotator, False)
                flagged = self.flagged(item, annotator)
                if event is None or (answer is None and not flagged):
                    continue
                d = event.decision
                label = None if d.label is None else self.merged[d.label]
                found.append(
                    Current(
                        item,
                        annotator,
                        d.kind,
                        label,
                        flagged,
                        event.seq,
                        d.stream,
                        event.created_at,
                        self.shown(self.sha(item)) or item,
                    )
                )
        return sorted(found, key=lambda c: (c.item, c.annotator))

    # What follows

    def said(self, annotator: int | None, sha: str, *kinds: str) -> list[Event]:
        return [
            event
            for event in self.answers()
            if event.decision.kind in kinds
            and self.sha(event.decision.item) == sha
            and annotator in (None, event.decision.annotator)
        ]

    def votes(self, sha: str) -> dict[int, int]:
        return {
            event.decision.annotator: self.merged[event.decision.label or 0]
            for event in self.said(None, sha, "label")
        }

    def settled(self, sha: str) -> tuple[int | None, int] | None:
        """The class, or None for bad, by adjudication: the last word, and whose it is."""
        word = None
        for event in self.said(None, sha, "label", "bad"):
            d = event.decision
            if any(
                other.decision.item == d.item
                and other.decision.stream == "adjudication"
                and other.decision.kind in ANSWERS
                for other in self.stacks[d.annotator]
            ):
                word = (None if d.label is None else self.merged[d.label], d.annotator)
        return word

    def bad(self, sha: str) -> bool:
        if (word := self.settled(sha)) is not None:
            return word[0] is None
        return bool(self.said(None, sha, "bad"))

    def agreed(self, sha: str) -> int | None:
        if (word := self.settled(sha)) is not None:
            return word[0]
        if self.said(None, sha, "bad"):
            return None
        counted = Counter(self.votes(sha).values()).most_common()
        tie = len(counted) > 1 and counted[0][1] == counted[1][1]
        return counted[0][0] if counted and not tie else None

    def shas(self) -> list[tuple[str, int]]:
        """Contents that can be shown, with the item that stands for each."""
        pairs = ((sha, self.shown(sha)) for sha in {file.sha for file in self.files})
        return [(sha, item) for sha, item in pairs if item is not None]

    def labels(self, reserved: bool) -> dict[int, int]:
        return {
            item: label
            for sha, item in self.shas()
            if self.reserved(sha) == reserved and (label := self.agreed(sha)) is not None
        }

    def settlements(self) -> dict[int, Settlement]:
        return {
            i: Settlement(*word) for s, i in self.shas() if (word := self.settled(s)) is not None
        }

    def agreement_pairs(self) -> list[tuple[int, dict[int, int]]]:
        found = []
        for sha in {file.sha for file in self.files}:  # also of files that are gone
            first = next(i for i, file in enumerate(self.files, 1) if file.sha == sha)
            item = self.shown(sha) or first
            said: dict[int, int] = {}
            for stack in self.stacks.values():
                for event in stack:
                    d = event.decision
                    own = d.kind in ANSWERS and d.stream != "adjudication"
                    if own and self.sha(d.item) == sha:
                        said.pop(d.annotator, None)
                        if d.label is not None:
                            said[d.annotator] = self.merged[d.label]
            if len(said) > 1 and (len(self.votes(sha)) > 1 or self.settled(sha) is not None):
                found.append((item, said))
        return sorted(found, key=lambda pair: pair[0])

    @property
    def merged(self) -> dict[int, int]:
        """Each class → what it counts as: the end of its merges."""
        return {number: self.end(number) for number in self.parents}

    def end(self, number: int) -> int:
        """Where the merges of a class end."""
        into = self.parents[number]
        return number if into == number else self.end(into)

    def counts(self) -> Counts:
        shas = self.shas()
        agreed = {sha: self.agreed(sha) for sha, _ in shas}
        status = Counter(file.status for file in self.files)
        there = [file for file in self.files if file.status != "vanished"]
        here = {file.path for file in there} | {file.sha for file in there}
        stacks = self.stacks.items()
        flagged = {
            self.sha(e.decision.item)
            for a, s in stacks
            for e in s
            if self.flagged(e.decision.item, a)
        }
        return Counts(
            items=len(shas),
            duplicates=sum(self.duplicate_of(file) is not None for file in self.files),
            unreadable=status["unreadable"],
            vanished=len({f.path for f in self.files if not {f.path, f.sha} & here}),
            labelled=sum(bool(self.votes(sha)) and not self.bad(sha) for sha, _ in shas),
            disputed=sum(
                bool(self.votes(sha)) and not self.bad(sha) and agreed[sha] is None
                for sha, _ in shas
            ),
            decisions=sum(e.decision.kind in ANSWERS for _, s in stacks for e in s),
            unsure=sum(
                bool(self.said(None, sha, "unsure")) and not self.votes(sha) for sha, _ in shas
            ),
            bad=sum(self.bad(sha) for sha, _ in shas),
            later=sum(bool(self.said(None, sha, "later")) for sha, _ in shas),
            flagged=sum(sha in flagged for sha, _ in shas),
            per_class={
                number: sum(label == number for label in agreed.values())
                for number, into in self.merged.items()
                if number == into
            },
            holdout=sum(self.reserved(sha) for sha, _ in shas),
            holdout_labelled=sum(
                label is not None and self.reserved(sha) for sha, label in agreed.items()
            ),
        )

    # Offers

    def open(self, sha: str) -> bool:
        """Whether anybody has to label it yet."""
        return self.shown(sha) is not None and self.unanswered(sha)

    def unanswered(self, sha: str) -> bool:
        return (
            not self.said(None, sha, "bad")
            and self.settled(sha) is None
            and len(self.votes(sha)) < self.wanted(sha)
        )

    def asked(self, annotator: int, sha: str) -> bool:
        """Whether this annotator may be asked about it yet, if the file is there again."""
        return self.unanswered(sha) and not self.said(annotator, sha, "label", "unsure", "bad")

    def give(self, annotator: int, sha: str, item: int, expires: float, *, at: int) -> None:
        if sha in self.leases:
            self.end_lease(self.leases[sha][1], sha)
        self.leases[sha] = (item, annotator, expires)
        queue = self.queues.setdefault(annotator, [])
        queue.insert(at if at >= 0 else len(queue), sha)

    def end_lease(self, annotator: int, sha: str) -> None:
        if sha in self.leases and self.leases[sha][1] == annotator:
            del self.leases[sha]
            self.queues[annotator].remove(sha)

    def renew(self, annotator: int, expires: float) -> list[int]:
        """Extend the annotator's leases; the items of those that are still needed, in order."""
        for sha in tuple(self.queues.get(annotator, [])):
            item, _, until = self.leases[sha]
            if self.open(sha) and self.shown(sha) == item:
                self.leases[sha] = (item, annotator, max(until, expires))
            else:
                self.end_lease(annotator, sha)
        return [self.leases[sha][0] for sha in self.queues.get(annotator, [])]

    def offerable(self, annotator: int, now: float) -> tuple[set[int], set[int], set[int]]:
        """Items that may be offered: new ones, ones put off that are due, others put off."""
        new, due, early = set(), set(), set()
        for sha, item in self.shas():
            held = self.leases.get(sha)
            free = held is None or (held[1] != annotator and held[2] <= now)
            if not free or not self.open(sha) or self.said(annotator, sha, "label", "unsure"):
                continue
            put_off = self.said(annotator, sha, "later")
            if not put_off:
                new.add(item)
            elif any(self.answers_after(annotator, e.seq) >= self.later_after for e in put_off):
                due.add(item)
            else:
                early.add(item)
        return new, due, early

    def answers_after(self, annotator: int, seq: int) -> int:
        return sum(
            e.seq > seq and e.decision.annotator == annotator and e.decision.kind in ANSWERS
            for e in self.events
        )
