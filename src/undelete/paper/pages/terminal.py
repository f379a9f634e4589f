"""An experiment's result in a terminal: plain text, at most 80 columns."""

from __future__ import annotations

import textwrap
from typing import Any

from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.paper.pages import defences, groups, sensitivity, stopped
from undelete.paper.pages.decoders import decoders
from undelete.report import formatting

WIDTH = 80


def lines(result: dict[str, Any]) -> list[str]:
    """Return a result as text: what was done, one line a panel or model, and what to keep in mind.

    Parameters
    ----------
    result : dict
        Of an experiment in `undelete.paper.experiments`.
    """
    text = textwrap.wrap(f"{result['name']}  {result['title']} ({result['shows']})", WIDTH, subsequent_indent="  ")
    shows = {
        "asked": _answers,
        "asked_images": _answers_on_images,
        "together": _groups,
        "lists": _lists,
        "populations": _populations,
        "networks": _networks,
        "heads": _heads,
        "stopped": stopped.in_columns,
        "sensitivity": sensitivity.in_columns,
        "defences": _defences,
        "blurred": _blurred,
        "conditions": _conditions,
        "parts": _parts,
        "cases": decoders,
        "cells": _table,
        "grids": _pictures,
        "plan": _leaks,
        "shadows": _membership,
    }
    text += next((show for key, show in shows.items() if key in result), _medians)(result)
    for note in result["notes"]:
        text += textwrap.wrap(note, WIDTH, initial_indent="  ", subsequent_indent="  ")
    return [*text, *textwrap.wrap(result["command"], WIDTH, initial_indent="  ", subsequent_indent="    "), ""]


def _groups(result: dict[str, Any]) -> list[str]:
    """Return what groups hide."""
    return ["", *groups.in_columns(*groups.groups(result))]


def _lists(result: dict[str, Any]) -> list[str]:
    return ["", *groups.in_columns(*groups.lists(result))]


def _populations(result: dict[str, Any]) -> list[str]:
    return ["", *groups.in_columns(*groups.populations(result))]


def _medians(result: dict[str, Any]) -> list[str]:
    """Return the median cosine of each panel's attacks, and how far HRec's go."""
    text = ["", "  Median cosine over the deletions that changed the model:"]
    for row in result["rows"]:
        text.append(f"  {row['model']:<31}{'HRec':>8}{'> .99':>9}{'MaxDiff':>8}{'Avg':>6}{'changed':>16}")
        for panel in row["panels"]:
            attacks = panel["attacks"]
            what = f"{panel['sample']}, n = {panel['n']:,}, target {panel['unit']}"[:31]
            changed = f"{panel['changed']:,}/{panel['deletions']:,}"
            text.append(
                f"  {what:<31}{_similarity(attacks['hrec']):>8}{_share(attacks['hrec']):>9}"
                f"{_similarity(attacks['maxdiff']):>8}{_similarity(attacks['avg']):>6}{changed:>16}"
            )
    return [*text, ""]


def _answers(result: dict[str, Any]) -> list[str]:
    """Return what comes back by the number of answers and their digits: median centred cosine, and whole records."""
    text = []
    for one in result["asked"]:
        digits = list(dict.fromkeys(cell["digits"] for cell in one["cells"]))
        text += ["", f"  {one['sample']}, {one['model']}, n = {one['n']:,}: {one['deletions']} deletions"]
        text.append(f"  {'answers':<9}" + "".join(f"{'in full' if d is None else f'{d} digits':>13}" for d in digits))
        for queries in dict.fromkeys(cell["queries"] for cell in one["cells"]):
            row = [cell for cell in one["cells"] if cell["queries"] == queries]
            told = [f"{cell['centred']:.4f} {100 * cell['whole']:.0f} %" for cell in row]
            text.append(f"  {queries:<9,}" + "".join(f"{cell:>13}" for cell in told))
        models = one["beside"][HREC_PLUS.name]
        text.append(f"  the models themselves: {models['centred']:.4f} {100 * models['whole']:.0f} %")
    return [*text, ""]


