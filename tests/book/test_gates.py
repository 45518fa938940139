"""reco_book.gates: every requirement recomputed by hand from made-up records."""

import pytest
from shared import STREET, put_run

from reco_book.gates import arms_of, confusable_share, gates, table
from reco_book.plan import data_set
from reco_core.errors import InputError
from reco_core.runs.records import RecordedScores

BENCH = data_set("toyscapes")


def confusion(inside: int, outside: int) -> tuple[tuple[int, ...], ...]:
    """Every class of a pair is taken for its sibling `inside` times and for sky `outside` times."""
    rows = [[0] * len(STREET) for _ in STREET]
    rows[0][1] = 10_000  # errors of a class without a sibling do not count
    for pair in BENCH.confusable:
        one, other = map(STREET.index, pair)
        for row, sibling in ((one, other), (other, one)):
            rows[row][row], rows[row][sibling], rows[row][0] = 100, inside, outside
    return tuple(map(tuple, rows))


@pytest.fixture
def results(tmp_path):
    """Runs with which all gates hold."""
    for seed, shift in ((0, -0.01), (1, 0.01)):
        put_run(tmp_path, "toyscapes/20/supervised", 0.42 + shift, seed)
        put_run(tmp_path, "toyscapes/20-twice/supervised", 0.43 + shift, seed)
        put_run(tmp_path, "toyscapes/20/classmix", 0.47 + shift, seed, confusion=confusion(45, 55))
        put_run(tmp_path, "toyscapes/20-twice/classmix", 0.46 + shift, seed)
        put_run(tmp_path, "toyscapes/all/supervised", 0.70 + shift, seed)
    return tmp_path


def test_all_hold_with_the_values_of_the_records(results):
    found = gates(BENCH, results)
    assert all(gate.holds for gate in found), table(found)
    values = [gate.value for gate in found]
    assert values == pytest.approx([28, 1, 1, 50, 60, 97, 30, 45])
    assert {gate.seeds for gate in found} == {2}


@pytest.mark.parametrize(
    "recipe, changes, broken",
    [
        ("toyscapes/all/supervised", {"miou": 0.61}, 0),
        ("toyscapes/20-twice/supervised", {"miou": 0.45}, 1),
        ("toyscapes/20-twice/classmix", {"miou": 0.44}, 2),
        ("toyscapes/all/supervised", {"miou": 0.70, "weakest": 0.29}, 3),
        ("toyscapes/20/classmix", {"miou": 0.47, "confusion": confusion(30, 70)}, 7),
        ("toyscapes/20/classmix",
         {"miou": 0.47, "confusion": confusion(45, 55), "history": ({"step": 2, "hard": 0.8},)}, 6),
    ],
)  # fmt: skip
def test_one_run_out_of_bounds_breaks_its_gate(results, recipe, changes, broken):
    for seed in (0, 1):
        put_run(results, recipe, seed=seed, **changes)
    failed = [number for number, gate in enumerate(gates(BENCH, results)) if not gate.holds]
    assert failed == [broken]


@pytest.mark.parametrize("share, accuracy, broken", [(0.4, 0.97, 4), (0.6, 0.93, 5)])
def test_a_teacher_that_is_unsure_or_wrong_breaks_its_gate(results, share, accuracy, broken):
    unlabelled = RecordedScores(0.5, 0.9, (), confident_share=share, confident_accuracy=accuracy)
    for seed in (0, 1):
        put_run(results, "toyscapes/20/classmix", 0.47, seed, confusion=confusion(45, 55), unlabelled=unlabelled)
    assert [number for number, gate in enumerate(gates(BENCH, results)) if not gate.holds] == [broken]


def test_without_records_no_gate_holds(tmp_path):
    found = gates(BENCH, tmp_path)
    assert not any(gate.holds for gate in found)
    assert table(found).count("no record") == len(found) and "FAIL" not in table(found)


def test_confusable_share_counts_errors_of_paired_classes_alone(results):
    put_run(results, "toyscapes/20/classmix", 0.5, 0, confusion=confusion(1, 3))
    assert confusable_share(arms_of(BENCH, results).classmix[0], BENCH.confusable) == pytest.approx(1 / 4)


def test_an_unknown_data_set_is_refused():
    with pytest.raises(InputError, match="nowhere.*toyscapes"):
        data_set("nowhere")
