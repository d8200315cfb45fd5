"""Read the catalogue of models: `models/<kind>.yaml`, or `models/<kind>/<part>.yaml`, of a
specification.

A file maps the id of each model to what is known of it. `x-defaults` at its head says what its
models share; each is written
out here, so that whoever reads a model need not know where it stood.
"""

from __future__ import annotations

from typing import Any

from .source import MODELS_FOLDER, NOT_MODELS, ModelFile, Problem, Spec, obj

DEFAULTS = "x-defaults"
SHARED = ("vendor", "kinds", "calls", "suffixes", "limits", "price", "docs")
"""What may stand at the head of a file for all its models."""


Models = dict[str, dict[str, Any]]


def models(spec: Spec) -> tuple[Models, list[Problem]]:
    """Every model by its id, complete, in the order of the files; and ids that are there twice."""
    found: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    for file in spec.model_files():
        shared = obj(file.content.get(DEFAULTS))
        for id_, own in file.content.items():
            if id_ == DEFAULTS:
                continue
            if id_ in found:
                place = "{}:{}".format(*(spec.place(found[id_]) or (file.name, 1)))
                fix = "keep one; a model of several kinds lists them in `kinds`"
                message = f"the model `{id_}` is already in {place}"
                problems.append(spec.problem(file.content, id_, message, fix))
                continue
            found[id_] = _complete(spec, file, id_, obj(own), shared)
    return found, problems


def _complete(
    spec: Spec, file: ModelFile, id_: str, own: dict[str, Any], shared: dict[str, Any]
) -> dict[str, Any]:
    """A model with what its file says for it: the wire name, its kinds, and what all models of the
    file share.
    """
    model = {
        "id": id_,
        "kinds": [file.kind],
        **{k: shared[k] for k in SHARED if k in shared},
        **own,
    }
    if "name" not in model and _has_wire_name(model):
        model["name"] = id_
    spec.adopt(model, own)
    for key in shared.keys() - own.keys():
        spec.adopt(model, shared, key)
    return model


def _has_wire_name(model: dict[str, Any]) -> bool:
    """Whether some call takes the model's name; one that its path alone chooses has none."""
    calls = model.get("calls")
    return isinstance(calls, list) and any("field" in obj(call) for call in calls)


def not_models(spec: Spec) -> dict[str, Any]:
    """The rows of the provider's product list that are no models, each with the reason."""
    return obj(spec.files.get(f"{MODELS_FOLDER}/{NOT_MODELS}.yaml"))
