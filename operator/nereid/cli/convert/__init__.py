"""InferenceServices of KServe, turned into ModelDeployments. Pure: only the command reads and writes."""
