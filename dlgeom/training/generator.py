"""`DatasetGenerator`: the samples of a data set, by position or one after the other."""

from __future__ import annotations

import math
import operator
import os
import weakref
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.lazy import fetch_all, is_private
from dlgeom.dataset import Dataset
from dlgeom.errors import FormatError, OutputError, UsageError
from dlgeom.filters import Filters
from dlgeom.item import Item
from dlgeom.limits import DEFAULT_LIMITS, Limits
from dlgeom.training.balance import DEFAULT_SEED, balanced_rows, generator_of, shuffled
from dlgeom.training.extras import import_torch
from dlgeom.training.hooks import split_steps
from dlgeom.training.images import ImageFiles
from dlgeom.training.index import Index
from dlgeom.training.kinds import kind_of
from dlgeom.training.samples import Maker

__all__ = ["DatasetGenerator"]


class DatasetGenerator:
    """Images with their annotations for training, in any readable format.

    A sequence: ``generator[i]``, slices, ``len``, iteration. It reads the annotations once, into
    flat columns (`Store`), and an image when it is asked for; it pickles, for worker processes.

    Parameters
    ----------
    data_path : path or Dataset
        A file or folder in any format that `dlgeom.open_dataset` reads, or an open data set.
    annotation_type : str or None
        ``box``, ``class``, ``segment`` (polygons), ``binary`` (a mask of class ids), ``pose``,
        ``polyline`` or ``point``; None for images alone.
    filters : Filters or str, optional
        Which items, or annotations, as for `Dataset.filter`.
    label_to_id_map : mapping of str to int, optional
        Class ids; several labels may share one, and ``$default`` is the background (else 0).
        Without it, and `id_to_label_map`, the labels sorted by name, from 1.
    id_to_label_map : mapping of int to str, optional
        The inverse; one of both is enough.
    transforms : Affine, callable, or sequence of them, optional
        See `dlgeom.training.steps_of`: augmentations, functions of (image, annotations),
        transforms of keywords.
    num_workers : int, default 0
        Threads that read and transform images at once; the order stays. Processes are those of
        whoever reads the generator, such as a ``DataLoader``.
    shuffle : bool, default True
        Whether the order is drawn; else it is that of the source.
    seed : int, optional
        Says the order, the balancing and the augmentations; 256 if not given.
    to_categorical : bool, default False
        Whether class ids become one-hot rows of ``num_classes + 1``.
    class_balancing : bool, default False
        Whether the annotations of smaller classes are drawn again, until each class has as many
        as the largest. Each draw is a sample: an image comes once for each of its annotations.
    return_originals : bool, default False
        Whether samples have ``orig_image`` and ``orig_annotations``, before transforms.
    ignore_empty : bool, default True
        Whether items without annotations of the type are left out.
    batch_size : int, optional
        ``generator[i]`` is then a list of that many samples, the last may be shorter.
    collate_fn : callable, optional
        Called with each list of samples: of a batch, or of a slice.
    format, images, on_error, limits, **options
        As for `dlgeom.open_dataset`; `images` is the folder of images.
    match : {"auto", "type", "any"}
        Which annotations count. ``type``: those of that very type, as on the platform; ``any``:
        all that can become it without inventing a shape (a polygon has a box, a box has no
        polygon). ``auto``: ``type`` for platform JSON, ``any`` for other formats.
    missing_labels : {"skip", "raise"}
        What happens to annotations whose label has no class id: left out of all arrays alike,
        counted in `skipped` and logged; or an error.
    missing_images : {"raise", "skip"}
        What happens to images that are not there or cannot be read: an error when they are asked
        for; or left out, those with a bad header from the start, those with bad pixels while
        iterating and in batches.
    predictions : bool, default False
        Whether annotations with ``metadata.user.model``, made by a model, count too.
    with_images : bool, default True
        Whether images are read; without them samples have no ``image``.
    output : {"numpy", "torch"}
        ``torch``: a sample is (image, target), tensors as torchvision's detection models take
        them; transforms of ``torchvision.transforms.v2`` then come last.

    Raises
    ------
    UsageError
        For arguments that do not fit together.
    FormatError, OutputError
        If the data set cannot be read; `on_error` says what a bad record does.
    MissingDependencyError
        With ``output="torch"`` without PyTorch.

    Notes
    -----
    A sample is a dict: ``image_filepath``, ``item_id`` (the source's id, else the name), ``box``
    float64 (N, 4) left, top, right, bottom, ``class`` int64 (N,), ``labels`` list of N names,
    ``crowd`` bool (N,), ``annotation_filepath``, ``image`` uint8 (H, W, 3) RGB upright,
    ``annotations``, the entry of the asked type, and the same under the name of the type:

    * ``box``, ``class``: as above
    * ``segment``: object array (N,) of rings (n, 2), parts and holes joined by bridges
    * ``binary``: class ids (H, W), later annotations over earlier ones
    * ``pose``: (N, K, 3), ``polyline``: object array (N,) of (n, 2), ``point``: (N, 2)

    Row i of all of them is the same annotation.

    Examples
    --------
    >>> from dlgeom.definitions import Box
    >>> builder = Item(name="a.jpg", width=64, height=48).annotations.builder()
    >>> builder.add([Box(1, 2, 30, 40, "cat"), Box(5, 5, 9, 9, "dog")])
    >>> dataset = Dataset.from_pairs([(builder.item, builder)])
    >>> generator = DatasetGenerator(dataset, "box", with_images=False)
    >>> generator.label_to_id_map, generator[0]["class"].tolist()
    ({'cat': 1, 'dog': 2}, [1, 2])
    """

    def __init__(
        self,
        data_path: str | os.PathLike[str] | Dataset,
        annotation_type: str | None,
        filters: Filters | str | None = None,
        label_to_id_map: Mapping[str, int] | None = None,
        id_to_label_map: Mapping[int, str] | None = None,
        transforms: Any = None,
        num_workers: int = 0,
        shuffle: bool = True,
        seed: int | None = None,
        to_categorical: bool = False,
        class_balancing: bool = False,
        return_originals: bool = False,
        ignore_empty: bool = True,
        batch_size: int | None = None,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        *,
        format: str | None = None,  # noqa: A002 - as elsewhere
        images: str | os.PathLike[str] | None = None,
        on_error: Literal["raise", "skip"] = "raise",
        match: Literal["auto", "type", "any"] = "auto",
        missing_labels: Literal["skip", "raise"] = "skip",
        missing_images: Literal["raise", "skip"] = "raise",
        predictions: bool = False,
        with_images: bool = True,
        output: Literal["numpy", "torch"] = "numpy",
        limits: Limits = DEFAULT_LIMITS,
        **options: Any,
    ) -> None:
        _one_of("match", match, ("auto", "type", "any"))
        _one_of("missing_labels", missing_labels, ("skip", "raise"))
        _one_of("missing_images", missing_images, ("raise", "skip"))
        _one_of("output", output, ("numpy", "torch"))
        if output == "torch":
            import_torch()
        self.kind = kind_of(annotation_type)
        self.batch_size = None if batch_size is None else _count("batch_size", batch_size, 1)
        self.num_workers = _count("num_workers", num_workers, 0)
        self.seed = DEFAULT_SEED if seed is None else _whole("seed", seed)
        self.epoch = 0
        self.shuffle, self.class_balancing = bool(shuffle), bool(class_balancing)
        self.to_categorical, self.return_originals = bool(to_categorical), bool(return_originals)
        self.ignore_empty, self.output = bool(ignore_empty), output
        self.collate_fn = collate_fn
        self.with_images, self.missing_images = bool(with_images), missing_images
        steps, late = split_steps(transforms, output)
        if (steps or late) and not with_images:
            raise UsageError("transforms move images too; with_images=False leaves none. Drop one")
        self._pool: tuple[int, ThreadPoolExecutor] | None = None

        opened = not isinstance(data_path, Dataset)
        if isinstance(data_path, Dataset):
            dataset = data_path
            if format is not None or options:
                raise UsageError("format and options of reading go to dlgeom.open_dataset")
        else:
            dataset = Dataset.open(
                data_path, format, on_error, images=images, limits=limits, **options
            )
        folder = dataset.meta.images_root
        if images is not None:
            folder = getattr(dataset.reader, "images", None) or Path(images)
        try:
            self._index = Index(
                dataset,
                filters,
                self.kind,
                ImageFiles(folder, limits),
                maps=(label_to_id_map, id_to_label_map),
                by_type=match == "type" or (match == "auto" and dataset.meta.format == "dataloop"),
                predictions=predictions,
                missing_labels=missing_labels,
                ignore_empty=self.ignore_empty,
                readable=self.with_images and missing_images == "skip",
            )
        finally:
            if opened and is_private(folder):
                # Of an archive: its images are there as long as this generator.
                weakref.finalize(self, dataset.close)
                if with_images:
                    fetch_all(folder)
            elif opened:
                dataset.close()
        self._maker = Maker(
            index=self._index,
            steps=steps,
            late=late,
            with_images=self.with_images,
            one_hot=self.to_categorical,
            originals=self.return_originals,
            tensors=output == "torch",
        )
        self.set_epoch(0)

    # The order.

    def set_epoch(self, epoch: int) -> None:
        """Draw order, balancing and augmentations anew, as the seed and this number say.

        Parameters
        ----------
        epoch : int
            0 is what a new generator has. The same seed and epoch give the same samples,
            whatever the number of workers.
        """
        self.epoch = _whole("epoch", epoch)
        random = generator_of(self.seed, self.epoch)
        count = len(self._index.store)
        if self.class_balancing and self.kind is not None:
            rows = balanced_rows(self._index.ids, random)
            self._drawn: NDArray[np.int64] | None = rows
            entries = np.searchsorted(self._index.store.offsets, rows, side="right") - 1
            if self.shuffle:
                places = shuffled(np.arange(len(rows)), random)
            else:
                places = np.argsort(entries, kind="stable")
            self._drawn, entries = rows[places], entries[places]
        else:
            self._drawn = None
            entries = np.arange(count, dtype=np.int64)
            if self.shuffle:
                entries = shuffled(entries, random)
        self._order: NDArray[np.int64] = entries.astype(np.int64)

    # What it knows.

    @property
    def label_to_id_map(self) -> dict[str, int]:
        """Label -> class id."""
        return dict(self._index.classes.label_to_id)

    @property
    def id_to_label_map(self) -> dict[int, str]:
        """Class id -> label, the first of several."""
        return dict(self._index.classes.id_to_label)

    @property
    def num_classes(self) -> int:
        """Number of classes beside the background."""
        return self._index.classes.num_classes

    @property
    def skipped(self) -> Counter[str]:
        """How many annotations, items and images were left out, by reason."""
        return self._index.skipped

    @property
    def bad_images(self) -> list[str]:
        """What was wrong with the images that were left out."""
        return self._index.bad_images

    @property
    def n_items(self) -> int:
        """Number of samples, whatever the batch size."""
        return len(self._order)

    @property
    def items(self) -> list[Item]:
        """The items in the order of the samples; repeated as class balancing repeats them."""
        return [self._index.store.items[index] for index in self._order.tolist()]

    @property
    def targets(self) -> NDArray[np.int64] | None:
        """With class balancing the class for which each sample was drawn, shape (n_items,)."""
        return None if self._drawn is None else self._index.ids[self._drawn]

    @property
    def class_counts(self) -> dict[int, int]:
        """Class id -> number of annotations, without repetitions."""
        ids, counts = np.unique(self._index.ids, return_counts=True)
        return dict(zip(ids.tolist(), counts.tolist(), strict=True))

    @property
    def nbytes(self) -> int:
        """Bytes of the columns that hold the annotations."""
        return self._index.store.nbytes

    def __len__(self) -> int:
        """Return the number of samples, or of batches."""
        return math.ceil(self.n_items / (self.batch_size or 1))

    def __repr__(self) -> str:
        kind = None if self.kind is None else self.kind.name
        return (
            f"DatasetGenerator({self.n_items} samples, {kind!r}, {self.num_classes} classes, "
            f"{len(self._index.ids)} annotations)"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pool": None}

    # Samples.

    def __getitem__(self, index: Any) -> Any:
        """Return a sample, or with `batch_size` a batch; a list of them for a slice.

        Parameters
        ----------
        index : int or slice
            Negative ones count from the end; numpy's integers too.
        """
        if isinstance(index, slice):
            places = range(*index.indices(len(self)))
            if self.batch_size is not None:
                return [self._batch(place) for place in places]
            return self._collated(list(self._samples(places)))
        try:
            place = operator.index(index)
        except TypeError:
            raise TypeError(
                f"index is {index!r}; a generator takes whole numbers and slices"
            ) from None
        length = len(self)
        if not -length <= place < length:
            raise IndexError(f"index {place} of a generator of {length}")
        place %= length
        return self.sample(place) if self.batch_size is None else self._batch(place)

    def __iter__(self) -> Iterator[Any]:
        """Yield all samples, or batches, in order."""
        samples = self._samples(range(self.n_items))
        if self.batch_size is None:
            yield from samples
            return
        batch: list[Any] = []
        for sample in samples:
            batch.append(sample)
            if len(batch) == self.batch_size:
                yield self._collated(batch)
                batch = []
        if batch:
            yield self._collated(batch)

    def _batch(self, place: int) -> Any:
        assert self.batch_size is not None
        start = place * self.batch_size
        stop = min(start + self.batch_size, self.n_items)
        return self._collated(list(self._samples(range(start, stop))))

    def _collated(self, samples: list[Any]) -> Any:
        return samples if self.collate_fn is None else self.collate_fn(samples)

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Return several samples, or batches, at once: what a ``DataLoader`` asks for."""
        if self.batch_size is not None:
            return [self[index] for index in indices]
        length = self.n_items
        places = [operator.index(index) for index in indices]
        if any(not -length <= place < length for place in places):
            raise IndexError(f"indices {places} of a generator of {length}")
        return list(self._samples([place % length for place in places]))

    def _threads(self) -> ThreadPoolExecutor:
        """Return the threads; a forked process has none of those of its parent."""
        if self._pool is None or self._pool[0] != os.getpid():
            self._pool = (os.getpid(), ThreadPoolExecutor(self.num_workers, "dlgeom-training"))
        return self._pool[1]

    def _samples(self, positions: Sequence[int]) -> Iterator[Any]:
        """Yield samples in order, read by threads ahead of their time."""
        if self.num_workers == 0 or len(positions) < 2:
            found = map(self._or_none, positions)
            yield from (sample for sample in found if sample is not None)
            return
        pool = self._threads()
        waiting: deque[Future[Any]] = deque()
        try:
            for position in positions:
                waiting.append(pool.submit(self._or_none, position))
                if len(waiting) > 2 * self.num_workers:
                    sample = waiting.popleft().result()
                    if sample is not None:
                        yield sample
            while waiting:
                sample = waiting.popleft().result()
                if sample is not None:
                    yield sample
        finally:
            for future in waiting:
                future.cancel()

    def _or_none(self, position: int) -> Any:
        """Return a sample, None where its image is bad and those are left out."""
        try:
            return self.sample(position)
        except (FormatError, OutputError) as error:
            code = str(getattr(error, "code", ""))
            if self.missing_images == "raise" or not code.startswith(("image.", "io.", "file.")):
                raise
            self._index.tell_image(error)
            return None

    def sample(self, position: int) -> Any:
        """Return one sample, whatever the batch size.

        Parameters
        ----------
        position : int
            In ``range(n_items)``.
        """
        number = int(self._order[position])
        return self._maker.make(number, generator_of(self.seed, self.epoch, position))

    def visualize(self, idx: int | None = None) -> NDArray[np.uint8]:
        """Draw a sample after its transforms.

        Parameters
        ----------
        idx : int, optional
            Position of the sample, also with `batch_size`; a random one if not given.

        Returns
        -------
        ndarray of uint8, shape (H, W, 3)
            The image with its annotations, each class in a colour of its own.

        Raises
        ------
        UsageError
            If there are no samples, or no images.
        """
        from dlgeom.training.drawing import draw

        if not self.n_items or not self.with_images:
            raise UsageError("there is nothing to draw: the generator has no samples or no images")
        if idx is None:
            place = int(np.random.default_rng().integers(self.n_items))
        else:
            place = operator.index(idx)
            if not -self.n_items <= place < self.n_items:
                raise IndexError(f"index {place} of {self.n_items} samples")
        place %= self.n_items
        random = generator_of(self.seed, self.epoch, place)
        built = self._maker.build(int(self._order[place]), random)
        return draw(built.image, built.columns, self.kind, self._index.classes)


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{name} is {value!r}; it is {' or '.join(map(repr, known))}")


def _whole(name: str, value: object) -> int:
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise UsageError(f"{name} is {value!r}; it is a whole number") from None


def _count(name: str, value: object, least: int) -> int:
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = least - 1
    if number < least:
        raise UsageError(f"{name} is {value!r}; it is a whole number from {least}")
    return number
