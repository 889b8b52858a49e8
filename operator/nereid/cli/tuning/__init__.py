"""The shell of `nereid tune`: it speaks to the cluster, reads the user's options, and tells the outcome."""
