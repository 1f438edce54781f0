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
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED, LINE = "#1f2328", "#6b7280", "#d8dbe0"
"""Text, secondary text and hairlines; the report swaps them for the page's own colours."""

_KNOWN = {
    "random": ("#808080", "o"),
    "bald": ("#0072b2", "s"),
    "variation_ratios": ("#d55e00", "^"),
    "max_entropy": ("#009e73", "D"),
    "mean_std": ("#cc79a7", "v"),
    "margin": ("#56b4e9", "P"),
    "variation_ratios_votes": ("#e69f00", "X"),
}
_SPARE = (("#56b4e9", "P"), ("#e69f00", "X"), ("#b8a400", "*"), ("#7f5539", "p"), ("#5e4fa2", "h"))
_DASHES = ("-", "--", ":", "-.")


@dataclass(frozen=True, slots=True)
class Style:
    """How one arm is drawn."""

    colour: str
    marker: str
    dash: str


def styles(arms: Sequence[str]) -> dict[str, Style]:
    """A style for each arm: colour and marker by acquisition function, dash by posterior.

    The common functions always have the same colour; others take spare ones in order of name.
    """
    names = {arm: arm.partition("/")[0] for arm in arms}
    posteriors = list(dict.fromkeys(["", *(arm.partition("/")[2] for arm in arms)]))
    taken = {_KNOWN[n] for n in names.values() if n in _KNOWN}
    spare = [pair for pair in _SPARE if pair not in taken]
    others = sorted({n for n in names.values() if n not in _KNOWN})
    looks = dict(_KNOWN) | {n: spare[i % len(spare)] for i, n in enumerate(others)}
    return {
        arm: Style(*looks[name], _DASHES[posteriors.index(arm.partition("/")[2]) % len(_DASHES)])
        for arm, name in names.items()
    }


def new_figure(width: float, height: float, *, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure (inches) of stacked axes that share both scales, with light grid lines."""
    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(max(1, rows), 1, sharex=True, sharey=True, squeeze=False)
    column: list[Axes] = list(grid[:, 0])
    for axes in column:
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(LINE)
        axes.tick_params(color=LINE, labelcolor=MUTED, labelsize=9)
        axes.grid(visible=True, axis="y", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
    return figure, column


def hairlines(axes: Axes, levels: Mapping[str, float]) -> None:
    """Dashed horizontal lines with their names at the right edge, where they are in view."""
    low, high = axes.get_ylim()
    for name, level in levels.items():
        if low < level < high:
            axes.axhline(level, color=MUTED, linewidth=0.7, linestyle=(0, (5, 4)), zorder=1)
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


def legend(axes: Axes) -> None:
    """A frameless legend above the axes, where it hides nothing; none if nothing has a name."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=3,
            frameon=False,
            fontsize=9,
            labelcolor=INK,
        )


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
