"""What do attacks on networks cost? Processor seconds, beside what they should cost at most.

python benchmarks/networks.py --out results

A Hessian-vector product is measured beside a pass forward and back of the same records; an audit is a whole one, from
two modules and a public table to the verdict, with the first use of torch in it. UNDELETE_DATA holds the ACS 2018 data.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

import undelete
from timing import Line
from undelete.lab import heads, networks
from undelete.lab.files import header, prepare, save
from undelete.maintainer.networks import retrain_without
from undelete.maths.network import Network, torch
from undelete.paper.heads import CASES as HEADS
from undelete.paper.networks import CASES as NETWORKS

SIZES = ((10, 8, 1, 10_000), (784, 64, 10, 5_000), (784, 256, 10, 2_000))  # inputs, units, outputs, records
TWICE, SECONDS = 2.0, {"acs8": 60.0, "fashion256": 30.0}  # what was wanted: of a pass, and of an audit
_REPEATS = 40


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, and write network_speed.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder of the JSON (default: results/)")
    folder = prepare(parser.parse_args(arguments).out)
    lines = [_people(), _head(), *(_product(*size) for size in SIZES)]
    for line in lines:
        print("  ".join(line.cells()))
    shows = "processor seconds of attacks on networks, on one core"
    result = header("network_speed", "What they cost", shows, 0) | {
        "command": "python benchmarks/networks.py", "split": "private and public records drawn apart by the seed",
        "notes": [], "speed": [line.for_json() for line in lines],
    }  # fmt: skip
    save(result, folder)


def _product(inputs: int, units: int, outputs: int, m: int) -> Line:
    """Return how dear a Hessian-vector product is beside a pass forward and back."""
    nn, rng = torch().nn, np.random.default_rng(0)
    layers = nn.Sequential(nn.Linear(inputs, units), nn.Tanh(), nn.Linear(units, outputs))
    module = layers.double().requires_grad_(False)
    whole = outputs > 1
    loss = nn.functional.cross_entropy if whole else nn.functional.binary_cross_entropy_with_logits
    network = Network(module, loss, [name for name, _ in module.named_parameters()], (inputs,), whole)
    X, Y = rng.normal(size=(m, inputs)), rng.integers(0, max(2, outputs), (m, 1)).astype(float)
    theta, v = rng.normal(size=network.parameters) / 10, rng.normal(size=network.parameters)
    passing, product = partial(network.gradient, theta, X, Y), partial(network.hessian_vector, theta, X, Y, v)
    # one after the other: a machine that others use is slow by turns
    pairs = np.array([(_seconds(product), _seconds(passing)) for _ in range(_REPEATS)])
    ratio = float(pairs[:, 0].min() / pairs[:, 1].min())
    text = f"a Hessian-vector product beside a pass, {inputs}-{units}-{outputs}, {m:,} records"
    return Line("product", text, ratio, "x", at_most=TWICE)


def _people() -> Line:
    """Return the cost of an audit of a network on ten columns of people."""
    case = NETWORKS[0]
    assert isinstance(case, networks.Case)
    trained = networks.prepared(case, None, 0)
    old = networks.optimum(trained)
    new = retrain_without(trained.fit, old, np.array([0]))[0].theta
    _, public, target, _ = networks.dealt(case, None, 0)
    network = trained.release.network
    before, after = (_filled(network, theta) for theta in (old, new))
    given = {"features": StandardScaler().fit(public.drop(columns=target)), "loss": "bce", "target": target}
    spent = _seconds(lambda: undelete.audit(before, after, public, **given, n=case.n, l2=case.n * case.decay))
    return Line(case.key, f"an audit: {case.title}, n = m = {case.n:,}", spent, "s", at_most=SECONDS[case.key])


def _filled(network: Network, theta: Any) -> Any:
    module = copy.deepcopy(network.module)
    named = {name: torch().tensor(value) for name, value in network.named(theta).items()}
    module.load_state_dict({**module.state_dict(), **named})
    return module


def _head() -> Line:
    """Return the cost of an audit of a head on a frozen net of images."""
    case = next(case for case in HEADS if case.key == "fashion256")
    game = heads.played(case, None, 1, 0, lambda _: None)
    release, phi = game.release, cast(Any, game.release.embedding)
    assert release.inputs_public is not None
    assert release.Y_public is not None
    nn, nets = torch().nn, []
    for W in (release.W_before, release.W_after[0]):
        head = nn.Linear(*W[:-1].shape).double()
        head.load_state_dict({"weight": torch().tensor(W[:-1].T), "bias": torch().tensor(W[-1])})
        nets.append(nn.Sequential(*copy.deepcopy(phi.module), head))
    columns = [f"p{j}" for j in range(release.inputs_public.shape[1])]
    public = pd.DataFrame(release.inputs_public, columns=columns).assign(label=release.Y_public.argmax(axis=1))
    before, after = nets
    penalty = {f"{len(before) - 1}.weight": float(game.account["penalty"])}
    spent = _seconds(
        lambda: undelete.audit(before, after, public, loss="cross_entropy", target="label", n=case.n, l2=penalty)
    )
    return Line(case.key, f"an audit: a head, {case.title}, n = m = {case.n:,}", spent, "s", at_most=SECONDS[case.key])


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
