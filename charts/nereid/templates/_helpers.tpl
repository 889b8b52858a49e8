{{/* Names are cut to what a DNS label can hold. */}}
{{- define "nereid.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "nereid.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "nereid.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "nereid.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The name of an object of the whole cluster that each release has: no two releases make the same one. */}}
{{- define "nereid.clusterName" -}}
{{- printf "%s.%s" (include "nereid.fullname" .) .Release.Namespace }}
{{- end }}

{{- define "nereid.selectorLabels" -}}
app.kubernetes.io/name: {{ include "nereid.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "nereid.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "nereid.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "nereid.serviceAccountName" -}}
{{- default (ternary (include "nereid.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{- define "nereid.image" -}}
{{- include "nereid.imageReference" (dict "root" . "image" .Values.image) }}
{{- end }}

{{- define "nereid.modelsImage" -}}
{{- include "nereid.imageReference" (dict "root" . "image" .Values.models.image) }}
{{- end }}

{{/* An image of this project as pods name it; takes the values at its key, and the root for the version. */}}
{{- define "nereid.imageReference" -}}
{{- with .image -}}
{{- .repository }}:{{ default $.root.Chart.AppVersion .tag }}{{ with .digest }}@{{ . }}{{ end }}
{{- end }}
{{- end }}

{{/* Annotations of the operator's pod; those of the installer win. */}}
{{- define "nereid.podAnnotations" -}}
{{- /* By port and path alone, a sidecar merges the operator's metrics into its own, where a PodMonitor finds them. */}}
{{- $annotations := dict "prometheus.io/port" (toString .Values.metrics.port) "prometheus.io/path" "/metrics" }}
{{- if not (include "nereid.monitors" (dict "root" . "switch" .Values.monitoring.podMonitors.enabled)) }}
{{- $annotations = ternary (set $annotations "prometheus.io/scrape" "true") (dict) .Values.metrics.scrapeAnnotations }}
{{- end }}
{{- with mergeOverwrite $annotations .Values.podAnnotations }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* The folder into which the Secret of prometheus.auth is mounted; empty if there is none. */}}
{{- define "nereid.prometheusFolder" -}}
{{- with .Values.prometheus.auth }}
{{- if .secretName }}
{{- if not (or .tokenKey .caKey) }}
{{- fail "prometheus.auth.secretName has no effect by itself: set prometheus.auth.tokenKey, caKey, or both" }}
{{- end }}
{{- if not $.Values.prometheus.url }}
{{- fail "prometheus.auth has no effect without prometheus.url: set prometheus.url, or leave prometheus.auth.secretName empty" }}
{{- end }}
{{- print "/etc/nereid/prometheus" }}
{{- else if or .tokenKey .caKey }}
{{- fail "prometheus.auth.tokenKey and caKey are keys of a Secret: set prometheus.auth.secretName" }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Why the release's own namespace is not protected from its operator, although the value leaves that open: models that were
there before must stay as they can be changed, rolled back and deleted. Empty if it is protected, or the value says it.
*/}}
{{- define "nereid.modelsInOwnNamespace" -}}
{{- if eq (toString .Values.admissionPolicy.protectOwnNamespace) "auto" }}
{{- if has .Release.Namespace .Values.watchNamespaces }}
{{- print "watchNamespaces names it" }}
{{- else if .Capabilities.APIVersions.Has "nereid.dev/v1alpha1/ModelDeployment" }}
{{- if dig "items" list (lookup "nereid.dev/v1alpha1" "ModelDeployment" .Release.Namespace "") }}
{{- print "it has ModelDeployments" }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The namespaces in which the operator may write nothing, as a list in JSON. */}}
{{- define "nereid.protectedNamespaces" -}}
{{- $protected := list }}
{{- range .Values.admissionPolicy.protectedNamespaces }}
{{- $protected = append $protected (tpl . $) }}
{{- end }}
{{- $own := toString .Values.admissionPolicy.protectOwnNamespace }}
{{- if or (eq $own "true") (and (eq $own "auto") (not (include "nereid.modelsInOwnNamespace" .))) }}
{{- $protected = append $protected .Release.Namespace }}
{{- end }}
{{- $protected | uniq | toJson }}
{{- end }}

{{/* What the operator may do, verb by verb; a ClusterRole or a Role for each watched namespace holds it. */}}
{{- define "nereid.rules" -}}
- apiGroups: [nereid.dev]
  resources: [modeldeployments]
  verbs: [get, list, watch]
# Server-side apply is a patch.
- apiGroups: [nereid.dev]
  resources: [modeldeployments/status]
  verbs: [patch]
# Server-side apply of what does not exist yet is a create as well.
- apiGroups: [apps]
  resources: [controllerrevisions, deployments]
  verbs: [get, list, watch, create, patch, delete]
# Checks of a candidate run as a Job.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
# What makes a revision's pods more or fewer.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [get, list, watch, create, patch, delete]
# How many of a model's pods may be evicted at a time.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.istio.io]
  resources: [destinationrules, virtualservices]
  verbs: [get, list, watch, create, patch, delete]
# Why a pod is not ready, and why Triton ended.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# Which pods the Services have as endpoints: traffic moves to these only.
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}
