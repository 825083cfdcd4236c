"""Runs a kubelet: `python -m hybridspan_lab.kubelet CONFIG.json`. On SIGHUP it reads its nodes anew."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path

from hybridspan_lab.kubeapi import KubeApi
from hybridspan_lab.kubelet.config import KubeletConfig
from hybridspan_lab.kubelet.kubelet import Kubelet


async def serve(file: Path) -> None:
    config = KubeletConfig.read(file)
    async with KubeApi.from_kubeconfig(config.kubeconfig) as api:
        kubelet = Kubelet(config, api)
        task, loop = asyncio.ensure_future(kubelet.run()), asyncio.get_running_loop()
        reloads: set[asyncio.Task[None]] = set()

        def reload() -> None:
            reloads.add(asyncio.ensure_future(kubelet.reload(KubeletConfig.read(file))))

        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        loop.add_signal_handler(signal.SIGHUP, reload)
        with contextlib.suppress(asyncio.CancelledError):
            await task


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    if sys.version_info < (
        3,
        12,
    ):  # later versions use it by themselves; the default is a thread for each process
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    asyncio.run(serve(Path(sys.argv[1])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
