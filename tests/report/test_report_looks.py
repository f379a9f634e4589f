"""The page in a reader's hands: contrast in both themes, phone width, sorting, download, no network."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from undelete.report import render
from undelete.report.svg import PALETTE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CSS = (resources.files("undelete.report") / "page.css").read_text()

# text colour, background: everything that is read; WCAG 2.2 AA wants 4.5
READ = [
    *[(text, ground) for text in ("ink", "soft", "link", "yes", "no") for ground in ("page", "surface")],
    *[(tone, f"{tone}-band") for tone in ("exposed", "partly", "safe", "unknown")],
    *[("ink", f"{tone}-band") for tone in ("exposed", "partly", "safe", "unknown")],
    ("partly", "surface"),
    *[(f"fig-{name}", "surface") for name in PALETTE if name not in ("rule", "surface")],
]


def themes() -> tuple[dict[str, str], dict[str, str]]:
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    both = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in (light, dark)]
    return both[0], both[1]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_formula_on_known_pairs() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_everything_read_has_aa_contrast(theme: int) -> None:
    colours = themes()[theme]
    poor = {(text, on): contrast(colours[text], colours[on]) for text, on in READ}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


def test_both_themes_define_the_same_colours_and_the_figures_light_ones() -> None:
    light, dark = themes()
    assert light.keys() == dark.keys()
    assert {name: light[f"fig-{name}"] for name in PALETTE} == PALETTE
    assert len(set(PALETTE.values())) == len(PALETTE)
    used = set(re.findall(r"var\(--([\w-]+)\)", CSS))
    assert used <= light.keys() | {"band", "tone"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium here")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def opened(browser: Any, path: Path, audit: Any, width: int = 1280, theme: str = "light") -> tuple[Any, list[str]]:
    """Open the page from a file; return it and everything it complained about or asked the network for."""
    path.write_text(render(audit), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=theme)
    page, trouble = context.new_page(), []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda r: None if r.url == path.as_uri() else trouble.append(r.url))
    page.goto(path.as_uri())
    return page, trouble


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_no_case_scrolls_sideways_or_asks_the_network(browser: Any, audit: Any, tmp_path: Path, width: int) -> None:
    if audit["records"] and audit["columns"]:
        audit["records"][0]["columns"][2]["true"] = "W" * 500
    page, trouble = opened(browser, tmp_path / "report.html", audit, width, "dark")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert trouble == []
    page.context.close()


@pytest.mark.browser
def test_the_table_sorts_both_ways(browser: Any, build: Any, tmp_path: Path) -> None:
    page, trouble = opened(browser, tmp_path / "report.html", build("demo"))
    read = "[...document.querySelectorAll('[data-sortable] tbody tr')].map(r => Number(r.cells[1].dataset.key))"
    page.get_by_role("button", name="Deletion", exact=True).click()
    assert page.evaluate(read) == list(range(200, 0, -1))
    page.get_by_role("button", name="Deletion", exact=True).click()
    assert page.evaluate(read) == list(range(1, 201))
    assert page.locator("[aria-sort=ascending]").inner_text().strip().startswith("Deletion")
    assert trouble == []
    page.context.close()


@pytest.mark.browser
def test_the_download_is_the_audit(browser: Any, build: Any, tmp_path: Path) -> None:
    audit = build("one")
    audit["columns"][0]["label"] = "</script><script>document.title = 'taken'</script>"
    page, _ = opened(browser, tmp_path / "report.html", audit)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the copy inside this page").click()
    assert download.value.suggested_filename == "audit.json"
    assert json.loads(Path(download.value.path()).read_text()) == audit
    assert page.title() == "EXPOSED: what a deletion gave away (undelete)"
    page.context.close()
