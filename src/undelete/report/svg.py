"""From a matplotlib figure to an SVG that lives inside a page, or to files that live alone.

Inside a page the drawing takes its colours from CSS custom properties (``var(--fig-attack)``), so it follows
the reader's light or dark setting, and its text is text in the page's own font. In a file nothing can be
assumed about the viewer: colours are literal and text is outlines. The same input gives the same bytes.
"""

from __future__ import annotations

import html
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# Light colours, which template.html repeats as --fig-NAME beside their dark ones (a test compares them).
# They are also the keys by which the colours of a drawing are found again, so each is different.
PALETTE = {
    "ink": "#1c2530",
    "soft": "#56606d",
    "rule": "#d9dee5",
    "surface": "#fffffe",
    "baseline": "#696f78",
    "attack": "#0a5aa8",
    "attack-strong": "#a13f06",
    "attack-other": "#77389f",
    "bound": "#2b6e3f",
}
FONT_SIZE = 11.0


@contextmanager
def drawing() -> Iterator[None]:
    """Give matplotlib our settings for a while, whatever the user's own are."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        # names in a script that matplotlib's font lacks: the reader's browser has the glyphs
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": "undelete",
                "text.parse_math": False,  # a column may be called $x$
                "font.size": FONT_SIZE,
                "axes.edgecolor": PALETTE["soft"],
                "axes.labelcolor": PALETTE["ink"],
                "axes.facecolor": "none",
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.titlelocation": "left",
                "axes.titlesize": FONT_SIZE,
                "axes.unicode_minus": True,
                "figure.facecolor": PALETTE["surface"],
                "grid.color": PALETTE["rule"],
                "grid.linewidth": 0.8,
                "text.color": PALETTE["ink"],
                "xtick.color": PALETTE["soft"],
                "ytick.color": PALETTE["soft"],
                "xtick.labelsize": FONT_SIZE - 1,
                "ytick.labelsize": FONT_SIZE - 1,
            }
        )
        yield


class Drawing(Figure):
    """A figure that a notebook shows by itself, whatever it was told of figures."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        with drawing():
            self.savefig(buffer, format="png", dpi=self.dpi, metadata={"Software": None})
        return buffer.getvalue()


def blank(width: float, height: float) -> Figure:
    """Return an empty figure of so many points, that can measure its text before it is drawn."""
    figure = Drawing(figsize=(width / 72, height / 72), dpi=72)
    FigureCanvasAgg(figure)
    return figure


def plain(text: str) -> str:
    """Return a stranger's text without what no font or encoding can show."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() else " " for c in text)


def inline(figure: Figure, name: str, title: str, description: str) -> str:
    """Return the figure as an ``<svg>`` element for a page; call it within `drawing`.

    Parameters
    ----------
    figure : Figure
        What to draw.
    name : str
        A word that is unique on the page: it prefixes every id.
    title, description : str
        What a screen reader says; escaped here.
    """
    text = _svg(figure)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # matplotlib's style sheet says `*`, which inside a page would reach every element of it
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    box = re.search(r'viewBox="([^"]*)"', text)
    assert box is not None  # matplotlib always writes one
    text = re.sub(
        r"<svg[^>]*>",
        f'<svg viewBox="{box[1]}" role="img" aria-labelledby="{name}-title {name}-desc">'
        + _spoken(name, title, description).replace("\\", r"\\"),
        text,
        count=1,
    )
    text = re.sub(r'<g id="(?:figure|axes|patch|text|line2d|matplotlib\.axis|xtick|ytick)_\d+"', "<g", text)
    text = re.sub(rf'\bid="(?!{name}-)([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r"font: (?:[a-z]+ )*([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = text.replace(f'id="{name}-label"', 'class="label"')
    for key, colour in PALETTE.items():
        text = text.replace(colour, f"var(--fig-{key})")
    return re.sub(r"\n\s*", "\n", text).strip()


def _svg(figure: Figure) -> str:
    """Return matplotlib's SVG without date and creator."""
    buffer = io.BytesIO()
    canvas = FigureCanvasSVG(figure)
    canvas.print_svg(  # type: ignore[no-untyped-call]
        buffer, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    return buffer.getvalue().decode("utf-8")


def _spoken(name: str, title: str, description: str) -> str:
    """Return the title and desc elements."""
    return (
        f'<title id="{name}-title">{html.escape(plain(title))}</title>'
        f'<desc id="{name}-desc">{html.escape(plain(description))}</desc>'
    )


def write(figure: Figure, stem: Path, title: str, description: str) -> tuple[Path, Path]:
    """Write the figure as ``stem.svg`` and ``stem.png`` (200 dots an inch) and return both paths.

    Call it within `drawing`.
    """
    matplotlib.rcParams["svg.fonttype"] = "path"
    text = _svg(figure)
    start = text.index(">", text.index("<svg")) + 1
    spoken = _spoken("figure", title, description)
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = stem.with_name(stem.name + ".svg"), stem.with_name(stem.name + ".png")
    paths[0].write_text(text[:start] + spoken + text[start:], encoding="utf-8")
    FigureCanvasAgg(figure)
    figure.savefig(paths[1], format="png", dpi=200, metadata={"Software": None})
    return paths
