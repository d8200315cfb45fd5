"""The house rules: what must be true of a specification before anything is generated from it.

A rule is a function that takes the `Context` and yields problems, each with file, line and what to
do. It looks only at its own subject: what is malformed in another way is another rule's to report.
To add one, write the function and list it in `RULES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from generator import join
from generator.realtime import assemble as assemble_events
from generator.source import Problem, Spec

from . import (
    behaviour,
    deprecation,
    evidence,
    examples,
    layout,
    models,
    names,
    outputs,
    printable,
    realtime,
    schemas,
    structure,
    words,
)
from .context import Context

__all__ = ["RULES", "Context", "Problem", "check_spec", "notes"]

RULES: list[Callable[[Context], Iterator[Problem]]] = [
    structure.form_of_files,
    structure.vendors,
    structure.vendor_files,
    structure.openapi,
    structure.unread_parts,
    structure.unknown_keywords,
    structure.unusual_keywords,
    structure.extensions,
    structure.references,
    structure.unused_components,
    names.operation_ids,
    names.shortcuts,
    names.shared_shortcuts,
    names.homes,
    names.aliases,
    names.path_parameters,
    names.schema_names,
    names.component_names,
    names.body_names,
    names.field_names,
    printable.media_types,
    printable.paths,
    printable.servers,
    printable.wire_names,
    printable.titles,
    schemas.inline_objects,
    schemas.boolean_schemas,
    schemas.open_objects,
    schemas.required_fields,
    schemas.enums,
    schemas.defaults,
    schemas.files,
    behaviour.basics,
    behaviour.json_first,
    behaviour.bodies,
    behaviour.parameter_kinds,
    behaviour.tasks,
    behaviour.task_states,
    behaviour.uploads,
    behaviour.streams,
    behaviour.stream_responses,
    behaviour.structured,
    behaviour.switches,
    behaviour.hidden_switches,
    behaviour.unknowns,
    behaviour.follows,
    deprecation.replacements,
    deprecation.leads,
    examples.present,
    examples.form,
    examples.fitting,
    examples.of_schemas,
    examples.streams,
    examples.extension_paths,
    outputs.outputs,
    evidence.evidence,
    evidence.ledger,
    evidence.secrets,
    models.model_form,
    models.model_ids,
    models.model_calls,
    models.model_limits,
    models.call_prices,
    models.model_evidence,
    models.models_alike,
    models.models_with_suffixes,
    models.models_named,
    models.model_fields,
    realtime.asyncapi_form,
    realtime.asyncapi_extensions,
    realtime.asyncapi_references,
    realtime.channels,
    realtime.messages,
    realtime.message_examples,
    realtime.message_rules,
    realtime.event_schemas,
    realtime.channel_evidence,
    words.summaries,
    words.words,
    words.other_vendors,
    layout.widths,
    layout.lengths,
    layout.order,
    layout.repeated,
]


def check_spec(spec: Spec) -> list[Problem]:
    """All that is wrong with a specification, by file and line; an empty list means that it can be
    built.
    """
    if any(
        content is None for content in spec.files.values()
    ):  # what a file that is no YAML holds would look missing to every rule
        return sorted(set(spec.problems))
    document, problems = join.assemble(spec)
    events, others = assemble_events(spec)
    context = Context(spec, document, events)
    found = {problem for rule in RULES for problem in rule(context)}
    return sorted(found | set(problems) | set(others))


def notes(spec: Spec) -> list[str]:
    """What is no fault but worth seeing: names that Python code has to write differently."""
    return names.renamed(Context(spec, join.assemble(spec)[0]))
