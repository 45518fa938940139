"""Devices: Lightning Fabric for a run, and a plain device for a command."""

import inspect

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch.nn.parallel import DistributedDataParallel

from reco_core.config import TrainConfig
from reco_core.errors import InputError, one_line


def make_fabric(options: TrainConfig) -> Fabric:
    """Lightning Fabric for the configured devices; several processes train with distributed data parallelism.

    Raises:
        InputError: a device that this machine does not have.
    """
    strategy = "auto"
    if options.devices * options.num_nodes > 1:
        # Two forward passes come before one backward: batch statistics must not be overwritten from outside between
        # them. They are averaged before every evaluation instead.
        known = inspect.signature(DistributedDataParallel.__init__).parameters
        name = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"  # PyTorch renamed it
        strategy = DDPStrategy(**{name: False})
    try:
        return Fabric(
            accelerator=options.accelerator, devices=options.devices, num_nodes=options.num_nodes, strategy=strategy,
            precision=options.precision,
        )  # fmt: skip
    except (ValueError, RuntimeError) as error:  # no such device, or none that works
        raise InputError(
            f"accelerator {options.accelerator!r} with {options.devices} device(s): {one_line(error, 200)};"
            " choose another --accelerator"
        ) from error


def usable_device(name: str) -> torch.device:
    """A device by name, such as "cpu", "cuda" or "mps", tried with one number.

    Raises:
        InputError: a name that PyTorch does not know, or a device that this machine does not have.
    """
    try:
        return torch.zeros(1, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {name!r} cannot be used: {one_line(error)}; choose another --device") from error
