"""A request that passed the checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from starlette.datastructures import UploadFile

from api302_client.behaviour import Field, Switch
from api302_mock.document import Operation


@dataclass(slots=True)
class Call:
    """A request that passed the checks, its values typed as the schemas say."""

    operation: Operation
    path: dict[str, Any] = field(default_factory=dict[str, Any])
    query: dict[str, Any] = field(default_factory=dict[str, Any])
    headers: dict[str, Any] = field(default_factory=dict[str, Any])
    body: Any = None
    uploads: dict[str, list[UploadFile]] = field(default_factory=dict[str, list[UploadFile]])
    """The file parts of a form, by the field's name."""
    content: bytes = b""
    """The body as JSON text, or as it came where it is binary."""

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the body; none where it is not an object."""
        return cast("dict[str, Any]", self.body) if isinstance(self.body, dict) else {}

    def value(self, name: str) -> Any:
        """A parameter's value, or a top-level body field's."""
        places = (self.path, self.query, self.fields, self.headers)
        return next((place[name] for place in places if name in place), None)

    def at(self, field: Field | Switch) -> Any:
        """The value of the field that an extension names, or None."""
        places = {"query": self.query, "header": self.headers, "body": self.fields}
        return places[field.place].get(field.name)

    def has(self, switch: Switch | None) -> bool:
        """Whether the request has an extension's switch on; True where it has no switch."""
        return switch is None or switch.is_on(self.at(switch))

    def close(self) -> None:
        """Close the uploaded files that nobody keeps."""
        for uploads in self.uploads.values():
            for upload in uploads:
                upload.file.close()
