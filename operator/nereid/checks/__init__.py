"""What the check Job runs: it sends requests to the candidate, and to stable, and reports the result of each check.

It is a short process in its own pod, and shares nothing with the operator but the image and the contract in
`contract.check_job`. It must not import the operator's cluster, build or rollout code.
"""
