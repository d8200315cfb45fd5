"""What pip is told of package indexes, for uv, which does not read it: a company's mirror, and the
certificates of its proxy.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping

# Where both look for a package, and what they trust.
_AS_UV_SAYS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "cert": "SSL_CERT_FILE",
}
_SETTING = re.compile(r"^[\w:.-]+\.([\w-]+)='(.*)'$", re.MULTILINE)


def for_uv() -> dict[str, str]:
    """The environment for uv: this process's, and what pip's own and its files say beside it."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    return {"UV_SYSTEM_CERTS": "true", **translated(listed.stdout), **os.environ}


def translated(listed: str) -> Mapping[str, str]:
    """What `pip config list` prints, in the variables of uv."""
    return {
        _AS_UV_SAYS[name]: " ".join(value.split())
        for name, value in _SETTING.findall(listed.replace("\\n", " "))
        if name in _AS_UV_SAYS and value
    }
