#!/bin/sh
# Same place and contract as in NVIDIA's image: the arguments are the command, and they replace this process, so that
# a signal to the container reaches tritonserver itself.
exec "$@"
