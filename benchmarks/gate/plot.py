"""The table as an SVG plot: one panel for each scenario, one mark for each policy."""

import math
from collections.abc import Mapping
from html import escape

from benchmarks.gate.policies import BASELINES, MICO
from benchmarks.gate.verdict import BAR, BAR_NAMED, BEST, NO_BAR, Cell, Table

_COLUMNS = 5
_WIDTH, _HEIGHT = 230, 170  # of a panel, with its margins
_LEFT, _TOP, _RIGHT, _BOTTOM = 34, 26, 10, 26
_TICKS = (0.0, 0.1, 1.0, 10.0, 100.0)
_LINEAR = 0.03  # 429s per item: the axis is linear below this and logarithmic above
_COLOURS = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#cc79a7", "#8c564b", "#7f7f7f", "#b8a100", "#444444")


def draw(table: Table) -> str:
    """Return the SVG. 429s per item grow to the right and the ratio upwards: the upper left corner is best."""
    names = list(dict.fromkeys(name for row in table.values() for name in row))
    rows = math.ceil(len(table) / _COLUMNS)
    legend = 22 * math.ceil(len(names) / 4) + 34
    width, height = _COLUMNS * _WIDTH + 10, rows * _HEIGHT + legend
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' font-family="sans-serif" font-size="10">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for index, (scenario, row) in enumerate(table.items()):
        x, y = index % _COLUMNS * _WIDTH, index // _COLUMNS * _HEIGHT
        parts.append(f'<g transform="translate({x} {y})">{_panel(scenario, row, names)}</g>')
    parts.append(_legend(names, rows * _HEIGHT))
    return "\n".join([*parts, "</svg>", ""])


def _x(refused: float) -> float:
    """Return the x of a number of 429s per item. Near 0 the axis is linear, so that 0 has a place on it."""

    def stretched(value: float) -> float:
        return math.asinh(value / _LINEAR)

    share = min(1.0, stretched(refused) / stretched(_TICKS[-1]))
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _y(ratio: float) -> float:
    return _TOP + (1 - min(1.0, ratio)) * (_HEIGHT - _TOP - _BOTTOM)


def _panel(scenario: str, cells: Mapping[str, Cell], names: list[str]) -> str:
    parts = [f'<text x="{_LEFT}" y="16" font-weight="bold" font-size="12">{escape(scenario)}</text>']
    if scenario not in (*BEST, *NO_BAR):
        ratio, refused = BAR_NAMED if scenario == "jobs, named" else BAR
        parts.append(
            f'<rect x="{_x(0):.1f}" y="{_y(1):.1f}" width="{_x(refused) - _x(0):.1f}"'
            f' height="{_y(ratio) - _y(1):.1f}" fill="#d9f2d9"/>'
        )
    for tick in _TICKS:
        parts.append(f'<path d="M{_x(tick):.1f} {_y(1):.1f}V{_y(0):.1f}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{_x(tick):.1f}" y="{_y(0) + 13:.1f}" text-anchor="middle">{tick:g}</text>')
    for ratio in (0.0, 0.5, 1.0):
        parts.append(f'<path d="M{_x(0):.1f} {_y(ratio):.1f}H{_WIDTH - _RIGHT}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{_LEFT - 5}" y="{_y(ratio) + 3:.1f}" text-anchor="end">{ratio:g}</text>')
    for name in sorted(cells, key=lambda n: n == MICO):
        c = cells[name]
        parts.append(_mark(name, names, _x(c.refused), _y(0.0 if c.never else c.ratio)))
    return "".join(parts)


def _mark(name: str, names: list[str], x: float, y: float) -> str:
    if name == MICO:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5.5" fill="#d55e00" stroke="black"/>'
    colour = _COLOURS[(names.index(name) - 1) % len(_COLOURS)]
    if BASELINES[name].knows_the_limit:
        return (
            f'<path d="M{x:.1f} {y - 4.5:.1f}l4.5 4.5l-4.5 4.5l-4.5 -4.5z" fill="none"'
            f' stroke="{colour}" stroke-width="1.6"/>'
        )
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}" fill-opacity="0.85"/>'


def _legend(names: list[str], top: float) -> str:
    parts = []
    for index, name in enumerate(names):
        x, y = 20 + index % 4 * 280, top + 16 + index // 4 * 22
        parts.append(_mark(name, names, x, y))
        parts.append(f'<text x="{x + 12}" y="{y + 4}" font-size="12">{escape(name)}</text>')
    below = top + 16 + math.ceil(len(names) / 4) * 22 + 6
    parts.append(
        f'<text x="14" y="{below}" font-size="12">Right: 429s per item. Up: the oracle’s time ÷ the policy’s;'
        " 0 = never finishes. Green: the target. Diamonds know the limit.</text>"
    )
    return "".join(parts)
