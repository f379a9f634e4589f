"""Networks as torch's own files hold them, and as they come from a GPU, a compiler or a wrapper."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from undelete import InputError
from undelete.adapters.files.networks import load_network
from undelete.adapters.torch import Pair, unwrapped
from undelete.adapters.torch_loss import Loss
from undelete.auditing.network_reading import opened

torch = pytest.importorskip("torch")
X = np.random.default_rng(0).normal(size=(5, 3))


def make(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Softplus(), torch.nn.Linear(4, 1)).double()


def answers(module):
    with torch.no_grad():
        return module(torch.tensor(X)).numpy()


class Holder(torch.nn.Module):
    """What a training loop wraps a network in."""

    def __init__(self):
        super().__init__()
        self.model = make(1)


KEPT = {
    "its parameters": lambda one: one.state_dict(),
    "a checkpoint": lambda one: {"epoch": 3, "model_state_dict": one.state_dict(), "optimizer": {"lr": 0.1}},
    "parameters of a compiled one": lambda one: {f"_orig_mod.{k}": v for k, v in one.state_dict().items()},
    "of one in parallel, compiled": lambda one: {f"module._orig_mod.{k}": v for k, v in one.state_dict().items()},
    "of one inside another": lambda one: {"state_dict": Holder().state_dict()},
}


@pytest.mark.parametrize("what", KEPT)
def test_parameters_that_torch_saved_are_read_on_trust(tmp_path, what):
    file, first = tmp_path / "net.pt", make(1)
    torch.save(KEPT[what](first), file)
    read = load_network(file, lambda: make(2), trust=True)
    np.testing.assert_array_equal(answers(read), answers(first))
    with pytest.raises(InputError, match="can run code when it is read: give --trust"):
        load_network(file, lambda: make(2))
    with pytest.raises(InputError, match="parameters only: give its architecture"):
        load_network(file, trust=True)


@pytest.mark.filterwarnings("ignore")  # torch warns of its own parts
def test_a_module_and_an_exported_program_need_no_architecture(tmp_path):
    first, x = make(1), torch.tensor(X)
    torch.save(first, tmp_path / "net.pth")
    program = torch.export.export(first, (x,), dynamic_shapes=({0: torch.export.Dim("records")},))
    torch.export.save(program, tmp_path / "net.pt2")
    for name in ("net.pth", "net.pt2"):
        np.testing.assert_array_equal(answers(opened(tmp_path / name, None, trust=True)), answers(first))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch warns of its own parts
def test_what_holds_no_network_ends_in_one_line(tmp_path):
    file = tmp_path / "net.pt"
    for held, message in (
        ({"epoch": 3}, "holds epoch, and no parameters by name"),
        (torch.zeros(3), "holds a Tensor, and no network"),
    ):
        torch.save(held, file)
        with pytest.raises(InputError, match=message):
            load_network(file, make, trust=True)
    file.write_text("no pickle")
    with pytest.raises(InputError, match="cannot be read by torch"):
        load_network(file, make, trust=True)
    torch.jit.save(torch.jit.trace(make(), torch.tensor(X)), file)
    with pytest.raises(InputError, match="TorchScript"):
        opened(file, None, trust=True)


def test_parameters_of_another_architecture_are_not_renamed_into_it(tmp_path):
    file = tmp_path / "net.pt"
    torch.save({"head." + name: value for name, value in make().state_dict().items()} | {"own": torch.zeros(1)}, file)
    with pytest.raises(InputError, match="does not belong to this architecture"):
        load_network(file, make, trust=True)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_wrapper_of_training_is_taken_off():
    first = make(1)
    for wrapped in (torch.nn.DataParallel(first), torch.compile(first), torch.compile(torch.nn.DataParallel(first))):
        assert unwrapped(wrapped) is first


def test_a_network_without_numbers_is_refused():
    with pytest.raises(InputError, match="is on the meta device, without numbers"):
        Pair.of(make().to("meta"), make(), "bce", (3,))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU at hand")
def test_networks_on_a_gpu_are_read_as_those_on_the_processor():
    first, second = make(1), make(2)
    here = Pair.of(first, second, "bce", (3,))
    there = Pair.of(make(1).cuda(), make(2).cuda(), "bce", (3,))
    np.testing.assert_array_equal(there.before, here.before)
    np.testing.assert_array_equal(there.network.outputs(there.after, X), here.network.outputs(here.after, X))
    weighed = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0]))
    own, other = (Pair.of(make(1), make(2), loss, (3,)).network for loss in (weighed, copy.deepcopy(weighed).cuda()))
    y = np.ones((5, 1))
    np.testing.assert_array_equal(other.gradient(there.before, X, y), own.gradient(there.before, X, y))


def test_a_loss_that_is_copied_to_the_processor_is_left_where_it_was():
    weighed = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0]), reduction="mean").to("meta")
    with pytest.raises(InputError, match="meta device"):
        Loss.of(weighed)
    weighed = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0]))
    own = Loss.of(weighed)
    assert weighed.reduction == "mean"
    z = torch.zeros(1, 2, dtype=torch.float64)
    assert float(own.of_record(z, torch.tensor([1]))) == pytest.approx(3 * np.log(2))
