"""`hypothesis.strategies.from_type` for the classes of dlgeom."""

from __future__ import annotations

from hypothesis import strategies as st

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.chunk import Chunk
from dlgeom.dataset import Dataset
from dlgeom.definitions import Definition, Message
from dlgeom.item import Item
from dlgeom.labels import LabelTable
from dlgeom.testing.strategies import annotated, columns, sets, words
from dlgeom.testing.strategies.anything import STRATEGIES, definitions

__all__ = ["register"]


def register() -> None:
    """Let ``from_type(Box)`` and arguments annotated with `Box` draw from our strategies."""
    for cls, kind in STRATEGIES.items():
        st.register_type_strategy(cls, kind.strategy())
    st.register_type_strategy(Definition, definitions())
    st.register_type_strategy(Message, words.messages())
    st.register_type_strategy(Annotation, annotated.annotations())
    st.register_type_strategy(AnnotationCollection, sets.collections())
    st.register_type_strategy(Dataset, sets.datasets())
    st.register_type_strategy(Item, sets.items())
    st.register_type_strategy(LabelTable, sets.label_tables())
    st.register_type_strategy(Chunk, columns.chunks())
