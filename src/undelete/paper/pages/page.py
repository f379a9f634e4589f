"""A page of docs/results from the JSON that the experiments wrote, so that no number in it is typed by hand.

    undelete reproduce fig5 fig6 fig10 table1 --data DIR --out results
    python -m undelete.paper.pages results/{fig5,fig6,fig10,table1}.json > docs/results/tabular.md
    undelete reproduce table2 fig3 fig2 fig4 fig12 fig13 fig14 fig11 --data DIR --out results
    python -m undelete.paper.pages results/{table2,fig3,fig2,fig4,fig12,fig13,fig14,fig11}.json > docs/results/images.md
    undelete reproduce fig1 fig7 --data DIR --out results
    python -m undelete.paper.pages results/{fig1,fig7}.json > docs/results/membership.md
    undelete reproduce fig8 fig9 --data DIR --out results
    python -m undelete.paper.pages results/{fig1,fig7,fig8,fig9}.json > docs/results/updates_leak.md
    undelete reproduce mlp cnn lora conditions --data DIR --out results
    python -m undelete.paper.pages results/{mlp,cnn,lora,conditions}.json > docs/results/networks.md
    undelete reproduce heads --out results
    python -m undelete.paper.pages results/heads.json > docs/results/heads.md
    undelete reproduce answers answers_images --data DIR --out results
    python -m undelete.paper.pages results/{answers,answers_images}.json > docs/results/answers.md
    undelete reproduce groups refitted_groups lists population --data DIR --out results
    python -m undelete.paper.pages results/{groups,refitted_groups,lists}.json > docs/results/groups.md
    python -m undelete.paper.pages results/population.json > docs/results/population.md
    undelete reproduce stopped --data DIR --out results
    python -m undelete.paper.pages results/stopped.json > docs/results/stopped.md
    undelete reproduce sensitivity --data DIR --out results
    python -m undelete.paper.pages results/sensitivity.json > docs/results/sensitivity.md
    undelete reproduce defences defences_more --data DIR --out results
    undelete reproduce defences_images defences_mlp noisy_images --data DIR --out results
    python -m undelete.paper.pages results/{defences{,_more,_images,_mlp},noisy_images}.json \
        > docs/results/defences.md
    undelete reproduce better --data DIR --out results
    python -m undelete.paper.pages results/better.json > docs/results/better.md

    python -m undelete.paper.pages.index results/*.json

The last keeps docs/results/numbers.json and index.md, which hold what matters of all pages: it is run after the others.
Of several results of one experiment, the one with the smallest seed is shown in full and the others, as a check on
the luck of one split, with their medians.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from undelete.errors import InputError
from undelete.lab.files import SCHEMA
from undelete.paper.pages import answers as answers_page
from undelete.paper.pages import better as better_page
from undelete.paper.pages import defences as defences_page
from undelete.paper.pages import groups as groups_page
from undelete.paper.pages import heads as heads_page
from undelete.paper.pages import leak as leak_page
from undelete.paper.pages import membership as membership_page
from undelete.paper.pages import networks as networks_page
from undelete.paper.pages import sensitivity as sensitivity_page
from undelete.paper.pages import stopped as stopped_page
from undelete.paper.pages.figures import figures

_Results = Sequence[dict[str, Any]]


def _one(make: Callable[[dict[str, Any]], str]) -> Callable[[_Results], str]:
    return lambda results: make(results[0])


# pages of their own: which results they are made of, how, whether of one result alone, and what is said otherwise
_OWN: tuple[tuple[Callable[[dict[str, Any]], bool], Callable[[_Results], str], bool, str], ...] = (
    (lambda result: "cases" in result, _one(better_page.page), True,
     "the decoders' comparison makes a page of its own: give better.json alone"),
    (answers_page.belongs, answers_page.page, False,
     "answers have a page of their own, answers.md: give their results apart from others"),
    (groups_page.belongs, groups_page.page, False,
     "groups (with lists) and population have a page of their own each: give one of them alone"),
    (defences_page.belongs, defences_page.page, False,
     "defences have a page of their own, defences.md: give their results apart from others"),
    (heads_page.belongs, _one(heads_page.page), True,
     "heads have a page of their own, heads.md: give heads.json alone"),
    (stopped_page.belongs, _one(stopped_page.page), True,
     "models that were stopped have a page of their own: give stopped.json alone"),
    (sensitivity_page.belongs, _one(sensitivity_page.page), True,
     "where it stops working has a page of its own: give sensitivity.json alone"),
    (networks_page.belongs, networks_page.page, False,
     "networks have a page of their own, networks.md: give their results apart from others"),
)  # fmt: skip


def page(results: Sequence[dict[str, Any]]) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    results : sequence of dict
        What experiments returned or wrote; the decoders' comparison alone.

    Raises
    ------
    InputError
        When they belong on different pages.
    """
    for belongs, make, alone, refusal in _OWN:
        if any(map(belongs, results)):
            if (alone and len(results) > 1) or not all(map(belongs, results)):
                raise InputError(refusal)
            return make(results)
    members = {membership_page.belongs(result) for result in results}
    if any(leak_page.belongs(result) for result in results):
        if any(not (leak_page.belongs(result) or membership_page.belongs(result)) for result in results):
            raise InputError(
                "fig8 and fig9 have a page of their own, updates_leak.md, which compares them with fig1 and fig7 "
                "only: give other results apart"
            )
        return leak_page.page(results)
    if len(members) > 1:
        raise InputError("fig1 and fig7 have a page of their own, membership.md: give their results apart from others")
    if True in members:
        return membership_page.page(results)
    return figures(results)


def read(path: Path) -> dict[str, Any]:
    """Read one result.

    Raises
    ------
    InputError
        When the file is not one.
    """
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        schema = result["schema"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a result of `undelete reproduce` ({error})") from error
    if schema != SCHEMA:
        raise InputError(f"{path} has schema {schema!r}, this version reads {SCHEMA!r}")
    return result


def main(paths: Sequence[str]) -> int:
    """Print the page of some JSON files; status 2 and one line when a file is not a result."""
    if not paths:
        print("usage: python -m undelete.paper.pages RESULT.json ... > docs/results/PAGE.md", file=sys.stderr)
        return 2
    try:
        print(page([read(Path(path)) for path in paths]), end="")
    except InputError as error:
        print(f"undelete: {error}", file=sys.stderr)
        return 2
    return 0
