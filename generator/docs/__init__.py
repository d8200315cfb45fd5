"""Follow the provider's documentation: what is new or gone, what a page says that the specification does not, and drafts of new operations.

`sources` reads files, folders and addresses; `page` and `copied` turn a page into a `Page`, without its known faults; `ledger` compares the
list of pages, `compare` a page and `recorded` an exchange with the specification; `draft` writes a fragment; `report` prints. Nothing here
changes a file of the specification.
"""


class DocsError(Exception):
    """What was given cannot be used; says what and why. Nothing has been written."""