def _answers_on_images(result: dict[str, Any]) -> list[str]:
    """Return how near each attack comes to the pictures: median centred cosine."""
    images = result["asked_images"]
    text = ["", f"  {images['sample']}, {images['model']}, n = {images['n']:,}: {images['deletions']} deletions"]
    for row in images["rows"]:
        asked = "" if row["queries"] is None else f"{row['queries']:,}"
        rounded = "" if row["digits"] is None else f"{row['digits']} digits"
        text.append(f"  {row['attack']:<26}{row['sees']:<12}{asked:>8}{rounded:>10}{row['centred']:>9.3f}")
    return [*text, ""]


def _networks(result: dict[str, Any]) -> list[str]:
    """Return what came back of each case, attack by attack."""
    text = []
    for row in result["networks"]:
        text += ["", f"  {row['title']}, n = {row['n']:,}: {row['deletions']} deletions"]
        text.append(f"  {'':<14}{'centred':>9}{'columns':>9}{'label':>8}{'of':>5}")
        for name, one in row["attacks"].items():
            shares = "".join(
                f"{formatting.MISSING if one[key] is None else format(one[key], '.3f'):>{width}}"
                for key, width in (("median_centred_cosine", 9), ("exact_columns", 9), ("label", 8))
            )
            text.append(f"  {name:<14}{shares}{one['deletions']:>5}")
    return [*text, ""]


def _heads(result: dict[str, Any]) -> list[str]:
    """Return what came back of each case, attack by attack."""
    text = []
    for row in result["heads"]:
        text += ["", f"  {row['title']}, n = {row['n']:,}: {row['deletions']} deletions"]
        text.append(f"  {'':<14}{'features':>9}{'image':>9}   labels right {row['label']:.3f}")
        for name, one in row["attacks"].items():
            cells = [one.get(key) for key in ("median_features", "median_image")]
            shown = [formatting.MISSING if cell is None else format(cell, ".3f") for cell in cells]
            text.append(f"  {name:<14}{shown[0]:>9}{shown[1]:>9}")
    return [*text, ""]


def _defences(result: dict[str, Any]) -> list[str]:
    """Return what no defence leaves, and what was recommended on the splits of each state."""
    text = ["", f"  {'':<46}{'strength':>9}{'exposure':>10}{'loss':>9}"]
    for case in result["defences"]:
        for state in case["states"]:
            text.append(f"  {case['key']}, {state['state']}, n = {state['n']:,}")
            for row in defences.best(state):
                strength = "" if row["strength"] is None else f"{row['strength']:g}"
                numbers = f"{row['exposure']:>10.3f}{row['utility_loss']:>9.4f}"
                text.append(f"    {row['label'][:43]:<44}{strength:>9}{numbers}")
    return [*text, ""]


def _blurred(result: dict[str, Any]) -> list[str]:
    """Return the centred cosines under each strength of noise."""
    text = ["", f"  {result['sample']}, {result['model']}: centred cosine, label by label"]
    for row in result["blurred"]:
        name = "no noise" if row["strength"] is None else f"{row['strength']:,}"
        text.append(f"  {name:<10}" + "".join(f"{cosine:>6.2f}" for cosine in row["centred_cosine"]))
    return [*text, ""]


def _conditions(result: dict[str, Any]) -> list[str]:
    """Return what each condition leaves of a deletion."""
    text = ["", f"  {'':<52}{'centred':>8}{'columns':>8}{'exposed':>9}"]
    for row in result["conditions"]:
        exposed = f"{row['exposed'] + row['partly']}/{row['deletions']}"
        numbers = f"{row['median_centred_cosine']:>8.3f}{row['exact_columns']:>8.2f}{exposed:>9}"
        text.append(f"  {row['title'][:51]:<52}{numbers}")
    text.append(f"  False EXPOSED in {result['pairs']} pairs meant not to work: {result['false_exposed']}")
    return [*text, ""]


