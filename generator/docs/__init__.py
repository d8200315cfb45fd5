"""Follow the provider's documentation: what is new or gone, what a page says that the specification does not, and drafts of new operations.

`sources` reads files, folders and addresses; `page` and `copied` turn a page into a `Page`, without its known faults; `ledger` compares the
list of pages, `compare` a page and `recorded` an exchange with the specification; `draft` writes a fragment, `hints` how it behaves;
`report` prints. Nothing here changes a file of the specification.
"""


class DocsError(Exception):
    """What was given cannot be used; says what and why. Nothing has been written."""


class PageError(DocsError):
    """One page cannot be used; others may."""

    def __init__(self, source: str, reason: str, line: int = 0) -> None:
        super().__init__(f"{source}{f':{line}' if line else ''}: {reason}")
        self.source = source
