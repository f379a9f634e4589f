"""Every link of the documents leads somewhere, and the pages that are made with the site can be made."""

from __future__ import annotations

import re
import runpy
import shlex
from functools import cache
from pathlib import Path

import pytest

from undelete.command.arguments import parser
from undelete.paper.pages.numbers import anchor

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted({*ROOT.glob("*.md"), *DOCS.rglob("*.md")} - {*DOCS.glob("_build/**/*")})
MADE = runpy.run_path(str(DOCS / "made.py"))
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@cache
def anchors(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {anchor(heading.strip()) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in _LINK.findall(re.sub(r"`[^`\n]*`", "", text)):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        place, _, part = link.partition("#")
        target = page.parent / place if place else page
        if target.suffix == ".md" and target.parent == DOCS / "examples":
            target = target.with_suffix(".ipynb")  # made with the site
        elif target == DOCS / "gallery.md":
            continue
        assert target.exists(), f"{link} leads nowhere"
        assert not part or part in anchors(target), f"{link}: no such heading"


def test_the_site_has_every_page() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    for page in DOCS.glob("*.md"):
        if page.name not in ("index.md", "gallery.md"):
            assert re.search(rf"^{page.stem}$", index, re.MULTILINE), f"docs/index.md does not name {page.name}"
    for page in (DOCS / "howto").glob("*.md"):
        assert f"\nhowto/{page.stem}\n" in index


def test_the_gallery_has_every_figure_and_the_command_that_draws_it() -> None:
    text = MADE["gallery"](DOCS / "results")
    for figure in (DOCS / "results").glob("*.svg"):
        section = text[text.index(f"](results/{figure.name})") :].split("\n## ")[0]
        assert "undelete reproduce" in section or "python benchmarks/" in section or "python -m" in section
    assert "undelete reproduce fig11 " in text[text.index("fig11.svg") :].split("\n## ")[0]


def test_a_notebook_becomes_a_page() -> None:
    cell = {
        "cell_type": "code",
        "source": ["x"],
        "outputs": [{"data": {"text/html": ["<b>1</b>\n", "\n", "<i>2</i>"]}}],
    }
    assert MADE["_cell"](cell) == '```python\nx\n```\n\n<div class="output">\n<b>1</b>\n<i>2</i>\n</div>\n'
    cell["outputs"] = [{"data": {"text/plain": ["3"]}}]
    assert "```text\n3\n```" in MADE["_cell"](cell)


def test_every_command_of_the_howto_pages_is_one() -> None:
    seen = []
    for page in (DOCS / "start.md", *sorted((DOCS / "howto").glob("*.md"))):
        for block in re.findall(r"^```\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith("undelete "):
                    seen.append(parser().parse_args(shlex.split(line)[1:]).command)
    assert {"demo", "audit", "simulate", "scan", "protect", "reproduce"} <= set(seen)


def test_the_workflow_is_one_and_its_commands_exist() -> None:
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load((DOCS / "examples" / "release-check.yml").read_text(encoding="utf-8"))
    (job,) = found["jobs"].values()
    commands = [step["run"] for step in job["steps"] if step.get("run", "").startswith("undelete ")]
    asked = [parser().parse_args(shlex.split(command)[1:]) for command in commands]
    assert [(one.command, one.fail_above) for one in asked] == [("simulate", 0.5), ("audit", 0.5)]
    assert {f"{one.out}/report.html" for one in asked} == set(job["steps"][-1]["with"]["path"].split())


def test_an_equation_has_a_number_of_its_own() -> None:
    numbers = re.findall(r"^\((\d+)\)   ", (ROOT / "docs" / "maths.md").read_text(), re.MULTILINE)
    assert len(numbers) > 30
    assert len(set(numbers)) == len(numbers)
