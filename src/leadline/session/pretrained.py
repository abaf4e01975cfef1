"""Trained networks to start from: a run's, or published weights.

Source: course 3, transfer learning; course 4, using published implementations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from leadline.architectures import Published, architecture, load_published
from leadline.architectures.files import hash_in_name, source_digest
from leadline.data import Dataset, Preparation
from leadline.data.normalization import ArrayEncoder, fit_array
from leadline.data.sources.array_assembly import shape_text
from leadline.errors import LeadlineError, UsageError
from leadline.files import from_here
from leadline.network import Image, Network, Parameters, Shape, as_population
from leadline.runs.folder import CHECKPOINT
from leadline.runs.run import Run
from leadline.runs.store import RunStore
from leadline.training.population.active_members import member_of

if TYPE_CHECKING:
    from leadline.architectures.architecture import PixelScaling
    from leadline.experiment import Experiment, NetworkSection

WEIGHTS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
IMAGENET_OUTPUTS, IMAGENET_IMAGES = (1000, 1001), 1_281_167  # its classes; with TensorFlow's "background" first


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A trained network, its output layer included, for examples of ``input_shape`` as its preparation makes them.

    ``n_train`` is how many examples it was trained on, None where that is unknown.
    """

    network: Network
    parameters: Parameters
    input_shape: Shape
    n_train: int | None


class Source(Protocol):
    """Where a trained network comes from."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def place(self) -> str:
        """For an experiment file: a path or an address."""
        ...

    @property
    def checksum(self) -> str:
        """The SHA-256 of the weights' file."""
        ...

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that define its layers."""
        ...

    @property
    def image_size(self) -> tuple[int, int] | None:
        """(height, width) of the images it takes; None where it takes none, or any."""
        ...

    @property
    def normalization(self) -> str:
        """That of its inputs, by the name in an experiment file."""
        ...

    def load(self, data: Dataset) -> Pretrained:
        """The network, for data like these."""
        ...

    def preparation(self, data: Dataset, train: np.ndarray) -> Preparation:
        """The source's preparation of inputs, with that of the new targets; the data must be of the same form."""
        ...


def source_of(section: NetworkSection, runs: Path) -> Source | None:
    """What ``[network] from`` names: a file or address of weights, a run's folder, or a run among ``runs``.

    Raises:
        UsageError: keys that exclude each other, or ``freeze``, ``head`` or ``checksum`` without ``from``.
        LeadlineError: there is no such run or file, or it is not the one it was.

    """
    if section.from_ is None:
        for key in ("freeze", "head", "checksum"):
            if getattr(section, key) is not None:
                raise UsageError(f"network.{key}: goes with network.from, which names a run or a file of weights.")
        return None
    if section.head is not None and section.layers is not None:
        raise UsageError("network.head: layers are given too, the head among them; leave one of them out.")
    run = _run(section.from_, runs)
    if run is None:
        with _named():
            return PublishedWeights.of(section)
    if section.architecture is not None:
        raise UsageError(f"network.architecture: {run.name} has its own layers; leave architecture or from out.")
    return TrainedRun.of(run, section)


@contextmanager
def _named() -> Iterator[None]:
    """Errors of a file of weights begin with the key that names it."""
    try:
        yield
    except LeadlineError as error:
        text = str(error)
        raise type(error)(text if text.startswith("network.") else f"network.from: {text}") from None


