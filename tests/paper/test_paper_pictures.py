"""Grids of pictures: what is drawn is what was given, and the draw looks at labels alone."""

import base64
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from undelete.report.picture_rows import PictureRow, draw
from undelete.report.pictures import is_png, one_a_label, png


@pytest.mark.parametrize("shape", [(6, 8), (6, 6, 3)])
def test_the_grid_holds_the_very_pixels(tmp_path, shape):
    pictures = [np.random.default_rng(j).integers(0, 256, shape, dtype=np.uint8) for j in range(3)]
    rows = [
        PictureRow("deleted", pictures),
        PictureRow("HRec", [pictures[0], None, pictures[2]], cosines=[0.97, np.nan, 0.99999]),
    ]
    paths = draw("Pictures & <more>", ["coat", "bag", "$x$"], rows, tmp_path / "grid", notes=["one word " * 40])
    text = paths[0].read_text()
    ET.fromstring(text)
    assert paths[1].read_bytes().startswith(b"\x89PNG")
    assert "Pictures &amp; &lt;more&gt;" in text
    assert "HRec, cosine 0.970, –, &gt; 0.9999." in text
    embedded = re.findall(r'data:image/png;base64,\s*([^"]+)"', text)
    assert len(embedded) == 5  # none where nothing came back
    found = [np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB")) for one in embedded]
    for one, pixels in zip(found, [*pictures, pictures[0], pictures[2]], strict=True):
        colours = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
        assert any(np.array_equal(turned, colours) for turned in (one, one[::-1]))  # SVG may hold it upside down
    assert draw("Pictures & <more>", ["coat", "bag", "$x$"], rows, tmp_path / "again", ["one word " * 40])[0]
    assert (tmp_path / "again.svg").read_text() == text


@pytest.mark.parametrize("seed", range(4))
def test_one_of_each_label_first_and_nobody_twice(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, 40)
    chosen = one_a_label(labels, 12, np.random.default_rng(seed))
    assert len(set(chosen.tolist())) == 12
    assert labels[chosen[:5]].tolist() == [0, 1, 2, 3, 4]
    again = one_a_label(labels, 12, np.random.default_rng(seed))
    np.testing.assert_array_equal(again, chosen)
    everyone = one_a_label(labels, 100, np.random.default_rng(seed))
    assert sorted(everyone.tolist()) == list(range(40))


def test_every_member_of_a_label_is_drawn_alike():
    labels = np.array([0, 0, 0, 1])
    drawn = [int(one_a_label(labels, 1, np.random.default_rng(seed))[0]) for seed in range(600)]
    assert set(np.bincount(drawn, minlength=4)[:3] > 150) == {True}


def test_without_labels_all_are_drawn_alike():
    chosen = one_a_label(None, 3, np.random.default_rng(0), count=5)
    assert len(set(chosen.tolist())) == 3
    assert set(chosen.tolist()) <= set(range(5))


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 3)])
def test_png_is_the_image(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    uri = png(pixels)
    assert is_png(uri)
    read = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))
    np.testing.assert_array_equal(np.asarray(read), pixels)


@pytest.mark.parametrize(
    "text", [None, 3, "", "javascript:1", 'data:image/png;base64,AA"><script>', "data:image/svg+xml,x"]
)
def test_only_png_data_may_stand_in_a_page(text):
    assert not is_png(text)
