"""The paper's claims about trends (Sections 4 and 5, Fig. 7, Table 4, Appendix B), judged by recorded runs.

A claim is a sum of scores that the paper says is above zero, such as ReCo + ClassMix minus ClassMix. It is taken seed
by seed, so that splits and first weights cancel, and judged by its 95 % interval.
"""

from dataclasses import dataclass
from pathlib import Path

from reco_book.recorded import recipe_scores
from reco_book.seeds import Summary, summarise
from reco_core.runs.recipes import RECIPES

SETS = {"CamVid": "small/camvid", "NYU v2": "small/nyu_v2", "VOC animals": "small/voc"}
"""Name of a data set -> its small recipes."""
LABELS = {
    "small/nyu_v2": {"10": "50", "20": "50", "60": "150"},
    "small/voc": {"10": "60", "20": "60", "60": "200"},
}
"""Where a data set has no recipes with 10, 20 and 60 labelled images, those that stand for them."""
LEAST_SEEDS = 3


@dataclass(frozen=True)
class Claim:
    """A trend that the paper reports."""

    text: str
    terms: tuple[tuple[int, str], ...]
    """(+1 or -1, recipe below the data set's, its number of labels as on CamVid): their sum is above zero if the claim
    holds."""
    paper: str
    """The paper's own difference, points of mean IoU, and where it stands."""

    def summary(self, small: str, results: Path, which: str = "last") -> Summary | None:
        """The sum of every seed that all terms have; None where the data set has no such recipes.

        Args:
            small: the data set's recipes, such as "small/camvid".
            results: folder of the records.
            which: "last" or "best".
        """
        names = [_recipe(small, name) for _, name in self.terms]
        if not set(names) <= set(RECIPES):
            return None
        scores = [recipe_scores(name, results, which) for name in names]
        seeds = set.intersection(*(set(found) for found in scores))
        signs = [sign for sign, _ in self.terms]
        return summarise(
            {seed: sum(sign * found[seed] for sign, found in zip(signs, scores, strict=True)) for seed in seeds}
        )


def _recipe(small: str, name: str) -> str:
    labels, _, rest = name.partition("/")
    return f"{small}/{LABELS.get(small, {}).get(labels, labels)}/{rest}"


def verdict(summary: Summary) -> str:
    """ "supports" or "contradicts" where the 95 % interval excludes zero, else "inconclusive"; or why there is none."""
    if not summary.values:
        return "no record"
    if len(summary.values) < LEAST_SEEDS:
        return f"{len(summary.values)} seeds: too few"
    low, high = summary.interval()
    return "supports" if low > 0 else "contradicts" if high < 0 else "inconclusive"


def _minus(first: str, second: str) -> tuple[tuple[int, str], ...]:
    return (1, first), (-1, second)


