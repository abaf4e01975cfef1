"""One way to add a thing of any kind: layers, losses, update rules, metrics and so on are known by name everywhere.

Each kind has a base class, and to define a class of it is to register it: ``class Huber(ll.Loss)`` is the loss "huber"
in experiment files, on the command line, in searches and in Python. A class that says ``name = "…"`` is called so; any
other has its own name in snake case. What is a value of a class that is there already (another depth of a residual
network) is registered by `register`.

Modules that define such things are loaded by `load_module` and by nothing else: an experiment names them in
``[extensions] modules``, and an installed package announces its own by an entry point of the group
``leadline.extensions``.
"""

from leadline.extensions.kinds import Extension, kinds, modules_of, register, registry, restored, snake_case
from leadline.extensions.loading import GROUP, load_installed, load_module
from leadline.extensions.registries import OWN, Origin, Registry

__all__ = [
    "GROUP",
    "OWN",
    "Extension",
    "Origin",
    "Registry",
    "kinds",
    "load_installed",
    "load_module",
    "modules_of",
    "register",
    "registry",
    "restored",
    "snake_case",
]
