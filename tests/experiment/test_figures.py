import dataclasses
import xml.etree.ElementTree as ET
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib import _pylab_helpers
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from askwell.experiment import curve_figures, drawing, figures
from askwell.experiment.statistics import arms, class_balance, curve
from askwell.records import Chain, Run
from tests.experiment.synthetic import MANY_ARMS, make_run, melanoma_run, regression_run

FIGURES: list[Callable[[Run], Figure]] = [
    curve_figures.learning_curves,
    curve_figures.error_curves,
    figures.class_balance_bars,
    figures.step_time_bars,
]

ALMOST_EMPTY = dataclasses.replace(make_run(("bald",), seeds=(0,), steps=1), chains=())


def lines(figure: Figure, arm: str):
    return next(line for line in figure.axes[0].lines if line.get_label() == arm)


@pytest.mark.parametrize("draw", FIGURES)
@pytest.mark.parametrize(
    "run", [make_run(steps=4), make_run(("bald",), seeds=(0,), steps=1), ALMOST_EMPTY]
)
def test_every_figure_draws_every_run_and_leaves_no_global_state(draw, run):
    draw(run).draw_without_rendering()
    assert not _pylab_helpers.Gcf.figs


def test_lines_are_the_means_in_per_cent():
    run = make_run(steps=12)
    figure = curve_figures.learning_curves(run)
    for arm, chains in arms(run).items():
        expected = curve(chains, "accuracy")
        line = lines(figure, arm)
        np.testing.assert_array_equal(line.get_xdata(), expected.labels)
        np.testing.assert_allclose(line.get_ydata(), 100 * expected.mean)
    np.testing.assert_allclose(
        lines(curve_figures.error_curves(run), "bald").get_ydata(),
        100 - 100 * curve(arms(run)["bald"], "accuracy").mean,
    )


@pytest.mark.parametrize("steps", [1, 5, 31, 101])
def test_no_line_and_no_band_is_hidden_and_the_axis_fits_them(steps):
    run = make_run(steps=steps)
    bottom, top = curve_figures.learning_curves(run).axes[0].get_ylim()
    curves = [curve(chains, "accuracy") for chains in arms(run).values()]
    low = min((100 * (c.mean - c.spread("std"))).min() for c in curves)
    high = max((100 * (c.mean + c.spread("std"))).max() for c in curves)
    assert bottom <= low
    assert high <= top
    assert top - bottom < 1.25 * (high - low) + 2


@pytest.mark.parametrize(
    ("low", "high", "limits"),
    [
        (41.3, 97.2, (40, 101.2)),
        (96.52, 98.61, (96.5, 99)),
        (12.0, 55.0, (10, 55)),
        (90.0, 90.0, (89.5, 90.5)),
        (100.0, 100.0, (99.5, 100.01)),
        (0.5, 100.0, (0, 102)),
        (95.0, 103.5, (95, 100.1)),  # a band of ± 1 standard deviation may go beyond 100
    ],
)
def test_limits_are_round_and_close(low, high, limits):
    found = curve_figures.per_cent_limits(low, high)
    assert found == pytest.approx(limits)


def test_the_part_that_not_every_seed_has_reached_is_thin_and_dotted():
    run = make_run(("bald",), seeds=(0, 1), steps=6)
    short = dataclasses.replace(run.chains[1], steps=run.chains[1].steps[:3])
    figure = curve_figures.learning_curves(dataclasses.replace(run, chains=(run.chains[0], short)))
    thin, solid = figure.axes[0].lines[:2]
    assert (len(thin.get_xdata()), len(solid.get_xdata())) == (6, 3)
    assert thin.get_linestyle() == ":"
    assert thin.get_linewidth() < solid.get_linewidth()


def test_hairlines_name_the_thresholds():
    texts = {t.get_text() for t in curve_figures.learning_curves(make_run(steps=31)).axes[0].texts}
    assert texts == {"10 % error", "5 % error", "2 % error"}


