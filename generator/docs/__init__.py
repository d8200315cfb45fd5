"""Follow the provider's documentation: what is new or gone, what a page says that the specification
does not, drafts.

`cli` is the command line. `sources` and `fetch` get pages from files, folders and URLs; `pages/`
reads them, as foreign text; `described` is the specification as they are held against it. `ledger`
compares the list of pages, `diff/` pages and recorded exchanges, `draft/` writes a fragment for a
new call; `report` and `issue` show what was found. `digests` remembers what a page said,
`live` what was proved with the service itself, which is all that is ever written into a file of
YAML.
"""


class DocsError(Exception):
    """What was given cannot be used; says what and why. Nothing has been written."""


class PageError(DocsError):
    """One page cannot be used; others may."""

    def __init__(self, source: str, reason: str, line: int = 0) -> None:
        super().__init__(f"{source}{f':{line}' if line else ''}: {reason}")
        self.source = source
