from __future__ import annotations

import zlib
from collections import Counter
from types import SimpleNamespace

from hybridspan_lab.cassandra import fill, rows, schema, user_setup


def test_a_row_is_the_same_whenever_it_is_made():
    assert list(rows.rows(100, 80)) == [rows.row(number) for number in range(100, 180)]


def test_no_two_rows_share_a_key():
    keys = Counter((one.table, one.key) for one in rows.rows(0, 4000))
    assert set(keys.values()) == {1}


def test_every_table_that_is_filled_exists_in_the_schema():
    for table, form in rows.FORMS.items():
        columns = schema.TABLES[form.kind][table]
        assert all(f"{name} " in columns for name in (*form.key, *form.columns))


def test_a_block_has_every_table():
    assert {one.table for one in rows.rows(0, rows.BLOCK)} == set(rows.FORMS)


class Answers:
    """A session's stand-in: every partition has the rows that were put into it."""

    def __init__(self, stored):
        self.stored = stored

    def bind(self, one, *, reading):
        return one.table, one.key[0]


def verified(monkeypatch, stored, first, count):
    from cassandra import concurrent

    def answer(session, calls, **_):
        return [SimpleNamespace(success=True, result_or_exc=stored.get(call, [])) for call, _ in calls]

    monkeypatch.setattr(concurrent, "execute_concurrent", answer)
    return fill.verify(None, Answers(stored), [list(rows.rows(first, count))])


def stored_rows(count):
    stored = {}
    for one in rows.rows(0, count):
        stored.setdefault((one.table, one.key[0]), []).append(fill.comparable((*one.key, *one.values)))
    return stored


def test_verifying_finds_every_row_that_is_there(monkeypatch):
    result = verified(monkeypatch, stored_rows(200), 0, 200)
    assert (result["found"], result["missing"]) == (200, 0)


def test_verifying_names_what_is_missing_or_different(monkeypatch):
    stored = stored_rows(40)
    entries = next(values for (table, _), values in stored.items() if table == "kvm_entry")
    entries[0] = (*entries[0][:2], "other", entries[0][3])
    del stored[("developer", rows.row(31).key[0])]
    result = verified(monkeypatch, stored, 0, 40)
    assert (result["found"], result["missing"]) == (38, 2)
    assert {example.partition(" ")[0] for example in result["examples"]} == {"kvm_entry", "developer"}


def test_a_write_that_failed_is_tried_again(monkeypatch, capsys):
    from cassandra import concurrent

    calls_made = Counter()

    def execute(_, calls, **__):
        outcomes = []
        for number, (call, _arguments) in enumerate(calls):
            calls_made[call] += 1
            fails = number % 2 == 0 and calls_made[call] == 1
            outcomes.append(SimpleNamespace(success=not fails, result_or_exc="timed out" if fails else None))
        return outcomes

    monkeypatch.setattr(fill, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(concurrent, "execute_concurrent", execute)
    monkeypatch.setattr(fill, "batched", lambda _, group: ((one.number, 1) for one in group))
    assert fill.write(None, None, [list(rows.rows(0, 10))]) == {"written": 10, "failed": 0}
    assert "timed out" in capsys.readouterr().err


def test_keyspaces_are_named_as_apigee_names_them():
    assert schema.keyspaces("hybrid-test-7")["kms"] == "kms_hybrid_test_7_hybrid"
    assert schema.keyspaces("hybrid-test-7")["perses"] == "perses"


def test_small_rings_get_as_many_replicas_as_they_have_nodes():
    assert "'dc-1': 1" in schema.statements("org", "dc-1", 1)[0]
    assert "'dc-1': 3" in schema.statements("org", "dc-1", 6)[0]


def test_large_rows_come_after_the_others_and_few_at_once():
    options = fill.parse(["--rows", "4100", "--large", "40"])
    groups = list(fill.groups(options))
    assert [len(group) for group in groups] == [4000, 100, 32, 8]
    large = [one for group in groups[2:] for one in group]
    assert len({one.key for one in large}) == 40
    assert all(len(zlib.compress(one.values[0])) >= rows.LARGE_BYTES for one in large[:3])


def test_names_and_passwords_are_quoted_for_cql():
    assert user_setup.text("it's") == "'it''s'"
    assert user_setup.quoted('a"b') == '"a""b"'


def test_what_failed_is_tried_again_after_a_pause_and_only_that(monkeypatch):
    tried, paused = [], []

    def unwritten(_session, units):
        tried.append(len(units))
        return units[: 4 - len(tried)]

    monkeypatch.setattr(fill, "unwritten", unwritten)
    monkeypatch.setattr(fill, "batched", lambda _, group: ((one.number, 1) for one in group))
    monkeypatch.setattr(fill.time, "sleep", paused.append)
    assert fill.write(None, None, [list(rows.rows(0, 10))]) == {"written": 10, "failed": 0}
    assert tried == [10, 3, 2, 1]
    assert [pause > 0 for pause in paused] == [False, True, True, True]
