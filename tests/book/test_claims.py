"""reco_book.claims: sums of paired scores, and when a claim counts as seen."""

from dataclasses import replace

import pytest
from shared import path_of

from reco_book import RESULTS
from reco_book.claims import CLAIMS, LABELS, SETS, Claim, verdict
from reco_book.paper import TABLES
from reco_book.seeds import Summary
from reco_core.runs.recipes import RECIPES
from reco_core.runs.records import load_records, put


def test_every_claim_can_be_judged_on_camvid():
    for claim in CLAIMS:
        assert {f"{SETS['CamVid']}/{name}" for _, name in claim.terms} <= set(RECIPES), claim.text


def test_the_papers_differences_are_those_of_its_tables():
    def row(key, method):
        return dict(zip(TABLES[key].columns, TABLES[key].rows[method], strict=True))

    city = {method: TABLES["1"].scores(method, "Cityscapes") for method in TABLES["1"].rows}
    gain = {labels: city["reco+classmix"][labels] - city["classmix"][labels] for labels in (20, 150)}
    a, b, c = (TABLES[key].rows["reco+classmix"] for key in ("7a", "7b", "7c"))
    random, active, easy, ours = TABLES["7e"].rows["reco+classmix"]
    cutout, cutmix, classmix = TABLES["7d"].rows["reco"]
    teacher = {method: row("4", method)["Cityscapes", 20] for method in TABLES["4"].rows}
    bank, without = (scores[0] for scores in TABLES["B"].rows.values())
    partial = {name: TABLES["3"].scores(name, "Cityscapes") for name in ("classmix", "reco+classmix")}
    few, *more, many = (ours - partial["classmix"][share] for share, ours in partial["reco+classmix"].items())
    unlabelled, both = (city[name][20] - city["supervised"][20] for name in ("classmix", "reco+classmix"))
    expected = (
        unlabelled, unlabelled, gain[20], gain[20], both, both, None, gain[20] - gain[150], few, few, *more, many,
        few - many, more[0] - many,
        a[3] - a[0], 2 * a[2] - a[0] - a[3], b[3] - b[0], 2 * b[2] - b[0] - b[3],
        c[2] - TABLES["7c"].rows["classmix"][3], cutmix - city["cutmix"][20], cutout - city["cutout"][20],
        classmix - cutmix,
        ours - easy, ours - active, active - easy, ours - random,
        teacher["supervised"] - teacher["mean_teacher"],
        teacher["reco+mean_teacher"] - teacher["mean_teacher"],
        without - bank, None,
    )  # fmt: skip
    for claim, difference in zip(CLAIMS, expected, strict=True):
        assert claim.paper.startswith("no number" if difference is None else f"{difference:+.2f} ("), claim.text


def write(results, record, name, method, seed, miou):
    """A record like another one, of another recipe and seed, with another score."""
    config = replace(record.config, method=method, seed=seed)
    group = name.rpartition("/")[0]
    about = replace(record.about, group=group, recipe=name, method=method, seed=seed, config=config)
    part = "val" if record.test is None else "test"
    scored = replace(record, about=about, **{part: replace(record.scores, miou=miou)})
    put(scored, path_of(scored, results))


def test_a_claim_is_summed_seed_by_seed(tmp_path):
    record = load_records(RESULTS / "small" / "camvid" / "20.jsonl")[0]
    scores = {"supervised": {0: 0.30, 1: 0.40, 2: 0.50}, "classmix": {0: 0.31, 1: 0.42, 5: 0.9}}
    for method, seeds in scores.items():
        for seed, miou in seeds.items():
            write(tmp_path, record, f"small/camvid/20/{method}", method, seed, miou)
    summary = CLAIMS[0].summary("small/camvid", tmp_path)
    assert summary.values == pytest.approx((1.0, 2.0))  # only seeds that both have
    assert CLAIMS[2].summary("small/camvid", tmp_path).values == ()
    assert Claim("", ((1, "fig7a/32"), (-1, "20/classmix")), "").summary("small/nyu_v2", tmp_path) is None


def test_a_data_set_without_20_labels_answers_with_its_own_number(tmp_path):
    record = load_records(RESULTS / "small" / "nyu_v2" / "all.jsonl")[0]
    for method, miou in {"supervised": 0.30, "classmix": 0.32}.items():
        for seed in range(3):
            write(tmp_path, record, f"small/nyu_v2/50/{method}", method, seed, miou)
    assert CLAIMS[0].summary("small/nyu_v2", tmp_path).values == pytest.approx((2.0, 2.0, 2.0))
    assert CLAIMS[0].summary("small/voc", tmp_path).values == ()
    for small, counts in LABELS.items():
        assert set(counts.values()) == {name.split("/")[2] for name in RECIPES if name.startswith(small)} - {"all"}


@pytest.mark.parametrize(
    ("values", "said"),
    [((), "no record"), ((1.0, 1.1), "2 seeds: too few"), ((1.0, 1.1, 0.9), "supports"),
     ((-1.0, -1.1, -0.9), "contradicts"),
     ((1.0, -1.1, 0.9), "inconclusive")],
)  # fmt: skip
def test_verdicts(values, said):
    assert verdict(Summary(values)) == said
