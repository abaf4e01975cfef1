"""Many trainings of one experiment: what search and soundings both use."""
