"""An emulated accelerator without float64, as Apple's GPUs, and what runs on it. Prints JSON: case -> error or null.

Run as a program of its own: a device stays registered for as long as the process lives. A tensor of the device keeps
its numbers in a tensor of the CPU; every operation is done there, and refused if it takes or gives a float64 tensor.
"""

import functools
import json
import sys
from pathlib import Path
from unittest import mock

import torch
from lightning_fabric import Fabric
from lightning_fabric.accelerators import CPUAccelerator
from lightning_fabric.strategies import SingleDeviceStrategy
from torch._C import _acc
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

sys.path.insert(0, str(Path(__file__).parents[1]))
from shared import TinyScenes, tiny_options

from reco_core import sampling, seeding, trainers
from reco_core.analysis.relations import class_relations
from reco_core.evaluation import evaluate
from reco_core.losses import RegionalContrastLoss
from reco_core.sampling import FeatureBank
from reco_core.trainers import Trainer


class Module(_DummyBackendModule):
    """What `torch.autocast` asks of a device."""

    def get_amp_supported_dtype(self):
        return [torch.float16]


_setup_privateuseone_for_python_backend("narrow_device", backend_module=Module())
DEVICE = torch.device("narrow_device", 0)


class Accelerator(CPUAccelerator):
    """Fabric's, which asks for a CPU."""

    def setup_device(self, device):
        pass


class OnDevice(torch.Tensor):
    """A tensor of the device; of a class of its own, since no plain tensor that is there can become a parameter."""

    __torch_function__ = torch._C._disabled_torch_function_impl


NUMBERS = {}
"""Numbers of the device's tensors by their memory, which copies of autograd share."""


def put(numbers):
    if not isinstance(numbers, torch.Tensor):
        return numbers
    if numbers.dtype == torch.float64:
        raise TypeError("the device has no float64")
    tensor = _acc.create_empty_tensor(tuple(numbers.shape), numbers.dtype)
    tensor.__class__ = OnDevice
    NUMBERS[tensor.untyped_storage()._cdata] = numbers
    return tensor


def get(value):
    if isinstance(value, torch.Tensor) and value.device.type == DEVICE.type:
        return NUMBERS[value.untyped_storage()._cdata]
    return torch.device("cpu") if isinstance(value, torch.device) and value.type == DEVICE.type else value


def on_cpu(operation, *arguments, **options):
    if operation is torch.ops.aten._copy_from.default:
        source, target = arguments[:2]
        if torch.float64 in (source.dtype, target.dtype):
            raise TypeError("the device has no float64")
        get(target).copy_(get(source))
        return target
    if operation is torch.ops.aten.view.default:  # the CPU's may lie in another order
        operation = torch.ops.aten.reshape.default
    found = operation(*tree_map(get, arguments), **tree_map(get, options))
    if options.get("device") is not None and options["device"].type == "cpu":
        return found
    known = {id(get(value)): value for value in tree_leaves((arguments, options)) if get(value) is not value}
    return tree_map(lambda value: known[id(value)] if id(value) in known else put(value), found)


def register():
    """Everything that has no kernel of its own, and what would reach into the memory of a tensor."""
    rest, ours = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    rest.fallback(on_cpu, "PrivateUse1")
    for full in torch._C._dispatch_get_all_op_names():
        space, _, name = full.partition("::")
        if space == "aten" and torch._C._dispatch_has_kernel_for_dispatch_key(full, "CompositeExplicitAutograd"):
            packet, _, overload = name.partition(".")
            operation = getattr(getattr(torch.ops.aten, packet), overload or "default")
            ours.impl(name, functools.partial(on_cpu, operation), "PrivateUse1")
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    return rest, ours


def host_generator(seed, *stream, device="cpu"):
    """Random numbers of the device: the emulation draws them on the CPU."""
    return torch.Generator().manual_seed(seeding.stream_seed(seed, *stream))


def trainer(**changes):
    strategy = SingleDeviceStrategy(device=DEVICE, accelerator=Accelerator())
    with mock.patch.object(trainers, "stream_generator", host_generator):
        built = Trainer(tiny_options(channels_last=False, **changes), TinyScenes(), fabric=Fabric(strategy=strategy))
        losses = list(zip(range(2), built.steps(), strict=False))
    assert all(value.device == DEVICE and value.item() == value.item() for _, part in losses for value in part.values())
    return built


def loss(bank=None, **options):
    features = torch.randn(2, 8, 8, 8).to(DEVICE).requires_grad_()
    labels, confidence = torch.randint(0, 3, (2, 8, 8)).to(DEVICE), torch.rand(2, 8, 8).to(DEVICE)
    contrast = RegionalContrastLoss(num_queries=8, num_keys=8, num_classes=3, bank=bank, **options).to(DEVICE)
    contrast(features, labels, confidence).backward()
    assert features.grad.device == DEVICE and features.grad.cpu().norm() > 0


CASES = {
    "loss": loss,
    "loss with own keys": lambda: loss(key_sharing="query"),
    "loss with a bank": lambda: loss(FeatureBank(3, 8, 16, 4)),
    "refused: drawn in float64": mock.patch.object(sampling, "WIDE_DEVICES", (DEVICE.type,))(loss),
    "refused: moved": lambda: torch.zeros(2, dtype=torch.float64).to(DEVICE),
    "refused: a double": lambda: torch.zeros(2).to(DEVICE).double(),
    **{f"train {method}": functools.partial(trainer, method=method)
       for method in ("supervised", "reco+classmix", "reco+cutmix", "reco+s4gan", "reco+unimatch")},
    "train partial labels": lambda: trainer(partial_labels="5%", num_labelled=None, method="reco+supervised"),
    "evaluation": lambda: evaluate(trainer(method="supervised").network, TinyScenes(), device=DEVICE),
    "relations": lambda: class_relations(trainer(method="supervised").network, TinyScenes(), device=DEVICE),
}  # fmt: skip


def outcome(case):
    try:
        case()
    except Exception as error:
        if "-v" in sys.argv:
            raise
        return f"{type(error).__name__}: {error}"[:300]


if __name__ == "__main__":
    kept = register()
    chosen = sys.argv[2:] or CASES
    print(json.dumps({name: outcome(CASES[name]) for name in chosen}, indent=1))
