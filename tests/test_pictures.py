"""Records as images: from a model's space back to the pixels, and through an audit to the page."""

from __future__ import annotations

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import undelete
from undelete.auditing.pictures import pictures_of
from undelete.auditing.words import Words
from undelete.cli import main
from undelete.data import ImageInfo, Schema, load_images
from undelete.errors import InputError
from undelete.maths.embeddings import RandomFourierFeatures
from undelete.maths.losses import LOSSES
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.scoring.truth import Truth

INFO = ImageInfo((8, 8), 0, 16)
PRIVATE = 900


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    X = pd.DataFrame(X[order], columns=[f"pixel{i}" for i in range(64)])
    return X.iloc[:PRIVATE], y[order][:PRIVATE], X.iloc[PRIVATE:], y[order][PRIVATE:]


def simulated(digits, model, deletions=30, **more):
    return undelete.simulate(model, *digits, deletions=deletions, words=Words(schema=Schema(image=INFO)), **more)


def pixels(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))


@pytest.mark.parametrize("steps", [(), (StandardScaler(),)], ids=["as they are", "standardised"])
def test_a_simulation_on_images_shows_the_true_pixels_beside_the_recovered(digits, steps):
    result = simulated(digits, make_pipeline(*steps, RidgeClassifier(alpha=10.0)), deletions=60)
    assert result.verdict.word == "EXPOSED"
    assert "centred cosine" in result.verdict.reason
    assert result.release.columns == ()
    document = result.document()
    assert (document["columns"], document["per_column"]) == ([], [])
    shown = document["pictures"]
    assert (shown["shape"], shown["low"], shown["high"]) == ([8, 8], 0, 16)
    assert len(shown["items"]) == 24
    labels = [item["label"]["true"] for item in shown["items"]]
    assert labels[:10] == list(range(10))  # one of each class first
    for item in shown["items"]:
        true, ours, *guesses = item["pictures"]
        record = digits[0].iloc[item["row"]].to_numpy()
        np.testing.assert_array_equal(pixels(true["png"]), np.rint(record.reshape(8, 8) / 16 * 255))
        assert [true["name"], ours["name"], *(g["name"] for g in guesses)] == ["true", "hrec+", "maxdiff", "nearest"]
        drawn, score = pixels(ours["png"]).ravel() / 255 * 16, result.scored["hrec+"]["cosine"][item["deletion"]]
        assert ours["cosine"] == pytest.approx(score)
        if not steps and item["status"] == "ok":  # what is drawn is what is scored, up to levels and range
            drawn_cosine = drawn @ record / np.linalg.norm(drawn) / np.linalg.norm(record)
            assert drawn_cosine == pytest.approx(score, abs=0.05)
    mean = digits[2].mean().to_numpy().reshape(8, 8)
    np.testing.assert_allclose(pixels(shown["average"]), mean / 16 * 255, atol=0.5 + 1e-9)
    assert "Which of 900 images" in document["question"]["text"]


def test_the_informed_bound_draws_the_very_image(digits):
    result = simulated(digits, RidgeClassifier(alpha=10.0), deletions=5, attacks=("informed", "avg"))
    for item in result.document()["pictures"]["items"]:
        true, ours = item["pictures"]
        assert ours["name"] == "informed"
        # a level apart where a pixel lies between two
        np.testing.assert_allclose(pixels(ours["png"]).astype(int), pixels(true["png"]).astype(int), atol=1)
    np.testing.assert_allclose(result.records, result.true_records, atol=1e-6)
    np.testing.assert_array_equal(result.true_records.iloc[:, :64], digits[0].iloc[result.truth.rows])


def test_the_draw_is_the_seed_s_and_not_the_attack_s(digits):
    first = simulated(digits, RidgeClassifier(alpha=10.0))
    weaker = simulated(digits, RidgeClassifier(alpha=10.0), attacks=("avg", "maxdiff"))
    other = simulated(digits, RidgeClassifier(alpha=10.0), rng=1)
    assert first.pictured.tolist() == weaker.pictured.tolist()
    assert first.pictured.tolist() != other.pictured.tolist()


def test_redacted_there_is_no_picture_and_no_label(digits):
    result = simulated(digits, RidgeClassifier(alpha=10.0), deletions=5)
    shown = result.document(redact=True)["pictures"]
    assert {p["png"] for item in shown["items"] for p in item["pictures"]} == {None}
    assert {item["label"][key] for item in shown["items"] for key in ("recovered", "true")} == {None}
    assert shown["average"] is None


def test_an_audit_of_two_softmax_models_with_and_without_the_truth(digits):
    X, y, X_public, y_public = digits
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, tol=1e-8, max_iter=2000))
    scaler = model[0].fit(X)
    before, after = (LogisticRegression(C=0.01, tol=1e-8, max_iter=2000) for _ in range(2))
    before.fit(scaler.transform(X), y)
    after.fit(scaler.transform(X)[1:], y[1:])
    pair = [make_pipeline(scaler, fitted) for fitted in (before, after)]
    public, words = X_public.assign(digit=y_public), Words(schema=Schema(image=INFO))
    truth = X.iloc[:1].assign(digit=y[:1])
    known = undelete.audit(*pair, public, target="digit", truth=truth, n=PRIVATE, words=words)
    blind = undelete.audit(*pair, public, target="digit", n=PRIVATE, words=words)
    assert known.document()["records"][0]["target"]["recovered"] == y[0]
    names = [picture["name"] for picture in known.document()["pictures"]["items"][0]["pictures"]]
    assert names == ["true", "hrec+", "maxdiff"]
    assert [p["name"] for p in blind.document()["pictures"]["items"][0]["pictures"]] == ["hrec+", "maxdiff"]
    assert "expected, by the attack's own error bars" in blind.verdict.reason or blind.verdict.word == "NOT DECIDABLE"


