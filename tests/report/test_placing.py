"""Names of curves stand clear of all curves, also where these crowd."""

from __future__ import annotations

import numpy as np
import pytest

from undelete.report import placing, svg


@pytest.mark.parametrize("spread", [0.0, 0.02, 0.2])
def test_names_of_steep_curves_beside_each_other_cover_none(spread):
    with svg.drawing():
        figure = svg.blank(260.0, 180.0)
        axes = figure.add_axes((0.1, 0.1, 0.85, 0.8))
        axes.set_xlim(-1, 1)
        axes.set_ylim(0, 1)
        curves = []
        for k, name in enumerate(["MaxDiff", "Avg", "HRec", "HRec+"]):
            x = np.linspace(0.8 - spread, 0.85, 30) + k * 0.04
            curves.append((x, np.linspace(0, 1, 30), name, "black"))
            axes.plot(*curves[-1][:2])
        placing.label_curves(axes, curves)
        names = [text for text in axes.texts if text.get_gid() == "label"]
        boxes = [text.get_window_extent() for text in names]
        assert len(names) == 4
        for x, y, _, _ in curves:
            along = placing._along(axes.transData.transform(np.column_stack([x, y])))
            assert not any(box.contains(*point) for box in boxes for point in along)
        assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
