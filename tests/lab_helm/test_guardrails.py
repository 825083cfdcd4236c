import pytest

from hybridspan_lab.helm.guardrails import minor, objection
from hybridspan_lab.parts.helm import is_suitable


@pytest.mark.parametrize(
    ("component", "before", "after", "backup", "refused"),
    [
        ("apigee-datastore", "1.15.0", "1.16.0", False, True),
        ("apigee-datastore", "1.15.0", "1.16.0", True, False),
        ("apigee-datastore", "1.16.0", "1.16.0", False, False),
        ("apigee-datastore", "", "1.16.0", False, False),
        ("apigee-datastore", "1.12.0", "1.13.2", False, False),
        ("apigee-org", "1.15.0", "1.16.0", False, False),
    ],
)
def test_a_datastores_upgrade_needs_a_backup(component, before, after, backup, refused):
    assert bool(objection(component, before, after, backup)) is refused


def test_versions_with_a_hotfix_have_a_minor_too():
    assert minor("1.14.2-hotfix.1") == (1, 14)


@pytest.mark.parametrize(
    ("said", "suitable"),
    [("v3.14.0+g3fc9f4b", True), ("v3.13.3+g5", False), ("v4.1.0", False), ("not a version", False)],
)
def test_a_helm_of_ones_own_is_taken_where_it_is_new_enough(said, suitable):
    assert is_suitable(said) is suitable
