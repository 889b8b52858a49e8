"""The process `nereid run`: it makes the cluster match each ModelDeployment.

Pure but for `shell`: plan (what a spec means), observed (what there is), decide (what to do now), build (which
objects should exist), report (what status says).
"""
