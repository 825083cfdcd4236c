import pytest

from hybridspan_lab.parts.artifacts import Artifact, read_lock
from hybridspan_lab.parts.cassandra import RELEASES


@pytest.mark.parametrize(("line", "count"), [("4.0", 60), ("3.11", 51)])
def test_every_jar_of_cassandra_is_pinned(line: str, count: int) -> None:
    artifacts = read_lock(RELEASES[line].lock)
    assert len(artifacts) == count
    assert all(len(artifact.sha256) == 64 and artifact.size > 0 for artifact in artifacts)


@pytest.mark.parametrize("line", RELEASES)
def test_no_two_jars_share_a_file_name(line: str) -> None:
    names = [artifact.file_name for artifact in read_lock(RELEASES[line].lock)]
    assert len(set(names)) == len(names)


def test_an_artifact_knows_its_place_in_a_repository():
    artifact = Artifact("org.apache.cassandra", "cassandra-all", "4.0.18", "0" * 64, 1)
    assert artifact.path == "org/apache/cassandra/cassandra-all/4.0.18/cassandra-all-4.0.18.jar"


def test_a_file_of_the_right_size_with_other_bytes_is_not_whole(tmp_path):
    artifact = Artifact("g", "a", "1", "0" * 64, 3)
    file = tmp_path / artifact.file_name
    file.write_bytes(b"abc")
    assert not artifact.is_whole(file)
