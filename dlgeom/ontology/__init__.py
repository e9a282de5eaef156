"""Ontologies: trees of labels with colours and attributes, and label maps of other formats."""

from dlgeom.ontology.attributes import AttributesRange, AttributesTypes, OntologyAttribute
from dlgeom.ontology.label import OntologyLabel
from dlgeom.ontology.tree import Ontology

__all__ = [
    "AttributesRange",
    "AttributesTypes",
    "Ontology",
    "OntologyAttribute",
    "OntologyLabel",
]
