"""InferenceServices of KServe, turned into ModelDeployments. Pure: what is read and written belongs to the command."""
