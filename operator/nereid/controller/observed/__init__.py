"""What the cluster shows, as facts: raw objects go in, small frozen values come out.

The only place that digs in raw Kubernetes objects. Pure: no client, no clock.
"""
