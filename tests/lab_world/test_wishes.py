from hybridspan_lab.world import wishes


def test_a_wish_is_kept_until_it_is_taken_back(tmp_path):
    file = tmp_path / "wishes.json"
    assert wishes.read(file) == {}
    assert wishes.keep(file, "replication", "lies") == {"replication": "lies"}
    assert wishes.read(file) == {"replication": "lies"}
    assert wishes.keep(file, "replication", "") == {}