CLAIMS = (
    Claim("Unlabelled images help: ClassMix − Supervised", _minus("20/classmix", "20/supervised"),
          "+7.49 (Table 1, Cityscapes 20)"),
    Claim("… in three times the steps: ClassMix − Supervised", _minus("long/classmix", "long/supervised"),
          "+7.49 (Table 1, Cityscapes 20)"),
    Claim("ReCo helps: ReCo + ClassMix − ClassMix", _minus("20/reco+classmix", "20/classmix"),
          "+4.25 (Table 1, Cityscapes 20)"),
    Claim("… in three times the steps: ReCo + ClassMix − ClassMix", _minus("long/reco+classmix", "long/classmix"),
          "+4.25 (Table 1, Cityscapes 20)"),
    Claim("Together they help: ReCo + ClassMix − Supervised", _minus("20/reco+classmix", "20/supervised"),
          "+11.74 (Table 1, Cityscapes 20)"),
    Claim("… in three times the steps: ReCo + ClassMix − Supervised",
          _minus("long/reco+classmix", "long/supervised"), "+11.74 (Table 1, Cityscapes 20)"),
    Claim("ReCo helps with all labels: ReCo + Supervised − Supervised", _minus("all/reco+supervised", "all/supervised"),
          "no number (Section 5)"),
    Claim("ReCo's gain is larger with fewer labelled images: gain with the fewest − gain with the most",
          (*_minus("10/reco+classmix", "10/classmix"), *_minus("60/classmix", "60/reco+classmix")),
          "+3.15 (Table 1, Cityscapes 20 and 150)"),
    Claim("ReCo helps with one labelled pixel of a class: ReCo + ClassMix − ClassMix",
          _minus("1px/reco+classmix", "1px/classmix"), "+2.24 (Table 3, Cityscapes 1 pixel)"),
    Claim("… with one labelled pixel, in three times the steps", _minus("1px-long/reco+classmix", "1px-long/classmix"),
          "+2.24 (Table 3, Cityscapes 1 pixel)"),
    Claim("… with 1 % of each class in an image", _minus("1%/reco+classmix", "1%/classmix"),
          "+2.29 (Table 3, Cityscapes 1 %)"),
    Claim("… with 5 %", _minus("5%/reco+classmix", "5%/classmix"), "+1.36 (Table 3, Cityscapes 5 %)"),
    Claim("… with 25 %", _minus("25%/reco+classmix", "25%/classmix"), "+0.46 (Table 3, Cityscapes 25 %)"),
    Claim("… and its gain is larger with fewer labelled pixels: gain at 1 pixel − gain at 25 %",
          (*_minus("1px/reco+classmix", "1px/classmix"), *_minus("25%/classmix", "25%/reco+classmix")),
          "+1.78 (Table 3, Cityscapes 1 pixel and 25 %)"),
    Claim("… gain at 1 % − gain at 25 %",
          (*_minus("1%/reco+classmix", "1%/classmix"), *_minus("25%/classmix", "25%/reco+classmix")),
          "+1.83 (Table 3, Cityscapes 1 % and 25 %)"),
    Claim("More queries help: 256 − 32", _minus("fig7a/256", "fig7a/32"), "+2.44 (Fig. 7a)"),
    Claim("… but not forever: gain from 32 to 128 − gain from 128 to 256",
          (*_minus("fig7a/128", "fig7a/32"), *_minus("fig7a/128", "fig7a/256")), "+1.88 (Fig. 7a)"),
    Claim("More keys help: 512 − 64", _minus("fig7b/512", "fig7b/64"), "+1.50 (Fig. 7b)"),
    Claim("… but not forever: gain from 64 to 256 − gain from 256 to 512",
          (*_minus("fig7b/256", "fig7b/64"), *_minus("fig7b/256", "fig7b/512")), "+0.54 (Fig. 7b)"),
    Claim("10 % of the unlabelled images with ReCo − all of them without", _minus("fig7c/10%", "20/classmix"),
          "+1.11 (Fig. 7c)"),
    Claim("ReCo helps on another way of mixing: ReCo + CutMix − CutMix", _minus("fig7d/cutmix", "20/cutmix"),
          "+3.41 (Fig. 7d and Table 1, Cityscapes 20)"),
    Claim("… on cutting out: ReCo + CutOut − CutOut", _minus("fig7d/cutout", "20/cutout"),
          "+2.39 (Fig. 7d and Table 1, Cityscapes 20)"),
    Claim("ClassMix is the best base for ReCo: ClassMix − CutMix", _minus("fig7d/classmix", "fig7d/cutmix"),
          "+2.40 (Fig. 7d)"),
    Claim("Hard queries matter: hard − easy", _minus("fig7e/hard+relation", "fig7e/easy+relation"), "+4.02 (Fig. 7e)"),
    Claim("Related keys matter: relation − uniform", _minus("fig7e/hard+relation", "fig7e/hard+uniform"),
          "+3.45 (Fig. 7e)"),
    Claim("Hard queries matter more than related keys: (hard − easy) − (relation − uniform)",
          _minus("fig7e/hard+uniform", "fig7e/easy+relation"), "+0.57 (Fig. 7e)"),
    Claim("Both beat random ones: hard, relation − random, uniform",
          _minus("fig7e/hard+relation", "fig7e/random+uniform"), "+3.27 (Fig. 7e)"),
    Claim("A teacher without mixing is worse than none: Supervised − Mean teacher",
          _minus("20/supervised", "20/mean_teacher"), "+9.51 (Table 4, Cityscapes 20)"),
    Claim("ReCo helps without mixing: ReCo + Mean teacher − Mean teacher",
          _minus("20/reco+mean_teacher", "20/mean_teacher"), "+0.57 (Table 4, Cityscapes 20)"),
    Claim("The batch is as good a store as a bank: ReCo − ReCo with a feature bank",
          _minus("20/reco+classmix", "options/bank"), "+0.52 (Appendix B)"),
    Claim("ReCo helps on a modern base: ReCo + UniMatch − UniMatch", _minus("20/reco+unimatch", "20/unimatch"),
          "no number (beyond the paper)"),
)  # fmt: skip
"""In the order of the paper."""
