{{- define "nemeton.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "nemeton.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "nemeton.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "nemeton.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "nemeton.selector" -}}
app.kubernetes.io/name: {{ include "nemeton.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "nemeton.labels" -}}
{{ include "nemeton.selector" . }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "nemeton.serviceAccount" -}}
{{- default (include "nemeton.fullname" .) (.Values.serviceAccount).name }}
{{- end }}

{{/* The namespaces that are watched, separated by commas; "" is all. */}}
{{- define "nemeton.namespaces" -}}
{{- $said := (.Values.env).WATCH_NAMESPACE | default "" | toString | nospace }}
{{- if and (not $said) (not (.Values.global).createClusterRole) }}{{ .Release.Namespace }}{{ else }}{{ $said }}{{ end }}
{{- end }}

{{/* The rules of a role in a file, which holds the role first and its binding then. */}}
{{- define "nemeton.rules" -}}
{{- $role := index (splitList "\n---\n" (.root.Files.Get .file)) 0 | fromYaml }}
{{- toYaml $role.rules }}
{{- end }}

{{- define "nemeton.subjects" -}}
- kind: ServiceAccount
  name: {{ include "nemeton.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* The files of the kinds: with rules that the API server holds itself, where it can. */}}
{{- define "nemeton.crds" -}}
{{- if semverCompare ">=1.25-0" .Capabilities.KubeVersion.Version }}files/crd-cel-{{ else }}files/crd-druid{{ end }}
{{- end }}
