"""The folder of tools on a Cassandra pod's PATH: nodetool, cqlsh and the readiness probe.

nodetool is Cassandra's own NodeTool, cqlsh the project's own release; both are started by wrappers of a few lines that are
written once into the cache, because they name this machine's Java, Python and jars.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hybridspan_lab.cassandra import class_archive, jvm
from hybridspan_lab.parts import cache
from hybridspan_lab.parts.cassandra import CassandraRelease, wanted
from hybridspan_lab.parts.java import OLDER_NODETOOL

READY_PORT: Final = 9042

_NODETOOL: Final = """#!/bin/sh
# Cassandra's own nodetool; -h and -p default to 127.0.0.1:7199, where the node's JMX listens.
exec {java} {flags} -Duser.home="${{HOME:-/tmp}}" -cp "{classpath}" {main} "$@"
"""

_CQLSH: Final = """#!/bin/sh
# The real cqlsh; the certificates of the pod make `--ssl` work without a cqlshrc of one's own.
exec {python} -m hybridspan_lab.cassandra.cqlsh_pod "$@"
"""

_MODULE: Final = """#!/bin/sh
exec {python} -m {module} "$@"
"""

_MODULES: Final = {
    "apigee-cassandra-user-setup": "hybridspan_lab.cassandra.user_setup",
    "apigee-cassandra-schema-setup": "hybridspan_lab.cassandra.schema_setup",
    "apigee-cassandra-schema-val": "hybridspan_lab.cassandra.schema_validation",
    "apigee-cassandra-keyspaces": "hybridspan_lab.cassandra.keyspace_expansion",
    "apigee-guardrails": "hybridspan_lab.helm.guardrails",
    "hybridspan-fill": "hybridspan_lab.cassandra.fill",
    "hybridspan-logins": "hybridspan_lab.cassandra.logins",
}

_READY: Final = """#!/bin/bash
# Ready when the client port is open: no JVM is started to find that out.
exec 3<>"/dev/tcp/${{POD_IP:-127.0.0.1}}/{port}" || exit 1
[ -e "{joined}" ] || : > "{joined}"
"""


@dataclass(frozen=True, slots=True)
class PodTools:
    """Where the tools are and what they need to see."""

    directory: Path
    env: Mapping[str, str]
    mounts: tuple[Path, ...]


def locate() -> PodTools:
    """The tools of this machine, written on first use; fetches Cassandra's jars when the cache lacks them."""
    return _located(wanted())


@functools.cache
def _located(_: CassandraRelease) -> PodTools:
    runtime = jvm.Runtime.locate()
    class_archive.build(runtime)
    scripts = _scripts(runtime)
    # The scripts name this environment's interpreter and Java: another checkout with the same cache gets its own.
    digest = hashlib.sha256("\0".join(scripts.values()).encode()).hexdigest()[:12]
    directory = cache.folder() / f"pod-tools-{digest}"
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in scripts.items():
        _write_program(directory / name, text)
    return PodTools(directory, runtime.to_environment(), (*runtime.folders(), directory))


def write_ready_probe(path: Path, joined: Path) -> None:
    """The readiness probe's script, at the place where the stateful set's template looks for it.

    On its first success it makes the file `joined`, by which the next start knows that this node has been in a ring.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_program(path, _READY.format(port=READY_PORT, joined=joined))


def _scripts(runtime: jvm.Runtime) -> Mapping[str, str]:
    flags = " ".join(jvm.tool_flags(runtime))
    classpath = f"{runtime.cassandra_classpath}:{runtime.tools_classpath}"
    main = OLDER_NODETOOL if runtime.is_before_4 else "org.apache.cassandra.tools.NodeTool"
    return {
        "nodetool": _NODETOOL.format(java=runtime.java, flags=flags, classpath=classpath, main=main),
        "cqlsh": _CQLSH.format(python=sys.executable),
        **{name: _MODULE.format(python=sys.executable, module=module) for name, module in _MODULES.items()},
    }


def _write_program(path: Path, text: str) -> None:
    """Write and mark executable, in one step for whoever starts it meanwhile."""
    if path.exists() and path.read_text() == text:
        return
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text)
    part.chmod(part.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    part.replace(path)
