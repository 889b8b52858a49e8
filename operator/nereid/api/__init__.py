"""The ModelDeployment resource as types: what a user writes, what the operator reports, and the CRD made from both."""