def _run(place: str, runs: Path) -> Run | None:
    """The run that is meant, None where it is a file or folder of published weights."""
    path = Path(place)
    if path.name == CHECKPOINT and (path.parent / "run.json").is_file():
        path = path.parent
    if (path / "run.json").is_file() or (runs / place / "run.json").is_file():
        return Run(RunStore(runs).find(str(path)))
    if "://" in place or path.suffix in WEIGHTS or path.is_dir():
        return None
    moved = path.name if (runs / path.name / "run.json").is_file() else place
    with _named():
        return Run(RunStore(runs).find(moved))


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A run's network."""

    run: Run
    place: str
    checksum: str

    @classmethod
    def of(cls, run: Run, section: NetworkSection) -> TrainedRun:
        """The run, if its weights are still those of ``checksum``."""
        path = run.folder / CHECKPOINT
        if not path.is_file():
            raise LeadlineError(f"network.from: {run.name} has no {CHECKPOINT}: it kept no weights to start from.")
        checksum = _sha256(path)
        if not checksum.startswith((section.checksum or "").lower()):
            raise LeadlineError(
                f"network.checksum: the weights of {run.name} have changed; they begin {checksum[:16]} now. "
                "Leave checksum out to start from these."
            )
        return cls(run, from_here(run.folder.path), checksum)

    @property
    def name(self) -> str:
        """The run's."""
        return self.run.name

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that define its layers."""
        return self.run.experiment.modules

    @property
    def image_size(self) -> tuple[int, int] | None:
        """That of its preparation."""
        shape = self.run.preparation.image_shape
        return None if shape is None else shape[:2]

    @property
    def normalization(self) -> str:
        """That of its preparation."""
        return self.run.preparation.normalization

    def load(self, data: Dataset) -> Pretrained:
        """The run's best parameters; of an ensemble those of its first member."""
        trained = self.run.trained_network()
        network, parameters = trained.network, trained.parameters
        if network.members > 1:
            network, parameters = network.member, member_of(as_population(parameters), 0)
        n_train = self.run.set_sizes["train"]
        return Pretrained(network, parameters, (self.run.preparation.n_inputs,), n_train)

    def preparation(self, data: Dataset, train: np.ndarray) -> Preparation:
        """Its encoders, for the same columns or images of the same shape."""
        encoders = self.run.preparation.encoders
        extra = _checked(data, encoders, self.name)
        own = Preparation.fit(data, train)
        return replace(own, encoders=encoders, normalization=self.normalization, notices=extra)


@dataclass(frozen=True, eq=False)
class PublishedWeights:
    """A publisher's weights of an architecture."""

    place: str
    architecture: str
    checksum: str
    expected: str | None
    modules: tuple[str, ...] = ()
    image_size: tuple[int, int] | None = None
    normalization: str = "unit"
    _loaded: dict[Shape, Published] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, section: NetworkSection) -> PublishedWeights:
        """The file, downloaded if it is an address, and known to be of an architecture."""
        place = section.from_ or ""
        if section.architecture is None:
            raise UsageError(
                f"network.from: {place} is a file of weights; say which network they are of, "
                'such as architecture = "resnet18".'
            )
        architecture(section.architecture)
        digest = source_digest(place, section.checksum)
        if "://" in place:  # the cache knows the file by what it was asked for
            digest = section.checksum or hash_in_name(place) or digest
        return cls(place, section.architecture, digest, section.checksum)

    @property
    def name(self) -> str:
        """The architecture and its file."""
        return f"{self.architecture} ({Path(self.place).name})"

    def load(self, data: Dataset) -> Pretrained:
        """The network for the pictures at hand."""
        height, width, channels = self._image_shape(data)
        published = self._published(data)
        network = Network([Image(height, width, channels), *published.network])
        shape = (height * width * channels,)
        parameters = network.initialize(shape)
        copy_layers(published.parameters, parameters, at=1)
        n_train = IMAGENET_IMAGES if network.shapes(shape)[-1][0] in IMAGENET_OUTPUTS else None
        return Pretrained(network, parameters, shape, n_train)

    def preparation(self, data: Dataset, train: np.ndarray) -> Preparation:
        """Pixels as the publisher normalizes them."""
        own, published = Preparation.fit(data, train), self._published(data)
        assert isinstance(data.inputs, np.ndarray)
        encoders = _published_pixels(own, data.inputs, train, published.pixels)
        return replace(own, encoders=encoders, notices=())

    def _published(self, data: Dataset) -> Published:
        height, width, channels = self._image_shape(data)
        shape = (channels, height, width)
        if shape not in self._loaded:
            with _named():
                self._loaded[shape] = load_published(architecture(self.architecture), self.place, shape, self.expected)
        return self._loaded[shape]

    def _image_shape(self, data: Dataset) -> tuple[int, int, int]:
        if data.image_shape is None or not isinstance(data.inputs, np.ndarray):
            raise LeadlineError(f"network.from: {self.name} takes images, and {data.name} has none.")
        if data.image_shape[2] != 3:
            raise LeadlineError(
                f"network.from: {self.name} takes colour images; those of {data.name} have "
                f"{data.image_shape[2]} channel."
            )
        return data.image_shape


