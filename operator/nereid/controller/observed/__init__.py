"""Facts about the cluster: raw objects go in, small frozen values come out.

The only place that reads raw Kubernetes objects. Pure: no client, no clock.
"""
