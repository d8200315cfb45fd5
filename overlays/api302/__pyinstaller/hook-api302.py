"""PyInstaller's hook: a frozen program has every module, though most are imported on first use,
the catalogue of models and the directory of calls.
"""

from __future__ import annotations

from PyInstaller.utils.hooks import (  # type: ignore[import-not-found] # pyright: ignore
    collect_data_files,
    collect_submodules,
)

hiddenimports = [
    name
    for package in ("api302", "api302_client", "api302_resources")
    for name in collect_submodules(package)
]
datas = [
    *collect_data_files("api302_client", includes=["catalog.json"]),
    *collect_data_files("api302_resources", includes=["_directory/*.json"]),
]