def adapted(experiment: Experiment, source: Source | None) -> Experiment:
    """The experiment with images in files brought to the size that the source takes, unless a size is given."""
    data = experiment.data
    if source is None or source.image_size is None or data.size is not None or not isinstance(data.source, str):
        return experiment
    if not (Path(data.source).is_dir() or data.source.endswith(".parquet")):
        return experiment
    return experiment.replace({"data.size": list(source.image_size)})


def normalized_alike(data: Dataset, source: Source | None) -> Dataset:
    """The data, to be normalized as the source was; `UsageError` where another normalization is asked for."""
    if source is None:
        return data
    given = data.settings.normalization
    if given not in ("auto", source.normalization):
        raise UsageError(
            f'data.normalization: got "{given}", but {source.name} was trained on inputs with '
            f'"{source.normalization}", which is taken over; leave it out.'
        )
    return replace(data, settings=replace(data.settings, normalization=source.normalization))


def copy_layers(source: Parameters, into: Parameters, first: int = 0, n: int | None = None, at: int = 0) -> None:
    """Copy parameters and statistics of ``n`` layers, from ``first`` on, into the layers from ``at`` on."""
    n = len(source.layers) - first if n is None else n
    for k in range(n):
        for theirs, ours in (
            (source.layers[first + k], into.layers[at + k]),
            (source.statistics[first + k], into.statistics[at + k]),
        ):
            for name, tensor in ours.items():
                tensor.copy_(theirs[name])


def _checked(data: Dataset, encoders: Any, name: str) -> tuple[str, ...]:
    """Notices about columns that the source does not know; `LeadlineError` where it cannot take the data."""
    if isinstance(encoders, ArrayEncoder):
        if not isinstance(data.inputs, np.ndarray):
            raise LeadlineError(
                f"network.from: {name} was trained on arrays of shape {shape_text(encoders.shape)}, "
                f"{data.name} has columns."
            )
        if data.inputs.shape[1:] != encoders.shape:
            raise LeadlineError(
                f"network.from: {name} was trained on examples of shape {shape_text(encoders.shape)}, those of "
                f"{data.name} have {shape_text(data.inputs.shape[1:])}. Bring them to that shape"
                f"{_size_hint(encoders.shape)}."
            )
        return ()
    if isinstance(data.inputs, np.ndarray):
        raise LeadlineError(f"network.from: {name} was trained on columns of a table, {data.name} is an array.")
    kinds = {column.name: column.kind for column in data.inputs}
    for encoder in encoders:
        if encoder.name not in kinds:
            raise LeadlineError(f"network.from: {data.name} lacks the column '{encoder.name}', which {name} takes.")
        if kinds[encoder.name] != encoder.kind:
            raise LeadlineError(
                f"network.from: {name} takes the column '{encoder.name}' for a {encoder.kind}, here it is a "
                f'{kinds[encoder.name]}; data.types = {{{encoder.name} = "{encoder.kind}"}} says so.'
            )
    known = {encoder.name for encoder in encoders}
    unknown = [column for column in kinds if column not in known]
    if not unknown:
        return ()
    return (f"{', '.join(unknown)}: left out, for {name} was trained without.",)


def _size_hint(shape: tuple[int, ...]) -> str:
    return f"; for images in files, data.size = [{shape[0]}, {shape[1]}]" if len(shape) == 3 else ""


def _published_pixels(own: Preparation, inputs: np.ndarray, train: np.ndarray, pixels: PixelScaling) -> ArrayEncoder:
    """(x/white − mean)/deviation of each channel, written for every value of an image."""
    unit = fit_array(own.feature_names[0].partition("[")[0], inputs, train, "unit")
    n = unit.width // 3
    center, scale = (np.tile(np.array(part, np.float64) * float(unit.scale), n) for part in pixels)
    return replace(unit, center=center, scale=scale)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
