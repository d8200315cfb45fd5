"""The proxies of the environment, where the HTTP library cannot read a part of NO_PROXY."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.request import getproxies


def mounts(
    transport: Callable[[str], Any], is_readable: Callable[[str], bool]
) -> Mapping[str, Any]:
    """Transports by URL pattern, for the `mounts` of a client.

    Args:
        transport: Makes the transport for a proxy's URL.
        is_readable: Whether the library reads a pattern. What it does not read is passed over, as
            curl does.
    """
    found = getproxies()
    excluded = found.pop("no", "")
    proxied = {
        f"{scheme}://": transport(url if "://" in url else f"http://{url}")
        for scheme in ("http", "https", "all")
        if (url := found.get(scheme))
    }
    if "*" in [entry.strip() for entry in excluded.split(",")]:
        return {}
    direct = (pattern for entry in excluded.split(",") for pattern in patterns(entry.strip()))
    return {**proxied, **dict.fromkeys(filter(is_readable, direct))}


def patterns(entry: str) -> Iterator[str]:
    """The URL patterns of one entry of NO_PROXY: a host and what is below it, an address, or a
    network.
    """
    if not entry:
        return
    if "://" in entry:
        yield entry
        return
    bare = entry.replace("[", "").replace("]", "")
    try:
        network = ip_network(bare, strict=False)
        host = f"[{network.network_address}]" if network.version == 6 else network.network_address
        is_one = network.num_addresses == 1
        yield f"all://{_bracketed(bare)}" if is_one else f"all://{host}/{network.prefixlen}"
    except ValueError:
        host = entry.lstrip("*.")
        yield f"all://*{_unicode(host)}"


def _bracketed(address: str) -> str:
    found = ip_address(address.partition("/")[0])
    return f"[{found}]" if found.version == 6 else str(found)


def _unicode(host: str) -> str:
    """A host name as people write it: after a star the library does not know its encoded form."""
    try:
        return host.encode("ascii").decode("idna") if "xn--" in host.lower() else host
    except UnicodeError:
        return host
