from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

import pytest

from hybridspan.errors import InputError
from hybridspan_lab.world.beginning import alone


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in which nothing has ever been."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("HYBRIDSPAN_CACHE", str(folder))
    return folder


def test_one_at_a_time_is_started_in_a_home(tmp_path: Path) -> None:
    with alone(tmp_path / "one"):
        with pytest.raises(InputError) as refused, alone(tmp_path / "one"):
            pytest.fail("both were let in")
        with alone(tmp_path / "other"):
            pass
    assert refused.value.code == "HS-LAB-026"
    with alone(tmp_path / "one"):
        pass


def test_nothing_of_it_stays_in_the_cache(tmp_path: Path, cache: Path) -> None:
    with alone(tmp_path / "one"):
        assert len(list(cache.iterdir())) == 1
    with pytest.raises(KeyError), alone(tmp_path / "one"):
        raise KeyError
    assert list(cache.iterdir()) == []


def test_a_lock_whose_name_went_to_somebody_else_meanwhile_is_none(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomers: list[IO[str]] = []
    lock_it = fcntl.flock

    def late(lock: IO[str], how: int) -> None:
        """Between opening and locking the last holder goes, and somebody else comes."""
        if not newcomers:
            (path,) = cache.iterdir()
            path.unlink()
            newcomers.append(path.open("w"))
            lock_it(newcomers[0], how)
        lock_it(lock, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(InputError), alone(tmp_path / "one"):
        pytest.fail("both were let in")
    newcomers[0].close()
    with alone(tmp_path / "one"):
        pass
