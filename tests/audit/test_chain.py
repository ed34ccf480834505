"""The chain: whatever is done to stored records is seen."""

from __future__ import annotations

import copy
import json
import random

import pytest

from otel_claude import semconv
from otel_claude.audit import chain

KEY = b"0123456789abcdef0123456789abcdef"


def made(count=12, *, key=KEY, name="c0ffee", closed=True):
    """A chain as the observer writes it."""
    last = chain.first_seal(name)
    records = []
    for number in range(count):
        record = {
            semconv.AUDIT_CHAIN: name,
            semconv.AUDIT_SEQUENCE: number,
            semconv.AUDIT_PREVIOUS: last,
            semconv.AUDIT_ALGORITHM: chain.algorithm(key),
            semconv.USER_ID: f"user-{number % 3}",
            semconv.AUDIT_COST: "0.0125",
            semconv.AUDIT_FINDINGS: ["costly_call:medium"] if number % 4 == 0 else [],
        }
        if closed and number == count - 1:
            record[semconv.AUDIT_LAST] = True
        last = record[semconv.AUDIT_SEAL] = chain.seal(record, key)
        records.append(record)
    return records


@pytest.mark.parametrize("key", [KEY, None])
def test_a_whole_chain_has_no_flaw(key):
    verdict = chain.verify(made(key=key), key)
    assert verdict.flaws == ()
    assert (verdict.records, verdict.chains, verdict.closed) == (12, 1, 1)
    assert verdict.unkeyed == (1 if key is None else 0)


def test_it_survives_json():
    assert chain.verify(json.loads(json.dumps(made())), KEY).flaws == ()


@pytest.mark.parametrize("name", sorted(made()[4]))
def test_every_field_is_under_the_seal(name):
    records = made()
    value = records[4][name]
    records[4][name] = value + 1 if isinstance(value, int) else f"{value}x"
    assert chain.verify(records, KEY).flaws


@pytest.mark.parametrize("name", sorted(made()[4]))
def test_a_field_that_was_taken_out_is_missed(name):
    records = made()
    del records[4][name]
    assert chain.verify(records, KEY).flaws


def test_a_type_is_no_matter_of_taste():
    """1 and "1" and 1.0 differ: OTLP keeps them apart, so whoever confuses them changed something."""
    for value in ("4", 4.0, True):
        records = made()
        records[4][semconv.USAGE_INPUT_TOKENS] = value
        records[4][semconv.AUDIT_SEAL] = chain.seal(
            {**records[4], semconv.USAGE_INPUT_TOKENS: 4}, KEY
        )
        assert chain.verify(records, KEY).flaws


def test_what_a_collector_adds_does_no_harm():
    records = [{**record, "collector.host": "a"} for record in made()]
    assert chain.verify(records, KEY).flaws == ()


@pytest.mark.parametrize("gone", [0, 1, 6, 10])
def test_a_removed_record(gone):
    records = made()
    del records[gone]
    flaws = chain.verify(records, KEY).flaws
    assert flaws
    assert any("removed" in flaw.says for flaw in flaws)


def test_a_removed_run_of_records():
    records = made()
    del records[3:7]
    (flaw,) = chain.verify(records, KEY).flaws
    assert (flaw.sequence, "3 to 6" in flaw.says) == (7, True)


def test_a_removed_end_is_an_open_end():
    records = made()[:-2]
    verdict = chain.verify(records, KEY)
    assert verdict.flaws == ()
    assert verdict.closed == 0


def test_an_inserted_record():
    records = made()
    forged = copy.deepcopy(records[5])
    forged[semconv.USER_ID] = "somebody-else"
    forged[semconv.AUDIT_SEAL] = chain.seal(forged, b"the forger has another key........")
    records.insert(6, forged)
    assert any("changed" in flaw.says for flaw in chain.verify(records, KEY).flaws)


def test_a_record_of_another_chain_under_a_new_name():
    records = made()
    other = made(name="other")[5]
    other[semconv.AUDIT_CHAIN] = "c0ffee"
    records.insert(5, other)
    assert chain.verify(records, KEY).flaws


def test_records_that_changed_places():
    rng = random.Random(7)
    for _ in range(50):
        records = made()
        a, b = rng.sample(range(len(records)), 2)
        records[a], records[b] = records[b], records[a]
        assert chain.verify(records, KEY).flaws, (a, b)


def test_sealed_anew_without_the_key():
    """What a forger can do who has no key: he is seen, whatever he claims."""
    for claimed in (chain.algorithm(None), chain.algorithm(KEY)):
        records = made()
        last = records[3][semconv.AUDIT_SEAL]
        for record in records[4:]:
            record[semconv.USER_ID] = "nobody"
            record[semconv.AUDIT_ALGORITHM] = claimed
            record[semconv.AUDIT_PREVIOUS] = last
            last = record[semconv.AUDIT_SEAL] = chain.seal(record, None)
        flaws = chain.verify(records, KEY).flaws
        assert {flaw.sequence for flaw in flaws} >= set(range(4, 12))


def test_another_key_is_named():
    (flaw, *_) = chain.verify(made(), b"x" * 32).flaws
    assert "another key" in flaw.says
    (flaw, *_) = chain.verify(made(), None).flaws
    assert "none was given" in flaw.says


def test_what_an_exporter_sends_twice_counts_once():
    records = made()
    again = [*records[:6], *copy.deepcopy(records[2:6]), *records[6:]]
    verdict = chain.verify(again, KEY)
    assert verdict.flaws == ()
    assert verdict.records == 12


def test_chains_may_be_mixed():
    mixed = [record for pair in zip(made(name="a"), made(name="b"), strict=True) for record in pair]
    verdict = chain.verify(mixed, KEY)
    assert (verdict.flaws, verdict.chains) == ((), 2)


def test_after_the_end_there_is_nothing():
    records = made(6)
    longer = made(7, closed=False)
    last = longer[6]
    last[semconv.AUDIT_PREVIOUS] = records[5][semconv.AUDIT_SEAL]
    last[semconv.AUDIT_SEAL] = chain.seal(last, KEY)
    assert any("had ended" in flaw.says for flaw in chain.verify([*records, last], KEY).flaws)


@pytest.mark.parametrize("record", [{}, {semconv.AUDIT_CHAIN: "a"}, {semconv.AUDIT_SEQUENCE: "1"}])
def test_what_is_no_record(record):
    assert chain.verify([record], KEY).flaws
