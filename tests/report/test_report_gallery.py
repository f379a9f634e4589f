"""The pictures on the page: which, how many, what stands below them, and nothing else of a stranger's."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.report.conftest import pictures
from tests.report.test_report_page import HOSTILE, Page, data_of

from undelete.report import render
from undelete.report.embedding import embedded, escape


def test_says_how_many_of_how_many_and_how_they_were_drawn(build: Any) -> None:
    html = render(build("pictures"))
    page = Page(html)
    words = page.words()
    assert "Shown are 24 of 40 deletions, drawn at random: one of each class first, then any" in words
    assert "6 × 8 pixels, shades of grey; 0 is drawn darkest and 255 brightest (guessed from the public data" in words
    assert len(page.of("img")) == 1 + 24 * 4 - 1  # the average once, and one that did not come back
    assert "nothing came back" in words
    assert "its strength is not known" in words
    assert "is drawn as strong as public images are on average" in words
    assert "kind: coat, truly bag" in words
    assert "kind: not known, truly bag" in words
    assert "img-src data:;" in html
    assert "The records" not in words
    assert "Columns exact" not in words
    assert {(attrs["width"], attrs["height"]) for attrs in page.of("img")} == {("8", "6")}


def test_every_picture_says_what_it_is_to_who_cannot_see_it(build: Any) -> None:
    alts = [str(attrs["alt"]).replace("\u00a0", " ") for attrs in Page(render(build("pictures"))).of("img")]
    assert alts[0].startswith("The average public image, a guess, every deletion")
    assert alts[1:5] == [
        "The deleted image, deletion 1",
        "What undelete's decoder recovered, deletion 1; cosine 0.930",
        "The public image that moved most (MaxDiff), a guess, deletion 1; cosine 0.610",
        "The public image nearest to what was recovered, deletion 1; cosine 0.700",
    ]


def test_one_deletion_is_shown_large_with_all_guesses_in_a_row(build: Any) -> None:
    page = Page(render(build("one picture")))
    assert "Shown are" not in page.words()
    assert "6 × 6 pixels, three colours each" in page.words()
    assert [a["class"] for a in page.of("div") if "pictures" in str(a.get("class"))] == ["pictures large"]
    assert len(page.of("img")) == 5


def test_redacted_pictures_are_blocks_even_if_the_audit_still_has_them(build: Any) -> None:
    audit = build("pictures")
    audit["redacted"] = True
    html = render(audit)
    assert Page(html).of("img") == []
    assert "image/png" not in html
    assert html.count('class="shade"') == 1 + 24 * 4
    assert "truly" not in Page(html).words()
    assert audit["pictures"]["average"] is not None  # the caller's dict is left as it was


def test_what_is_no_picture_is_not_put_into_the_page(build: Any) -> None:
    audit = build("pictures")
    picture = audit["pictures"]["items"][0]["pictures"][0]
    for wrong in (HOSTILE, "https://example.org/x.png", "data:image/svg+xml;base64,AAAA", 7):
        picture["png"] = wrong
        assert len(Page(render(audit)).of("img")) == 24 * 4 - 1
    picture["name"] = audit["target"]["label"] = HOSTILE
    page = Page(render(audit))
    assert len(page.of("script")) == 2
    assert HOSTILE in page.words()


def test_large_pictures_keep_the_page_under_a_megabyte(build: Any) -> None:
    audit = pictures((64, 64, 3), 2000, 24)
    html = render(audit)
    assert len(html.encode()) < 1_000_000
    found = re.search(r"Shown are (\d+) of 2,000 deletions", Page(html).words())
    assert found
    assert 1 < int(found[1]) < 24
    assert len(Page(html).of("img")) == 1 + 4 * int(found[1]) - 1
    kept = data_of(html)
    assert {p["png"] for item in kept["pictures"]["items"] for p in item["pictures"]} == {None}
    assert kept["sampled"]["of"] == 2000
    assert kept["sampled"]["pictures"] == 0


def test_the_embedded_copy_leaves_out_pictures_before_scores(build: Any) -> None:
    audit = build("pictures")
    text, thinned = embedded(audit, largest=len(escape(audit)) - 1)
    kept = json.loads(text)
    assert thinned
    assert kept["sampled"] == {"pictures": 0}
    assert kept["scores"] == audit["scores"]
    assert {p["png"] for item in kept["pictures"]["items"] for p in item["pictures"]} == {None}