def test_a_perfect_model_can_be_drawn_on_the_logarithmic_axis():
    run = make_run(("bald",), seeds=(0,), steps=2)
    step = dataclasses.replace(run.chains[0].steps[0], metrics={"accuracy": 1.0})
    chain = dataclasses.replace(run.chains[0], steps=(step,))
    figure = curve_figures.error_curves(dataclasses.replace(run, chains=(chain,)))
    assert lines(figure, "bald").get_ydata().tolist() == [0.01]
    assert drawing.png(figure).startswith(b"\x89PNG")


def test_regression_is_drawn_in_its_own_units():
    run = regression_run()
    figure = curve_figures.learning_curves(run, "rmse")
    assert figure.axes[0].get_ylabel() == "test RMSE"
    expected = curve(arms(run)["random"], "rmse").mean
    np.testing.assert_array_equal(lines(figure, "random").get_ydata(), expected)


def test_arms_differ_and_keep_their_look():
    names = ["random", "bald", "bald/deterministic", "max_entropy", "mine", "margin"]
    look = drawing.styles(names)
    assert len(set(look.values())) == len(names)
    assert len({(s.colour, s.marker) for arm, s in look.items() if "/" not in arm}) == 5
    assert look["bald"] == drawing.styles(["bald"])["bald"]
    assert look["bald/deterministic"].colour == look["bald"].colour
    assert look["bald/deterministic"].dash != look["bald"].dash


def test_eleven_arms_are_told_apart_without_colour():
    look = drawing.styles(MANY_ARMS)
    assert len({(s.marker, s.face != "white", str(s.dash)) for s in look.values()}) >= 9
    by_colour: dict[str, set[tuple[str, str]]] = {}
    for style in look.values():
        by_colour.setdefault(style.colour, set()).add((style.marker, str(style.dash)))
    assert sum(map(len, by_colour.values())) == len(MANY_ARMS)


def test_a_long_legend_stands_beside_the_axes_in_the_order_of_the_ends():
    run = make_run(MANY_ARMS, classes=("3", "8"), steps=12)
    figure = curve_figures.learning_curves(run)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    ends = {arm: curve(chains, "accuracy").mean[-1] for arm, chains in arms(run).items()}
    assert names == sorted(ends, key=lambda arm: -ends[arm])
    assert legend.get_window_extent().x0 >= figure.axes[0].get_window_extent().x1
    assert legend.get_window_extent().x1 <= figure.bbox.x1


def test_every_test_split_has_its_panel_with_its_own_seeds():
    run = melanoma_run()
    figure = curve_figures.learning_curves(run, "auc")
    assert len(figure.axes) == 2
    for split, axes in enumerate(figure.axes):
        assert axes.get_title(loc="left") == f"test split {split + 1}, 3 seeds"
        chains = [c for c in arms(run)["bald"] if c.seed % 2 == split]
        expected = curve(chains, "auc")
        line = next(line for line in axes.lines if line.get_label() == "bald")
        np.testing.assert_allclose(line.get_ydata(), 100 * expected.mean)
        band = axes.collections[0].get_paths()[0].vertices
        half = 100 * expected.std / 3**0.5
        assert band[:, 1].max() == pytest.approx((100 * expected.mean + half).max())
    assert {t.get_text() for t in figure.axes[1].texts} == {
        "paper, all labels,\nits split 1",
        "paper, all labels,\nits split 2",
    }


def test_the_mean_of_all_test_splits_has_no_band():
    run = melanoma_run()
    axes = curve_figures.pooled_curves(run, "auc").axes[0]
    for band, (arm, chains) in zip(axes.collections, arms(run).items(), strict=True):
        mean = 100 * curve(chains, "auc").mean
        line = next(line for line in axes.lines if line.get_label() == arm)
        np.testing.assert_allclose(line.get_ydata(), mean)
        heights = band.get_paths()[0].vertices[:, 1]
        assert max(np.abs(mean - y).min() for y in heights) < 1e-9


