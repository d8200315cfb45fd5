"""The calls that belong together, as workflows of Arazzo 1.1.

Submit a task, poll it, get its files; upload a file, then use it: what `x-task` and `x-upload` say,
in the words of a standard that tools and agents carry out.
"""

from .document import FILE, arazzo, validate

__all__ = ["FILE", "arazzo", "validate"]
