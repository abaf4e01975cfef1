"""What people do with the parts: train an experiment, keep its run, and go back to it.

`plan` turns an experiment into data, split, network and settings; `training` runs the plan, `recorder` writes the run's
folder meanwhile and `results` measures what came out. `trained`, `test_set`, `comparing`, `mistakes`, `label_audit` and
`mismatch` work on finished runs. Everything below (`strategy`, `training`, `data`, …) knows nothing of runs.
"""