def test_an_odd_number_of_test_splits_leaves_no_empty_axes():
    figure = curve_figures.learning_curves(melanoma_run(splits=3), "auc")
    assert [axes.get_visible() for axes in figure.axes] == [True, True, True, False]
    drawing.png(figure)


def test_positives_are_counted_from_nothing_to_all_of_the_pool():
    figure = curve_figures.positives_curves(melanoma_run(), 1)
    for axes in figure.axes:
        for line in axes.lines:
            y = line.get_ydata()
            assert (y[0], y[-1]) == (0, 50)
            assert (np.diff(y) >= 0).all()


def test_bars_are_the_shares_of_the_classes():
    run = make_run(("random", "bald"), steps=8)
    figure = figures.class_balance_bars(run)
    for axes, (arm, chains) in zip(figure.axes, arms(run).items(), strict=True):
        counts = class_balance(chains, 10).counts
        heights = [bar.get_height() for bar in axes.patches]
        np.testing.assert_allclose(heights, 100 * counts / counts.sum())
        assert to_hex(axes.patches[0].get_facecolor()) == drawing.styles([arm])[arm].colour


def test_time_bars_are_stacked():
    axes = figures.step_time_bars(make_run(("bald",), seeds=(0,), steps=1)).axes[0]
    assert [(bar.get_x(), bar.get_width()) for bar in axes.patches] == [(0, 3), (3, 0), (3, 0.5)]


def test_strips_show_the_images_that_exist_with_their_labels():
    gray, colour = np.zeros((8, 8, 1), np.uint8), np.zeros((8, 6, 3), np.uint8)
    strips = {"bald": [(1, "one"), ("a.jpg", "$x$"), (3, "gone")], "random": [(1, "one")]}
    figure = figures.image_strips(strips, {1: gray, "a.jpg": colour})
    (axes,) = figure.axes
    assert len(axes.images) == 3
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["bald", "one", r"\$x\$", "gone", "random", "one"]
    left, right, low, high = axes.images[1].get_extent()
    assert (right - left) / (high - low) == pytest.approx(6 / 8)
    drawing.png(figure)
    drawing.png(figures.image_strips({}, {}))


HOSTILE = ("$\\frac{", "<b>&\"'", "字", "_hidden", "a" * 99)


def test_any_class_name_can_be_drawn():
    run = make_run(("bald",), seeds=(0,), steps=3, classes=(*HOSTILE, *"56789"))
    figure = figures.class_balance_bars(run)
    drawing.png(figure)
    ET.fromstring(drawing.svg(figure))


def test_inline_svg_is_one_described_element_with_its_own_ids():
    figure = curve_figures.learning_curves(make_run(steps=3))
    text = drawing.inline_svg(figure, name="first", description='a "<b>" & c')
    root = ET.fromstring(text.replace("xlink:href", "href"))
    assert root.tag == "svg"
    assert root.get("aria-label") == 'a "<b>" & c'
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert ids
    assert all(name.startswith("first-") for name in ids)
    references = {e.get("href") for e in root.iter() if e.get("href")}
    assert references <= {f"#{name}" for name in ids}
    assert drawing.INK not in text
    assert "var(--ink)" in text


def test_svg_is_the_same_every_time():
    run = make_run(("bald",), seeds=(0,), steps=3)
    assert drawing.svg(curve_figures.learning_curves(run)) == drawing.svg(
        curve_figures.learning_curves(run)
    )


def test_a_chain_that_has_not_begun_is_not_drawn():
    run = make_run(("bald",), seeds=(0,), steps=3)
    waiting = dataclasses.replace(run, chains=(*run.chains, Chain("random", 0, (), (), ())))
    labels = [line.get_label() for line in curve_figures.learning_curves(waiting).axes[0].lines]
    assert "random" not in labels
