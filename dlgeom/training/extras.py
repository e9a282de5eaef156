"""Packages that only some need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dlgeom.errors import MissingDependencyError

__all__ = ["import_torch", "import_tv_tensors"]


def import_torch() -> Any:
    """Return the module torch.

    Raises
    ------
    MissingDependencyError
        If it is not installed.
    """
    try:
        return import_module("torch")
    except ImportError as error:
        raise MissingDependencyError(
            "tensors need PyTorch, which is not installed. Install dlgeom[torch], or use "
            "output='numpy'"
        ) from error


def import_tv_tensors() -> Any:
    """Return the module torchvision.tv_tensors, None where torchvision lacks it or is not there."""
    try:
        return import_module("torchvision.tv_tensors")
    except ImportError:
        return None
