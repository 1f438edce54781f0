"""A learning curve as inline SVG: no script, no file, colours from the page's style sheet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDE, NARROW = 760, 360
"""Widths of the drawing, in the units of its letters: for a desk and for a phone."""

_HEIGHT = 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 14, 46


@dataclass(frozen=True, slots=True)
class Dot:
    """Accuracy (with its interval) of a model that had so many labels, on so many images."""

    labels: int
    value: float
    low: float
    high: float
    images: int


def draw(dots: Sequence[Dot], width: int = WIDE) -> str:
    """The curve with its band of intervals; `dots` in order of labels, at least two."""
    first, last = dots[0].labels, dots[-1].labels
    bottom = math.floor(10 * min(dot.low for dot in dots)) / 10
    step = 0.1 if bottom >= 0.5 else 0.2

    def x(labels: float) -> float:
        return _LEFT + (width - _LEFT - _RIGHT) * (labels - first) / max(1, last - first)

    def y(share: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share) / max(0.1, 1 - bottom)

    lines = []
    for i in range(math.floor((1 - bottom) / step + 1e-9) + 1):
        share = 1 - i * step
        lines.append(
            f'<line class="grid" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y(share):.1f}" '
            f'y2="{y(share):.1f}"/><text x="{_LEFT - 8}" y="{y(share) + 4:.1f}" '
            f'text-anchor="end">{100 * share:.0f} %</text>'
        )
    lines.extend(
        f'<text x="{x(labels):.1f}" y="{_HEIGHT - _BOTTOM + 20}" '
        f'text-anchor="middle">{labels}</text>'
        for labels in _ticks(first, last, width // 150)
    )
    lines.append(
        f'<text x="{(_LEFT + width - _RIGHT) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">'
        "labels that the model was trained on</text>"
    )
    upper = [f"{x(dot.labels):.1f},{y(dot.high):.1f}" for dot in dots]
    lower = [f"{x(dot.labels):.1f},{y(dot.low):.1f}" for dot in reversed(dots)]
    line = [f"{x(dot.labels):.1f},{y(dot.value):.1f}" for dot in dots]
    marks = [_mark(dot, x(dot.labels), y(dot.value)) for dot in dots] if len(dots) <= 60 else []
    said = f"Accuracy rose from {_said(dots[0])} to {_said(dots[-1])}."
    return (
        f'<svg viewBox="0 0 {width} {_HEIGHT}" role="img" aria-label="{escape(said)}">'
        f'{"".join(lines)}<polygon class="band" points="{" ".join(upper + lower)}"/>'
        f'<polyline class="line" points="{" ".join(line)}"/>{"".join(marks)}</svg>'
    )


def _mark(dot: Dot, x: float, y: float) -> str:
    return (
        f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{escape(_said(dot))}</title>'
        "</circle>"
    )


def _said(dot: Dot) -> str:
    return f"{100 * dot.value:.0f} % with {dot.labels} labels"


def _ticks(first: int, last: int, about: int) -> list[int]:
    """About so many round numbers between the ends."""
    rough = max(1.0, (last - first) / about)
    power = 10 ** math.floor(math.log10(rough))
    step = max(1, int(min((m * power for m in (1, 2, 5, 10)), key=lambda s: abs(s - rough))))
    return list(range(-(-first // step) * step, last + 1, step))
