"""How askwell's figures look, and how they are written: colours, axes, PNG and SVG.

Colours are Okabe and Ito's, which people with any colour vision can tell apart. Figures are made
without pyplot, so drawing one leaves no global state behind.
"""

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

Dash = str | tuple[int, tuple[int, ...]]
"""A line style as Matplotlib takes it: a name, or lengths of dashes and gaps."""

INK, MUTED, LINE = "#1f2328", "#6b7280", "#d8dbe0"
"""Text, secondary text and hairlines; the report swaps them for the page's own colours."""

MANY = 6
"""Arms that a legend above the axes holds; with more it stands beside them."""

_KNOWN = {
    "random": ("#808080", "o"),
    "bald": ("#0072b2", "s"),
    "variation_ratios": ("#d55e00", "^"),
    "max_entropy": ("#009e73", "D"),
    "mean_std": ("#cc79a7", "v"),
    "margin": ("#56b4e9", "P"),
    "variation_ratios_votes": ("#e69f00", "X"),
    "mbr": ("#7f5539", "p"),
    "predictive_variance": ("#0072b2", "s"),
    "total_predictive_variance": ("#d55e00", "^"),
}
_SPARE = (
    *(("#56b4e9", "P"), ("#e69f00", "X"), ("#b8a400", "*"), ("#7f5539", "p"), ("#5e4fa2", "h")),
    *(("#0072b2", "<"), ("#d55e00", ">"), ("#009e73", "d"), ("#cc79a7", "H"), ("#56b4e9", "8")),
)
_VARIANTS: tuple[tuple[Dash, str], ...] = (
    ("-", ""),
    ("--", ""),
    ((0, (1, 1)), "o"),
    ((0, (5, 1, 1, 1)), "D"),
    ((0, (3, 1, 1, 1, 1, 1)), "s"),
    ((0, (8, 2)), "v"),
)
"""Dashes and markers of one function's posteriors; the first two have the function's marker."""


@dataclass(frozen=True, slots=True)
class Style:
    """How one arm is drawn: `face` and `edge` are the marker's colours, `alpha` the band's."""

    colour: str
    marker: str
    dash: Dash
    face: str
    edge: str
    alpha: float


def styles(arms: Sequence[str]) -> dict[str, Style]:
    """A style for each arm: colour (and marker) by acquisition function, dash by posterior.

    The common functions always have the same colour; others take spare ones in order of name.
    Markers are hollow with another posterior than the default. With many arms bands are fainter.
    """
    names = {arm: arm.partition("/")[0] for arm in arms}
    taken = {_KNOWN[name] for name in names.values() if name in _KNOWN}
    spare = [pair for pair in _SPARE if pair not in taken]
    others = sorted({name for name in names.values() if name not in _KNOWN})
    looks = dict(_KNOWN) | {name: spare[i % len(spare)] for i, name in enumerate(others)}
    variants = {name: [""] for name in names.values()}
    found = {}
    for arm, name in names.items():
        posterior = arm.partition("/")[2]
        if posterior not in variants[name]:
            variants[name].append(posterior)
        colour, marker = looks[name]
        dash, other = _VARIANTS[variants[name].index(posterior) % len(_VARIANTS)]
        face, edge = ("white", colour) if posterior else (colour, "none")
        alpha = 0.15 if len(arms) <= MANY else 0.07
        found[arm] = Style(colour, other or marker, dash, face, edge, alpha)
    return found


def new_figure(
    width: float, height: float, *, rows: int = 1, columns: int = 1
) -> tuple[Figure, list[Axes]]:
    """A figure (inches) of axes that share both scales, with light grid lines; row by row."""
    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(max(1, rows), columns, sharex=True, sharey=True, squeeze=False)
    panels: list[Axes] = list(grid.ravel())
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(LINE)
        axes.tick_params(color=LINE, labelcolor=MUTED, labelsize=9)
        axes.grid(visible=True, axis="y", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
    return figure, panels


def title(axes: Axes, text: str) -> None:
    """A small title over the left corner of one panel."""
    axes.set_title(text, loc="left", fontsize=9, color=INK, pad=3)


def hairlines(panels: Sequence[Axes], levels: Mapping[str, float]) -> None:
    """Dashed horizontal lines where they are in view, named at the right edge of the last panel."""
    for axes in panels:
        low, high = axes.get_ylim()
        for name, level in levels.items():
            if low < level < high:
                axes.axhline(level, color=MUTED, linewidth=0.7, linestyle=(0, (5, 4)), zorder=1)
                if axes is panels[-1]:
                    _name_at_edge(axes, name, level)


def legend(figure: Figure, panels: Sequence[Axes]) -> None:
    """One frameless legend for all panels, where it hides nothing; none if nothing has a name.

    Above the axes or, of more than six lines, beside them in the order in which the lines end.
    """
    handles = {
        label: handle
        for axes in reversed(panels)
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if not handles:
        return
    look: dict[str, Any] = {"frameon": False, "fontsize": 9, "labelcolor": INK}
    if len(handles) > MANY:
        names = sorted(handles, key=lambda name: _end(handles[name]), reverse=True)
        look |= {"loc": "outside right upper", "handlelength": 4}
        figure.legend([handles[name] for name in names], names, **look)
        return
    if len(panels) > 1:
        figure.legend(handles.values(), handles, loc="outside upper left", ncols=3, **look)
        return
    panels[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, **look)


def plain(text: str, longest: int = 40) -> str:
    """Any text as Matplotlib draws it literally (no mathematics), cut to a length."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return cut.replace("$", r"\$")


def png(figure: Figure) -> bytes:
    """The figure as PNG, 150 dots an inch, on white."""
    return _printed(figure, "png", dpi=150, facecolor="white", metadata={"Software": None})


def svg(figure: Figure) -> str:
    """The figure as a standalone SVG on white, letters as outlines; the same bytes every time."""
    return _printed(figure, "svg", facecolor="white", metadata={"Date": None}).decode()


def inline_svg(figure: Figure, *, name: str, description: str) -> str:
    """The figure as an `<svg>` element for a page: transparent, its ink from the page's colours.

    Args:
        figure: what to draw.
        name: a prefix that keeps its ids apart from those of other figures on the page.
        description: read aloud in place of the drawing.
    """
    text = _printed(figure, "svg", fonts="none", transparent=True, metadata={"Date": None}).decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    for colour, variable in ((INK, "ink"), (MUTED, "muted"), (LINE, "line")):
        text = text.replace(colour, f"var(--{variable})")
    quoted = description.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    head = f'<svg role="img" aria-label="{quoted}" viewBox='
    return re.sub(r"<svg [^>]*?viewBox=(\"[^\"]*\")[^>]*>", rf"{_literal(head)}\1>", text, count=1)


def _end(handle: Artist) -> float:
    """Where a line ends."""
    return float(np.asarray(handle.get_ydata())[-1]) if isinstance(handle, Line2D) else 0.0


def _name_at_edge(axes: Axes, name: str, level: float) -> None:
    axes.annotate(
        name,
        (1, level),
        xycoords=("axes fraction", "data"),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        color=MUTED,
        annotation_clip=False,
    )


def _literal(replacement: str) -> str:
    return replacement.replace("\\", r"\\")


def _printed(figure: Figure, kind: str, *, fonts: str = "path", **options: Any) -> bytes:
    buffer = io.BytesIO()
    with (
        mpl.rc_context({"svg.hashsalt": "askwell", "svg.fonttype": fonts}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # class names of any script
        if figure.get_layout_engine() is not None:  # laid out once, not again for every format
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
        figure.savefig(buffer, format=kind, **options)
    return buffer.getvalue()
