{{/*
The rates of those series of Istio's whose word counts: of believed callers, of callers in the revision's own namespace, and of
the revision's pods for all other callers, under the labels that callers' series have.
*/}}
{{- define "nereid.counted" -}}
{{- if .everybody -}}
rate({{ .metric }}{ {{- .callers -}} }[1m])
unless rate({{ .metric }}{ {{- .callers }}, {{ .unanswered -}} }[1m])
{{- else -}}
(
  rate({{ .metric }}{ {{- .callers }}, namespace=~"{{ .believed }}"}[1m])
  unless rate({{ .metric }}{ {{- .callers }}, namespace=~"{{ .believed }}", {{ .unanswered -}} }[1m])
)
or
(
  rate({{ .metric }}{ {{- .callers }}, namespace!~"{{ .believed }}"}[1m])
  and on (namespace, destination_service_namespace) nereid:revision:info
)
or
label_replace(
  label_replace(
    # First the sum, as a page may tell of one workload under several names of Services.
    sum by (namespace, destination_workload, source_canonical_service, response_code, grpc_response_status, response_flags, le) (
      rate({{ .metric }}{ {{- .pods -}} }[1m])
      unless on (namespace, source_workload_namespace)
        label_replace(nereid:revision:info, "source_workload_namespace", "$1", "namespace", "(.+)")
    ),
    "destination_service_name", "$1", "destination_workload", "(.+)"
  ),
  "destination_service_namespace", "$1", "namespace", "(.+)"
)
{{- end }}
{{- end }}
