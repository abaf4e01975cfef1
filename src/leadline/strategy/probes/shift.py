"""Are training, dev and test set from one distribution: does a classifier tell them apart, and does it cost error?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leadline.measure.intervals import Estimate
from leadline.strategy.findings import MODERATE, STRONG, WEAK, Finding, Quantity
from leadline.strategy.ladder import MISMATCH
from leadline.strategy.mismatch import CLEAR, LEAST_EXAMPLES, Mismatch, compare_sets
from leadline.strategy.probes.examined import Array, Examined
from leadline.strategy.probes.references import Reference
from leadline.strategy.probes.significance import independent_difference

CLEARLY = 0.6
"""The area under the ROC curve from which on sets are clearly told apart."""


def shift_findings(
    examined: Examined, found: Sequence[Reference], sets: Mapping[str, Mapping[str, Array]]
) -> list[Finding]:
    """That dev or test examples are of another kind than those of training or dev.

    ``sets`` holds the inputs of train, dev and test by column. Sets that were drawn at random from the same rows are
    not looked at: they cannot differ but by chance.
    """
    if examined.chosen_at_random:
        return []
    findings = []
    train_dev = _compared(sets, "train", "dev", examined.seed)
    if train_dev is not None:
        findings += _mismatch(examined, found, train_dev)
    dev_test = _compared(sets, "dev", "test", examined.seed)
    if dev_test is not None and dev_test.differ and dev_test.auc >= CLEARLY:
        findings.append(_test_mismatch(dev_test))
    return findings


def _compared(sets: Mapping[str, Mapping[str, Array]], first: str, second: str, seed: int) -> Mismatch | None:
    pair = [sets.get(first) or {}, sets.get(second) or {}]
    sizes = [len(next(iter(columns.values()), ())) for columns in pair]
    if min(sizes) < LEAST_EXAMPLES:
        return None
    return compare_sets(pair[0], pair[1], names=(first, second), seed=seed)


def _mismatch(examined: Examined, found: Sequence[Reference], compared: Mismatch) -> list[Finding]:
    """Another distribution costs error where a reference does worse on dev than out of fold on training examples."""
    losses = _losses(examined, found)
    if losses is None:
        return []
    name, train, dev = losses
    gap, p = independent_difference(train, dev)
    costs = p < 1e-3 and (gap.value > examined.matters if examined.by_share else gap.value > 0.1 * train.mean())
    if not costs and not (compared.differ and compared.auc >= CLEARLY):
        return []
    unit = "points" if examined.by_share else ""
    by_class = f"area under the ROC curve {compared.auc:.2f}, p = {compared.p:.2g}"
    telling = "; ".join(f"{each.name}: {each.words}" for each in compared.clear_features[:3])
    tells = (
        f"A classifier tells training from dev examples ({by_class})" + (f": {telling}." if telling else ".")
        if compared.differ
        else f"Their inputs alone are not told apart ({by_class})."
    )
    shown = Estimate(gap.value, *gap.interval, gap.n, unit=unit)
    cost = (
        f"{name} predicts dev examples worse than unseen training examples, by {shown.plain()} ({shown.range()})."
        if costs
        else f"That costs no error that was measured: {name} predicts both about as well."
    )
    return [
        Finding(
            "data-mismatch",
            f"Training and dev examples are of different kinds. {tells} {cost}",
            (
                Quantity("error on dev less out-of-fold error on training examples", shown),
                Quantity("area under the ROC curve of telling train from dev", Estimate(compared.auc, unit="")),
            ),
            (STRONG if compared.differ else MODERATE) if costs else WEAK,
            "Collect training data like the dev set" + (f" ({telling})." if telling else "."),
            MISMATCH,
            settle="A training-dev set, held out of the training distribution (split.train_dev).",
            p_value=p if costs else compared.p,
        )
    ]


def _test_mismatch(compared: Mismatch) -> Finding:
    telling = "; ".join(f"{each.name}: {each.words}" for each in compared.clear_features[:3])
    statement = (
        f"Dev and test examples are of different kinds: a classifier tells them apart (area under the ROC curve "
        f"{compared.auc:.2f}, p = {compared.p:.2g})" + (f": {telling}." if telling else ".")
    )
    return Finding(
        "test-mismatch",
        statement,
        (Quantity("area under the ROC curve of telling dev from test", Estimate(compared.auc, unit="")),),
        MODERATE,
        "Draw dev and test set at random from the same, target distribution: tuning on this dev set aims elsewhere.",
        settle="Which of the two sets is like the data that the network will meet.",
        p_value=min(compared.p, CLEAR / 2),
    )


def _losses(examined: Examined, found: Sequence[Reference]) -> tuple[str, Array, Array] | None:
    """Losses out of fold on training and on dev examples, of the reference that is best out of fold."""
    train, dev = examined.train, examined.dev
    known = [
        (each.name, examined.losses(train.y, each.out_of_fold), examined.losses(dev.y, each.dev))
        for each in found
        if each.out_of_fold is not None
    ]
    return min(known, key=lambda each: each[1].mean(), default=None)
