from __future__ import annotations

import pytest

from hybridspan.apigee.document import EditableText, NotAMapping

TEXT = """# The first line stays.
cassandra:   # a remark
  datacenter: "dc-1"      # ours
  rack: 'ra-1'
  storage: {class: premium, size: 10Gi}
  auth:
    secret: s
envs:
- name: test   # an item
  paths: {a: x.json}
"""


def test_a_value_is_replaced_in_its_own_quotes():
    text = (
        EditableText(TEXT)
        .with_value(("cassandra", "datacenter"), "dc-2")
        .with_value(("cassandra", "rack"), "ra-9")
    )
    assert text.text == TEXT.replace('"dc-1"', '"dc-2"').replace("'ra-1'", "'ra-9'")


def test_a_new_key_comes_after_the_plain_values_of_its_mapping():
    text = EditableText(TEXT).with_value(("cassandra", "multiRegionSeedHost"), "120.38.1.9").text
    assert "  rack: 'ra-1'\n  multiRegionSeedHost: 120.38.1.9\n  storage:" in text


def test_what_was_added_goes_without_a_trace():
    text = EditableText(TEXT).with_value(("cassandra", "multiRegionSeedHost"), "120.38.1.9")
    assert text.without("cassandra", "multiRegionSeedHost").text == TEXT


def test_a_new_key_fits_into_braces():
    text = EditableText("cassandra: {rack: a}  # x\n").with_value(("cassandra", "seed"), "1.2.3.4")
    assert text.text == "cassandra: {rack: a, seed: 1.2.3.4}  # x\n"
    assert text.without("cassandra", "seed").text == "cassandra: {rack: a}  # x\n"


def test_the_first_key_in_braces_can_go():
    assert EditableText("a: {x: 1, y: 2}\n").without("a", "x").text == "a: {y: 2}\n"


def test_a_file_without_a_last_line_break_grows_by_a_line():
    text = EditableText("a:\n  b: c").with_value(("a", "d"), "e")
    assert text.text == "a:\n  b: c\n  d: e\n"


def test_values_in_lists_have_their_number_as_key():
    assert EditableText(TEXT).scalar("envs", "0", "name").value == "test"  # type: ignore[union-attr]


def test_words_that_yaml_reads_otherwise_are_quoted():
    assert EditableText("a: b\n").with_value(("a",), "yes").text == 'a: "yes"\n'


def test_numbers_stay_numbers():
    assert EditableText("a: 3\n").with_value(("a",), 6).value("a") == 6


@pytest.mark.parametrize("text", ["- a\n", "", "a: [\n", "just words"])
def test_what_is_no_mapping_is_refused(text: str):
    with pytest.raises(NotAMapping):
        EditableText(text)


REMARKED = """# head
a: 1  # one
b: "x # y"  # two
c: |  # three
  # text
  more # text
# after
d: {e: 'it''s # not', f: 2}# no remark
g: [1,  # in a list
    2]
h: u#v
# last"""


def test_remarks_are_found_and_what_looks_like_one_in_a_value_is_not():
    document = EditableText(REMARKED.replace("# no remark", ""))
    found = [document.text[start:end] for start, end in document.remarks()]
    assert found == ["# head", "# one", "# two", "# three", "# after", "# in a list", "# last"]


def test_without_remarks_the_values_stay():
    document = EditableText(REMARKED.replace("# no remark", ""))
    bare = document.without_remarks()
    assert bare.value() == document.value()
    assert list(bare.remarks()) == []
    assert bare.text.startswith('a: 1\nb: "x # y"\nc: |\n')