def _parts(result: dict[str, Any]) -> list[str]:
    """Return what each trained part of a network leaves of a deletion."""
    text = ["", f"  {'':<28}{'parameters':>11}{'centred':>9}{'columns':>9}{'said':>7}{'label':>7}"]
    for row in result["parts"]:
        shares = f"{row['exact_columns']:>9.3f}{row['said']:>7.3f}{row['label']:>7.3f}"
        text.append(f"  {row['title']:<28}{row['parameters']:>11}{row['median_centred_cosine']:>9.3f}{shares}")
    return [*text, ""]


def _leaks(result: dict[str, Any]) -> list[str]:
    """Return how near each attack on images comes, and what it costs."""
    panel = result["rows"][0]["panels"][0]
    text = ["", f"  {panel['sample']}, {panel['model']}, n = {panel['n']:,}: {panel['changed']:,} deletions"]
    text.append(
        f"  {'median cosine':<27}{'plain':>7}{'centred':>9}{'> .9':>7}{'seconds':>10}{'models':>7}{'queries':>11}"
    )
    for name, attack in panel["attacks"].items():
        cost, plain = panel["cost"][name], _similarity(attack)
        centred = formatting.similarity(attack["median_centred"]).replace("\u00a0", "")
        above = formatting.percent(attack["share_above_.9"]).replace("\u00a0", " ")
        short = name.replace("updates_", "")
        text.append(
            f"  {short:<27}{plain:>7}{centred:>9}{above:>7}{cost['seconds']:>10,.1f}{cost['models']:>7}"
            f"{cost['queries']:>11,}"
        )
    return [*text, ""]


def _membership(result: dict[str, Any]) -> list[str]:
    """Return each panel's areas under LiRA's curves, and how the deleted were found from two models."""
    text = ["", "  LiRA: was each of the private and held-out records in the training data?"]
    text += ["  Two models: which of them was deleted (named first of all)?", ""]
    for row in result["rows"]:
        text.append(f"  {row['model']:<38}")
        text.append(f"  {'':<22}{'LiRA, AUC':>10}{'95 %':>16}{'at .001':>9}{'two models, AUC':>19}")
        for panel in row["panels"]:
            lira, who = panel["lira"]["global"], panel["who"]["attacks"]["two_models"]
            interval = f"{lira['auc_low']:.4f}-{lira['auc_high']:.4f}"
            area = formatting.similarity(who["auc"]).replace("\u00a0", "")
            first = "" if who["auc"] is None else f" ({100 * who['first']:.0f} % first)"
            what = f"{panel['sample']}, n = {panel['n']:,}"
            text.append(f"  {what:<22}{lira['auc']:>10.4f}{interval:>16}{lira['tpr_at_.001']:>9.4f}{area + first:>21}")
    return [*text, "  at .001: true-positive rate; first: of the deletions that changed the model", ""]


def _pictures(result: dict[str, Any]) -> list[str]:
    """Return the similarities under the pictures."""
    text = [""]
    for grid in result["grids"]:
        text.append(f"  {grid['sample']}, {grid['model']}, n = {grid['n']:,}")
        for label, *cosines in zip(grid["labels"], *grid["cosines"].values(), strict=True):
            each = ", ".join(
                f"{name} {formatting.similarity(cosine)}" for name, cosine in zip(grid["cosines"], cosines, strict=True)
            )
            text.append(f"    {label:<14}{each}".replace("\u00a0", ""))
    return [*text, ""]


def _table(result: dict[str, Any]) -> list[str]:
    """Return the scores beside the paper's."""
    text = ["", f"  {'held-out score':<38}{'here':>7}{'95 % interval':>17}{'paper':>7}{'diff.':>9}"]
    for cell in result["cells"]:
        what = f"{cell['sample']}, {cell['model']}, {cell['score']}"[:38]
        interval = f"{cell['low']:.4f} to {cell['high']:.4f}"
        text.append(f"  {what:<38}{cell['value']:>7.4f}{interval:>17}{cell['paper']:>7.4f}{cell['difference']:>+9.4f}")
    return [*text, ""]


def _similarity(attack: dict[str, Any]) -> str:
    return formatting.similarity(attack["median_cosine"]).replace("\u00a0", "")


def _share(attack: dict[str, Any]) -> str:
    return formatting.percent(attack["share_above_.99"]).replace("\u00a0", " ")
