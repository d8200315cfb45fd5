"""`python -m api302.mcp`."""

from __future__ import annotations

from . import main

raise SystemExit(main())
