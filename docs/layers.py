"""Draws docs/architecture.svg: the rooms, each above all that it imports.

    python docs/layers.py

A room is a folder or a module of src/undelete. Its floor is the longest way down from it. An arrow is an import that no
longer way replaces: what is reached through another room is not drawn again.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import grimp

WIDTH, FLOOR, BOX, MARGIN = 980, 74, 30, 14
PRIVATE, PUBLIC = {"maintainer"}, {"attacker", "release", "maths"}
COLOURS = {"private": ("#f9dcc4", "#9c4a1a"), "public": ("#d7e8f7", "#1f5d94"), "": ("#eeeeee", "#555555")}


def rooms() -> dict[str, set[str]]:
    """Return what each room imports of the others."""
    graph = grimp.build_graph("undelete", exclude_type_checking_imports=True)
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        own = module.split(".")[1:2]
        for other in graph.find_modules_directly_imported_by(module):
            its = other.split(".")[1:2]
            if own and its and own != its:
                found.setdefault(own[0], set()).add(its[0])
                found.setdefault(its[0], set())
    return found


def floors(imports: dict[str, set[str]]) -> dict[str, int]:
    """Return each room's floor: one above the highest of those that it imports."""
    floor: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in floor:
            floor[room] = 1 + max((height(other) for other in imports[room]), default=-1)
        return floor[room]

    for room in imports:
        height(room)
    return floor


def direct(imports: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Return the imports that no way through another room replaces."""
    below: dict[str, set[str]] = {}

    def reach(room: str) -> set[str]:
        if room not in below:
            below[room] = set(imports[room]).union(*(reach(other) for other in imports[room]))
        return below[room]

    return [
        (room, other)
        for room in sorted(imports)
        for other in sorted(imports[room])
        if not any(other in reach(between) for between in imports[room] - {other})
    ]


def draw() -> str:
    """Return the picture."""
    imports = rooms()
    floor = floors(imports)
    top = max(floor.values())
    height = (top + 1) * FLOOR + 2 * MARGIN
    place: dict[str, tuple[float, float, float]] = {}
    for level in range(top + 1):
        names = sorted(room for room in floor if floor[room] == level)
        for i, name in enumerate(names):
            middle = WIDTH * (i + 1) / (len(names) + 1)
            place[name] = middle, height - MARGIN - FLOOR * level - FLOOR / 2, 9.0 * len(name) + 24
    parts = []
    for room, other in direct(imports):
        (x, y, _), (u, v, _) = place[room], place[other]
        parts.append(f'<line x1="{x:.0f}" y1="{y + BOX / 2:.0f}" x2="{u:.0f}" y2="{v - BOX / 2:.0f}" stroke="#999"/>')
    for name, (x, y, width) in place.items():
        side = "private" if name in PRIVATE else "public" if name in PUBLIC else ""
        fill, line = COLOURS[side]
        parts.append(
            f'<rect x="{x - width / 2:.0f}" y="{y - BOX / 2:.0f}" width="{width:.0f}" height="{BOX}" rx="4" '
            f'fill="{fill}" stroke="{line}"/>'
            f'<text x="{x:.0f}" y="{y + 5:.0f}" text-anchor="middle" fill="#222">{escape(name)}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        'font-size="15" role="img"><title>The rooms of undelete, each above all that it imports</title>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>' + "\n".join(parts) + "</svg>\n"
    )


if __name__ == "__main__":
    (Path(__file__).parent / "architecture.svg").write_text(draw())
