"""What the gallery shows, in order: an idea, a short caption, and the functions that draw it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from leadline.report.figures.figure import Figure
from leadline.report.gallery.activation_functions import activations, derivatives
from leadline.report.gallery.averages import exponentially_weighted_averages
from leadline.report.gallery.batch_normalization import activation_histograms
from leadline.report.gallery.boundaries import decision_boundaries
from leadline.report.gallery.cost_surface import logistic_cost_surface
from leadline.report.gallery.input_normalization import normalized_inputs, raw_inputs
from leadline.report.gallery.learning_rates import schedules
from leadline.report.gallery.mini_batches import batch_against_mini_batch
from leadline.report.gallery.optimizer_paths import optimizer_paths
from leadline.report.gallery.regularization import effect_of_dropout, effect_of_l2
from leadline.report.gallery.signals import signals_backward, signals_forward


@dataclass(frozen=True)
class GallerySection:
    """One idea: ``slug`` is its place in links, ``figures`` are drawn side by side where there is room."""

    slug: str
    title: str
    caption: str
    figures: tuple[Callable[[], Figure], ...]


SECTIONS = (
    GallerySection(
        "activations",
        "Activations and their derivatives",
        "Sigmoid and tanh flatten on both sides, where their derivative is nearly zero and learning stalls. ReLU keeps "
        "a derivative of one for every positive input; the leaky form lets a little through below zero as well.",
        (activations, derivatives),
    ),
    GallerySection(
        "cost-surface",
        "Descent on the logistic cost",
        "Logistic regression has one valley, so any start leads to the same minimum. A small learning rate has not "
        "arrived after forty steps; one that is too large jumps across the valley.",
        (logistic_cost_surface,),
    ),
    GallerySection(
        "normalized-inputs",
        "Normalized against raw inputs",
        "When one feature is wider than the other, the valley is narrow: the learning rate must suit the steep "
        "direction and then crawls along the flat one. Normalized inputs make the valley round.",
        (raw_inputs, normalized_inputs),
    ),
    GallerySection(
        "weighted-averages",
        "Exponentially weighted averages",
        "A larger β averages over more days: smoother, and later to notice a change. Since the average starts at zero, "
        "it is too low at first; dividing by 1 − βᵗ corrects just that.",
        (exponentially_weighted_averages,),
    ),
    GallerySection(
        "optimizers",
        "Momentum, RMSprop and Adam",
        "On a bowl that is much steeper one way than the other, plain descent swings across and creeps along. Momentum "
        "averages the swings away; RMSprop and Adam give each direction a step of its own.",
        (optimizer_paths,),
    ),
    GallerySection(
        "mini-batches",
        "Batch against mini-batch",
        "With all examples in one step the cost falls smoothly, but ten passes are only ten steps. Small batches take "
        "many noisy steps in the same ten passes and get further.",
        (batch_against_mini_batch,),
    ),
    GallerySection(
        "schedules",
        "Learning-rate schedules",
        "Large steps early, small ones near the end. The schedules differ in how fast they give up speed; warm-up "
        "starts slowly, until the averages of the optimizer have settled.",
        (schedules,),
    ),
    GallerySection(
        "signals",
        "Vanishing and exploding signals",
        "Each of fifty layers multiplies its signal by about the same factor, so a little too much or too little at "
        "the start ends in astronomically large or small numbers. He scaling keeps the size.",
        (signals_forward, signals_backward),
    ),
    GallerySection(
        "batch-norm",
        "Batch normalization",
        "With weights that are too large, tanh units of deep layers sit at −1 or 1, where nothing is learnt. "
        "Normalizing what goes into each layer keeps the outputs spread out at any depth.",
        (activation_histograms,),
    ),
    GallerySection(
        "regularization",
        "What regularization does to a boundary",
        "Without it, the network bends its boundary around single noisy points: no training error, and more on new "
        "data. A penalty on the weights or units left out at random smooth it; too much and it misses the shape.",
        (effect_of_l2, effect_of_dropout),
    ),
    GallerySection(
        "boundaries",
        "Decision boundaries",
        "Softmax regression can only cut the plane along straight lines. One hidden layer is enough to bend them, the "
        "more closely the more units it has.",
        (decision_boundaries,),
    ),
)
