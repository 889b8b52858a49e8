"""What a model's init container does: fetch one model from its source into Triton's model repository.

It is a short process in the model's pod, and shares nothing with the operator but the contract. It must not import the
operator's cluster, build or rollout code.
"""
