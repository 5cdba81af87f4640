"""Property tests draw the same examples in every run of CI, and new ones everywhere else; how figures are looked at."""

import itertools
import os
from collections import Counter

import pytest
from hypothesis import Phase, settings

# Models are slow to build, compiled code too the first time, and a smaller example of a wrong likelihood explains little more:
# no deadline, no shrinking.
settings.register_profile("new", phases=(Phase.explicit, Phase.reuse, Phase.generate), deadline=None)
settings.register_profile("repeatable", settings.get_profile("new"), derandomize=True)
settings.load_profile("repeatable" if os.environ.get("CI") else "new")


FIRST = ("report/test_reproduce", "study/test_long_scans", "study/test_exclusion", "stats/test_spelling")
"""Modules that take longest: two workers end at about the same time if these do not come last."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Of `sampled` tests all but every n-th case are long; the longest modules come first."""
    seen = Counter()
    for item in items:
        for mark in item.iter_markers("sampled"):
            function = item.nodeid.split("[")[0]
            if seen[function] % mark.args[0]:
                item.add_marker("long")
            seen[function] += 1
    items.sort(key=lambda item: next((i for i, name in enumerate(FIRST) if name in item.nodeid), len(FIRST)))


@pytest.fixture
def check_legible():
    """Fails if a figure's texts overlap, lie outside it, or are too small or too large for a column; how many it has."""
    from matplotlib.text import Text

    from na64stat.plot.style import SMALLEST_PT

    def seen_texts(figure):
        """Texts that a reader sees, with their extents [pixel]; labels of ticks outside the axes are not drawn."""
        figure.canvas.draw()
        hidden = set()
        for axes in figure.axes:
            for axis in (axes.xaxis, axes.yaxis):
                low, high = sorted(axis.get_view_interval())
                for which in ("major", "minor"):
                    for tick in axis.get_major_ticks() if which == "major" else axis.get_minor_ticks():
                        if not low * (1 - 1e-9) <= tick.get_loc() <= high * (1 + 1e-9):
                            hidden |= {id(tick.label1), id(tick.label2)}
        return [
            (text, text.get_window_extent())
            for text in figure.findobj(Text)
            if text.get_visible() and text.get_text() and id(text) not in hidden
        ]

    def check(figure):
        texts = seen_texts(figure)
        assert min(text.get_fontsize() for text, _ in texts) >= SMALLEST_PT
        assert max(text.get_fontsize() for text, _ in texts) <= 8.5
        for (first, a), (second, b) in itertools.combinations(texts, 2):
            overlap = min(a.x1, b.x1) - max(a.x0, b.x0) > 0.5 and min(a.y1, b.y1) - max(a.y0, b.y0) > 0.5
            assert not overlap, f"{first.get_text()!r} and {second.get_text()!r}"
        for text, box in texts:
            assert figure.bbox.x0 - 1 <= box.x0, text.get_text()
            assert box.x1 <= figure.bbox.x1 + 1, text.get_text()
            assert figure.bbox.y0 - 1 <= box.y0, text.get_text()
            assert box.y1 <= figure.bbox.y1 + 1, text.get_text()
        return len(texts)

    return check