def test_a_shape_that_the_columns_do_not_have_is_refused(digits):
    words = Words(schema=Schema(image=ImageInfo((28, 28))))
    with pytest.raises(InputError, match="an image of 28x28 has 784 pixels but the model reads 64 columns"):
        undelete.simulate(RidgeClassifier(), *digits, deletions=2, words=words)


def release(X, constant, **more):
    d = X.shape[1]
    return Release(LOSSES["squared"], np.ones((d, 1)), np.zeros((1, d, 1)), X, constant=constant, **more)


def test_pixels_are_the_record_without_the_constant():
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=(5, 4)), np.ones(5)]
    seen, info = release(X, np.eye(5)[4]), ImageInfo((2, 2), -1, 1)
    np.testing.assert_array_equal(pictures_of(seen, Truth(X=X), info), X[:, :4])
    X[2, 1] = np.nan  # half a picture is none
    found = pictures_of(seen, Reconstruction("hrec", X), info)
    np.testing.assert_array_equal(np.isnan(found).all(axis=1), [False, False, True, False, False])
    np.testing.assert_array_equal(pictures_of(release(np.ones((5, 4)), None), Truth(X=X[:, :4]), info)[0], X[0, :4])
    with pytest.raises(InputError, match=r"have 4 columns but an image of shape \(3, 3\) has 9 pixels"):
        pictures_of(seen, Truth(X=X), ImageInfo((3, 3)))


def test_behind_an_embedding_the_picture_is_its_input():
    rng = np.random.default_rng(0)
    phi = RandomFourierFeatures(rng.normal(size=(4, 6)), rng.uniform(size=6))
    inputs = rng.normal(size=(5, 4))
    embedded = np.c_[phi.transform(inputs), np.ones(5)]
    seen = release(embedded, np.eye(7)[6], embedding=phi, inputs_public=inputs)
    found = pictures_of(seen, Reconstruction("hrec", embedded, inputs=inputs), ImageInfo((2, 2), -1, 1))
    np.testing.assert_array_equal(found, inputs)


@pytest.fixture(scope="module")
def folder(digits, tmp_path_factory):
    place = tmp_path_factory.mktemp("digits")
    X, y, X_public, y_public = digits
    undelete.save_model(RidgeClassifier(alpha=10.0).fit(X, y), place / "model.skops")
    X.assign(digit=y).to_parquet(place / "train.parquet")
    X_public.assign(digit=y_public).to_parquet(place / "public.parquet")
    return place


def run(folder, *more):
    files = [folder / "model.skops", "--train", folder / "train.parquet", "--public", folder / "public.parquet"]
    arguments = ["simulate", *files, "--target", "digit", "--deletions", 12, "--out", folder / "out", *more]
    return main([str(argument) for argument in arguments])


def test_the_command_line_shows_pictures_and_says_that_it_guessed_the_range(folder, capsys):
    assert run(folder, "--image", "8x8") == 0
    said = capsys.readouterr().out
    assert "digit ~ images of 8 x 8" in said
    assert "an average image (Avg)" in said
    page = (folder / "out" / "report.html").read_text()
    assert page.count("<img ") == 1 + 12 * 4
    assert "0 is drawn darkest and 16 brightest (guessed from the public data; --range sets it)" in page
    assert run(folder, "--image", "8x8", "--range", "0", "255", "--redact") == 0
    page = (folder / "out" / "report.html").read_text()
    assert "0 is drawn darkest and 255 brightest." in page
    assert "<img " not in page


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--image", "8"], "'8' is no image's shape: give HxW, HxWx3 or 3xHxW"),
        (["--image", "8x0"], "'8x0' is no image's shape"),
        (["--image", "4x4x4"], "'4x4x4' has no side of 3 colours"),
        (["--range", "0", "1"], "it needs --image HxW"),
        (["--image", "8x8", "--range", "1", "0"], "from 1 to 0 are no range"),
        (["--image", "7x7"], "an image of 7x7 has 49 pixels but the model reads 64 columns"),
    ],
)
def test_each_mistake_is_one_line(folder, capsys, more, message):
    try:
        status = run(folder, *more)
    except SystemExit as stopped:
        status = stopped.code
    said = capsys.readouterr().err
    assert status == 2
    assert said.count("\n") == 1
    assert message in said


def test_real_images_go_there_and_back():
    try:
        data = load_images("mnist")
    except InputError as missing:
        pytest.skip(str(missing))
    from undelete.data import scaled

    np.testing.assert_array_equal(data.info.pixels(scaled(data.x_test[:50])), data.x_test[:50])
