"""What a model's init container does: bring one model from its source into Triton's model repository.

It runs in the pod of the model, as its own short process, and shares nothing with the operator but the image. It must
not import the operator's cluster, build or rollout code.
"""
