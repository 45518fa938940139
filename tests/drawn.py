"""What figures of seeds show, read back from their axes: dots, marks of means, intervals, bars."""

import numpy as np
from matplotlib.axes import Axes


def dots(axes: Axes, value: int = 1) -> list[list[float]]:
    """The seeds at each place, series by series; value: 1 where they run upwards, 0 where to the right."""
    found = [collection.get_offsets()[:, value] for collection in axes.collections]
    return [values.tolist() for values in found if len(values)]


def marks(axes: Axes, marker: str) -> list[list[list[float]]]:
    """Points (x, y) that carry a marker, a list for each series that has one."""
    found = [line.get_xydata() for line in axes.lines if line.get_marker() == marker]
    kept = [np.asarray(points, float) for points in found if len(points)]
    return [points[~np.isnan(points).any(axis=1)].tolist() for points in kept if not np.isnan(points).all()]


def intervals(axes: Axes, value: int = 1) -> list[list[float]]:
    """Both ends of each interval, without the lines that span the axes."""
    lines = [line for line in axes.lines if line.get_marker() == "None" and line.get_transform() is axes.transData]
    ends = [np.asarray(line.get_xydata(), float)[:, value] for line in lines if len(line.get_xydata())]
    return [[np.nanmin(values), np.nanmax(values)] for values in ends if not np.isnan(values).all()]


def bars(axes: Axes) -> list[tuple[float, float]]:
    """Place and length of each bar, series by series."""
    found = [bar for container in axes.containers for bar in container.patches]
    upright = axes.containers[0].orientation == "vertical"
    return [
        (bar.get_x() + bar.get_width() / 2, bar.get_height())
        if upright
        else (bar.get_y() + bar.get_height() / 2, bar.get_width())
        for bar in found
    ]
