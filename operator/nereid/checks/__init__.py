"""What the Job runs that checks a candidate: it asks the candidate, and stable, and leaves word of what came of it.

It runs in a pod of its own, as its own short process, and shares nothing with the operator but the image and the words
of `api.check_job`. It must not import the operator's cluster, build or rollout code.
"""
