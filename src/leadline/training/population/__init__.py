"""Populations: many dense networks of one architecture, trained at once."""

from leadline.training.population.evaluate import population_cost_and_error, population_outputs
from leadline.training.population.member import Member, ResolvedMember, kind, trains_in_population
from leadline.training.population.population import Population, train_to_end
from leadline.training.population.trainer import PopulationTrainer

__all__ = [
    "Member",
    "Population",
    "PopulationTrainer",
    "ResolvedMember",
    "kind",
    "population_cost_and_error",
    "population_outputs",
    "train_to_end",
    "trains_in_population",
]
