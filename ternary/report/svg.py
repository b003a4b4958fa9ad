"""Line charts as inline SVG: text that a page can hold, without scripts and without a plotting library."""
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 14, 34         # margins
POINTS = 400                      # of a line, at most: more than the pixels it has
COLORS = ("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d", "#4b5563")


@dataclass(frozen=True)
class Line:
    """A series of points (x, y); `faint` for what is noisy and lies below a smoother one."""
    name: str
    x: Sequence[float]
    y: Sequence[float]
    faint: bool = False
    dots: bool = False


def thinned(x: Sequence[float], y: Sequence[float]) -> list[tuple[float, float]]:
    """Means of neighbours, so that at most POINTS are left; points that are not finite are left out."""
    points = [(a, b) for a, b in zip(x, y) if a is not None and b is not None and math.isfinite(a) and math.isfinite(b)]
    each = math.ceil(len(points) / POINTS) or 1
    groups = [points[k:k + each] for k in range(0, len(points), each)]
    return [(sum(a for a, _ in g) / len(g), sum(b for _, b in g) / len(g)) for g in groups]


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers from low to high: steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if span <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / wanted))
    step = next(power * k for k in (1, 2, 5, 10) if span / (power * k) <= wanted)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def label(value: float) -> str:
    """1200000 -> 1.2M, 0.004 -> 0.004"""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.6g}{unit}"
    return f"{value:.4g}"


def bounds(values: list[float], zero: bool) -> tuple[float, float]:
    """What an axis shows: everything, or what is near the median where a few values tower above it."""
    low, high = min(values), max(values)
    middle = sorted(values)[len(values) // 2]
    most = middle * (4 if zero else 1.6)
    if low >= 0 and high > most > 0:
        high = most
    if zero:
        low = min(low, 0.0)
    pad = (high - low) * 0.04 or abs(high) * 0.04 or 1.0
    return (low if zero and low == 0 else low - pad), high + pad


def chart(lines: Sequence[Line], x_name: str, y_name: str, zero: bool = False) -> str:
    """An <svg> of the lines over one another; "" if none has a point."""
    drawn = [(k, line, thinned(line.x, line.y)) for k, line in enumerate(lines)]
    drawn = [(k, line, points) for k, line, points in drawn if points]
    if not drawn:
        return ""
    xs = [x for _, _, points in drawn for x, _ in points]
    x0, x1 = min(xs), max(xs)
    x1 = x1 if x1 > x0 else x0 + 1
    y0, y1 = bounds([y for _, _, points in drawn for _, y in points], zero)

    def across(x: float) -> float: return LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)
    def down(y: float) -> float: return TOP + (y1 - max(y0, min(y, y1))) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(y_name)} over {escape(x_name)}">']
    for y in ticks(y0, y1):
        out.append(f'<path class="grid" d="M{LEFT} {down(y):.1f}H{WIDTH - RIGHT}"/>'
                   f'<text x="{LEFT - 6}" y="{down(y) + 4:.1f}" text-anchor="end">{label(y)}</text>')
    for x in ticks(x0, x1):
        out.append(f'<text x="{across(x):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{label(x)}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x_name)}</text>')
    for k, line, points in drawn:
        color, faint = COLORS[k % len(COLORS)], ' opacity="0.35"' if line.faint else ""
        path = "L".join(f"{across(x):.1f} {down(y):.1f}" for x, y in points)
        out.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="1.6"{faint}/>')
        if line.dots or len(points) == 1:
            out += [f'<circle cx="{across(x):.1f}" cy="{down(y):.1f}" r="2.4" fill="{color}"/>' for x, y in points]
    return "".join(out) + "</svg>" + legend(drawn)


def legend(drawn: list) -> str:
    names = [f'<span><i style="background:{COLORS[k % len(COLORS)]}"></i>{escape(line.name)}</span>'
             for k, line, _ in drawn]
    return f'<div class="legend">{"".join(names)}</div>'
