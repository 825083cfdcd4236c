import json

from hybridspan_lab.parts import cache, kubernetes


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HYBRIDSPAN_CACHE", str(tmp_path))
    assert cache.folder() == tmp_path


def test_an_empty_cache_is_not_complete(monkeypatch, tmp_path):
    monkeypatch.setenv("HYBRIDSPAN_CACHE", str(tmp_path))
    assert not cache.is_complete()


def test_a_folder_is_filled_once(tmp_path):
    calls = []

    def fill(folder, progress):
        calls.append(folder)
        (folder / "file").write_text("bytes")

    for _ in range(2):
        cache._fill(tmp_path / "part", fill, lambda *_: None)
    assert calls == [tmp_path / "part"]


def test_a_folder_that_lost_a_file_is_filled_again(tmp_path):
    (tmp_path / "complete.json").write_text(json.dumps({"file": 5}))
    assert not cache._is_filled(tmp_path)
    (tmp_path / "file").write_text("bytes")
    assert cache._is_filled(tmp_path)


def test_the_build_is_named_by_what_goes_into_it():
    assert len(kubernetes.digest()) == 8
    assert f"gitVersion={kubernetes.VERSION}" in kubernetes._LINKER
