"""What is done with a result: its files saved, the rest printed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api302._json import is_array, is_tuple
from api302_client.media import suffix_of

from . import handles
from .options import Chosen
from .output import emit, found, line, note, write
from .output import plain as as_json
from .progress import progress

if TYPE_CHECKING:
    from api302 import Task

_LONGEST_WAIT = 1800.0
"""Seconds to wait for a task."""


def show(result: Any, chosen: Chosen, host: str | None = None, main: str = "") -> None:
    """Print a result, or save it: a response, a stream, a task, pages or a file.

    `host` is where it comes from, if not from the default; `main` what of a response is printed,
    as a JMESPath.
    """
    from api302 import Task

    made: Any = result
    if isinstance(result, Task):
        kept = handles.keep(made.to_dict(), host)
        follow(made, kept, chosen) if chosen.wait else detached(kept, chosen)
        return
    try:
        _show(made, chosen, main)
        sys.stdout.flush()  # what is written is there only then
    except BrokenPipeError:  # whoever reads it wants no more
        raise
    except Exception as error:  # it is paid for, and must not be lost
        rescue(made, error)
        raise


def rescue(result: Any, error: BaseException) -> None:
    """Keep a result that could not be shown or saved, and say where in the notes of the error."""
    from api302 import ByteStream, Pages, Stream

    if isinstance(result, (ByteStream, Pages, Stream)):
        return  # see _stream and _pages; bytes that were handed on are nowhere else
    if _is_file(result):
        content, suffix = result.content, suffix_of(getattr(result, "media_type", "") or "")
    else:
        text = json.dumps(as_json(result), ensure_ascii=False, indent=2)
        content = text.encode(errors="backslashreplace")
        suffix = ".json"
    path = handles.rescue(content, suffix)
    if path is not None:
        error.__notes__ = [*getattr(error, "__notes__", ()), f"The response is kept in {path}"]


def _show(result: Any, chosen: Chosen, main: str) -> None:
    from api302 import ByteStream, Pages, Stream

    made: Any = result
    if isinstance(result, Stream):
        _stream(result, chosen)
    elif isinstance(result, ByteStream):
        _bytes(result, chosen)
    elif isinstance(result, Pages):
        _pages(made, chosen)
    else:
        _response(result, chosen, main)


def _pages(pages: Iterable[Any], chosen: Chosen) -> None:
    """Print the items of all pages; where a page fails, those that were received."""
    items: list[Any] = []
    try:
        items.extend(pages)
    finally:
        try:
            emit(items, chosen.output, chosen.query)
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except Exception as error:
            rescue(items, error)
            raise


def _response(result: Any, chosen: Chosen, main: str) -> None:
    if _is_file(result):
        _file(result, chosen)
        return
    if chosen.save is not None and _saved(result, chosen):
        return
    if main and (shown := found(result, main)):
        emit(shown, "text")
    elif result is not None:
        emit(result, chosen.output, chosen.query)


def _saved(result: Any, chosen: Chosen) -> bool:
    """Save the files that a response names, and print their paths; returns whether it has any."""
    paths = [str(path) for path in saved(_outputs(result), chosen.save or "")]
    if not paths:
        note("The response has no file to save.")
    elif chosen.output or chosen.query:
        emit({"saved": paths, "response": result}, chosen.output, chosen.query)
    else:
        emit(paths, "text")
    return bool(paths)


def _is_file(result: Any) -> bool:
    return isinstance(getattr(result, "content", None), bytes) and hasattr(result, "save")


def _outputs(result: Any) -> list[Any]:
    """The files that a response names."""
    files: Any = getattr(result, "outputs", None)
    listed = files if is_array(files) or is_tuple(files) else ()
    return [one for one in listed if hasattr(one, "save")]


def _file(result: Any, chosen: Chosen) -> None:
    """A response that is a file: saved, or, where nobody looks, handed on."""
    if chosen.save is None and not sys.stdout.isatty():
        sys.stdout.buffer.write(result.content)
        sys.stdout.buffer.flush()
    else:
        write(f"{result.save(_target(chosen.save))}\n")


def check_target(save: str | None) -> None:
    """Refuse a place where nothing can be saved, before anything is paid."""
    if save is None:
        return
    path = Path(save)
    folder = path if path.is_dir() or save.endswith(("/", "\\")) else path.parent
    is_missing = not folder.exists() and not save.endswith(("/", "\\"))
    if not save or is_missing or (folder.exists() and not os.access(folder, os.W_OK)):
        raise click.UsageError(f"--save: {save!r}: the folder does not exist or is not writable")


def _target(save: str | None) -> str:
    """Where a file goes: a folder that does not exist yet is made."""
    if save is None:
        return "."
    if save.endswith(("/", "\\")):
        Path(save).mkdir(parents=True, exist_ok=True)
    return save


def saved(files: Iterable[Any], save: str) -> list[Path]:
    """Save files: into a folder, or under a name, the further ones with a number."""
    target = Path(_target(save))
    paths: list[Path] = []
    for number, file in enumerate(files, 1):
        is_first = number == 1 or target.is_dir()
        path = target if is_first else target.with_stem(f"{target.stem}-{number}")
        paths.append(Path(file.save(path)))
    return paths


# --- streams --------------------------------------------------------------------------------------


def _stream(stream: Any, chosen: Chosen) -> None:
    """Print a stream as it comes: its text, or each event as a line of JSON."""
    from api302 import Api302Error

    with stream:
        try:
            _events(stream, chosen)
            sys.stdout.flush()
        except (Api302Error, BrokenPipeError):
            raise  # what was received is printed; or nobody reads it
        except Exception as error:
            with suppress(Api302Error):  # the rest of it is paid for as well
                rescue(stream.final(), error)
            raise


def _events(stream: Any, chosen: Chosen) -> None:
    if chosen.output in (None, "text") and not chosen.query:
        if not _text(stream):
            emit(stream.final(), chosen.output)
        return
    for event in stream:
        line(event, chosen.query)


def _text(stream: Any) -> bool:
    """Print the text of a stream; returns whether there was any."""
    last = ""
    for piece in stream.text:
        write(piece)
        sys.stdout.flush()
        last = piece
    if last and not last.endswith("\n"):
        write("\n")
    return bool(last)


def _bytes(stream: Any, chosen: Chosen) -> None:
    with stream:
        if chosen.save is not None or sys.stdout.isatty():
            write(f"{stream.save(_target(chosen.save))}\n")
            return
        for piece in stream:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


# --- tasks ----------------------------------------------------------------------------------------


def detached(kept: handles.Kept, chosen: Chosen) -> None:
    """Print the handle of a task that goes on."""
    if chosen.output in (None, "text") and not chosen.query:
        write(f"{kept.handle}\n")
        note(f"The task goes on: api302 task wait {kept.handle}")
    else:
        emit({"handle": kept.handle, "id": kept.id, "task": kept.task}, chosen.output, chosen.query)


def follow(task: Task[Any], kept: handles.Kept, chosen: Chosen) -> None:
    """Wait for a task, and print or save what it made."""
    from api302 import TaskFailed

    limit = _LONGEST_WAIT if chosen.timeout is None else chosen.timeout
    try:
        with progress(kept.call) as shown:
            result = task.wait(limit, on_progress=shown)
    except TaskFailed:
        handles.write(kept._replace(state="failed"))
        raise
    except BaseException as error:  # an interrupt too
        error.__notes__ = [f"The task goes on: api302 task wait {kept.handle}"]
        raise
    urls = tuple(one.url for one in result.outputs if one.content is None and one.url)
    handles.write(kept._replace(state="succeeded", outputs=urls))
    try:
        finished(result, kept, chosen)
    except Exception as error:
        again = f"api302 task wait {kept.handle}"
        error.__notes__ = [f"The task is done, and can be had again: {again}"]
        raise


def finished(result: Any, kept: handles.Kept, chosen: Chosen) -> None:
    """Print or save what a task made."""
    outputs = [str(one) for one in result.outputs]
    paths = [str(path) for path in _saved_outputs(result, chosen.save)]
    if chosen.output is None and not chosen.query:
        said = paths or outputs
        emit(said or result.response, "text" if said else None)
        return
    about = {
        "handle": kept.handle,
        "id": kept.id,
        "request_id": result.request_id,
        "outputs": outputs,
        **({"saved": paths} if paths else {}),
        "response": result.response,
    }
    emit(about, chosen.output, chosen.query)


def _saved_outputs(result: Any, save: str | None) -> list[Path]:
    """Save the files of a task, if that is asked for. Raises ClickException if it has none."""
    if save is None:
        return []
    if not result.outputs:
        raise click.ClickException("the task made no file; --query and --output print the rest")
    return saved(result.outputs, save)
