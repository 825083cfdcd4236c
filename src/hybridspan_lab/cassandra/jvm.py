"""Java's side of a Cassandra node: the runtime, its flags, and the shared class archive that halves its start.

The archive (application class data sharing) is made once per cache, see `class_archive`; a node without one starts all the
same, only slower.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hybridspan_lab.parts.java import OLDER_LOGGING

JMX_PORT: Final = 7199

_EXPORTS: Final = (
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/java.lang.ref",
    "java.base/java.io",
    "java.base/java.util",
    "java.base/java.nio",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
)
_OPENS: Final = (
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.lang",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "jdk.management/com.sun.management.internal",
)


@dataclass(frozen=True, slots=True)
class Runtime:
    """The Java program, Cassandra's jars, and the folder for archives."""

    java: Path
    cassandra_classpath: str
    tools_classpath: str
    """The shim that lets this runtime's JMX look up a service by its URL."""
    archives: Path
    is_before_4: bool = False
    """Cassandra 3.11, which has other settings and another start of nodetool."""

    @classmethod
    def locate(cls) -> Runtime:
        """From the pod's environment; outside of pods from the lab's parts, fetched when they are missing."""
        env = os.environ
        if "HYBRIDSPAN_CASSANDRA_CLASSPATH" in env:
            return cls(
                Path(env["HYBRIDSPAN_JAVA"]),
                env["HYBRIDSPAN_CASSANDRA_CLASSPATH"],
                env["HYBRIDSPAN_TOOLS_CLASSPATH"],
                Path(env["HYBRIDSPAN_CLASS_ARCHIVES"]),
                bool(env.get("HYBRIDSPAN_CASSANDRA_BEFORE_4")),
            )
        from hybridspan_lab import parts
        from hybridspan_lab.parts.cassandra import wanted

        found = parts.ensure()
        archives = found.cache / "class-archives"
        archives.mkdir(parents=True, exist_ok=True)
        classpath = expanded(found.cassandra_classpath)
        return cls(found.java, classpath, found.tools_classpath, archives, wanted().is_before_4)

    def to_environment(self) -> Mapping[str, str]:
        """What `locate` reads again inside a pod."""
        return {
            "HYBRIDSPAN_JAVA": str(self.java),
            "HYBRIDSPAN_CASSANDRA_CLASSPATH": self.cassandra_classpath,
            "HYBRIDSPAN_TOOLS_CLASSPATH": self.tools_classpath,
            "HYBRIDSPAN_CLASS_ARCHIVES": str(self.archives),
            "HYBRIDSPAN_CASSANDRA_BEFORE_4": "yes" if self.is_before_4 else "",
        }

    @property
    def archive(self) -> Path:
        """The archive of this class path: other jars, another archive."""
        digest = hashlib.sha256(self.cassandra_classpath.encode()).hexdigest()[:12]
        return self.archives / f"cassandra-{digest}.jsa"

    def folders(self) -> tuple[Path, ...]:
        """Folders of the host that a node reads."""
        entries = f"{self.cassandra_classpath}:{self.tools_classpath}".split(":")
        jars = {Path(entry) for entry in entries if entry}
        folders = {jar.parent if jar.suffix == ".jar" else jar for jar in jars}
        return tuple(sorted({self.java.resolve().parents[1], self.archives, *folders}))


def expanded(classpath: str) -> str:
    """`folder/*` as the sorted list of its jars: an archive is only valid for the class path that it was made with."""
    entries: list[str] = []
    for entry in classpath.split(":"):
        folder = Path(entry)
        jars = sorted(folder.parent.glob("*.jar")) if folder.name == "*" else [folder]
        entries.extend(str(jar) for jar in jars)
    return ":".join(entries)


def module_flags() -> list[str]:
    """What Cassandra 4.0 needs opened on Java 11."""
    exports = [flag for name in _EXPORTS for flag in ("--add-exports", f"{name}=ALL-UNNAMED")]
    return exports + [flag for name in _OPENS for flag in ("--add-opens", f"{name}=ALL-UNNAMED")]


def archive_flags(runtime: Runtime) -> list[str]:
    """Flags that use the archive of shared classes where it has been made."""
    return ["-Xshare:auto", f"-XX:SharedArchiveFile={runtime.archive}"] if runtime.archive.exists() else []


def tool_flags(runtime: Runtime) -> list[str]:
    """For nodetool: little memory, no optimizing compiler, the JMX shim."""
    return [
        "-Xmx96m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        *archive_flags(runtime),
        *_joined(module_flags()),
        "-Djava.naming.factory.url.pkgs=jndi",
        f"-Dlogback.configurationFile={OLDER_LOGGING if runtime.is_before_4 else 'logback-tools.xml'}",
    ]


def _joined(flags: list[str]) -> list[str]:
    """`--add-exports x` as one word: the form that survives a shell script unquoted."""
    return [f"{flags[i]}={flags[i + 1]}" for i in range(0, len(flags), 2)]


def node_flags() -> list[str]:
    """For a node on a small machine: a quick start is worth more than the last percent of throughput."""
    return [
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "-XX:+ExitOnOutOfMemoryError",
        "-Xss256k",
        "-ea:org.apache.cassandra...",
    ]
