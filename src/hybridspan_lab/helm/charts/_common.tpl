{{/* What every chart begins with: settings without which nothing can be installed, in the right namespace. */}}
{{- define "apigee.check" -}}
{{- $_ := required "org is required: the name of the Apigee organization" .Values.org -}}
{{- $_ := required "gcp.projectID is required" .Values.gcp.projectID -}}
{{- $_ := required "gcp.region is required" .Values.gcp.region -}}
{{- $_ := required "k8sCluster.name is required" .Values.k8sCluster.name -}}
{{- $_ := required "k8sCluster.region is required" .Values.k8sCluster.region -}}
{{- $_ := required "instanceID is required: a name of this installation that no other has" .Values.instanceID -}}
{{- if dig "auth" "secretProviderClass" "" .Values.cassandra -}}
{{- fail "cassandra.auth.secretProviderClass is not rehearsed: there is no Vault and no driver that mounts its secrets" -}}
{{- end -}}
{{- if and .Values.namespace (ne .Values.namespace .Release.Namespace) -}}
{{- fail (printf "namespace is %s in the overrides, but the release is for namespace %s" .Values.namespace .Release.Namespace) -}}
{{- end -}}
{{- end -}}

{{- define "apigee.orgName" -}}
{{ trunc 15 .Values.org }}-{{ sha256sum .Values.org | trunc 7 }}
{{- end -}}

{{- define "apigee.labels" -}}
apigee.cloud.google.com/platform: apigee
org: {{ .Values.org | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "apigee.hub" -}}
{{ .Values.hub | default "gcr.io/apigee-release/hybrid" }}
{{- end -}}

{{/* {key, value, required} of a node pool, or nothing: (list $ "apigeeData") */}}
{{- define "apigee.nodeSelector" -}}
{{- $chosen := get ((index . 0).Values.nodeSelector | default dict) (index . 1) | default dict -}}
{{- if $chosen.key -}}
{{- dict "key" $chosen.key "value" $chosen.value "required" (index . 0).Values.nodeSelector.requiredForScheduling | toJson -}}
{{- else -}}
{}
{{- end -}}
{{- end -}}

{{/* Whether pods get their Google identity from the cluster instead of from a key. */}}
{{- define "apigee.workloadIdentity" -}}
{{- if or (dig "workloadIdentity" "enabled" false .Values.gcp) (dig "federatedWorkloadIdentity" "enabled" false .Values.gcp) -}}
true
{{- end -}}
{{- end -}}

{{/* The secret with a service account's key: (list $ "mart" settings) */}}
{{- define "apigee.accountSecret" -}}
{{- $settings := index . 2 | default dict -}}
{{- if not (or $settings.serviceAccountRef $settings.serviceAccountPath (include "apigee.workloadIdentity" (index . 0))) -}}
{{- fail (printf "%s: serviceAccountRef or serviceAccountPath is required, unless workload identity is enabled" (index . 1)) -}}
{{- end -}}
{{- if $settings.serviceAccountRef -}}
{{ $settings.serviceAccountRef }}
{{- else if $settings.serviceAccountPath -}}
apigee-{{ lower (index . 1) }}-svc-account-{{ include "apigee.orgName" (index . 0) }}
{{- end -}}
{{- end -}}

{{/* That secret itself, where the overrides name a file; the file is one of the chart's folder. */}}
{{- define "apigee.account" -}}
{{- $root := index . 0 -}}
{{- $settings := index . 2 | default dict -}}
{{- if and $settings.serviceAccountPath (not $settings.serviceAccountRef) }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "apigee.accountSecret" . }}
  namespace: {{ $root.Release.Namespace }}
type: Opaque
data:
  client_secret.json: {{ include "apigee.file" (list $root $settings.serviceAccountPath) }}
{{- end -}}
{{- end -}}

{{- define "apigee.file" -}}
{{- $content := (index . 0).Files.Get (index . 1) -}}
{{- if not $content -}}
{{- fail (printf "%s: no such file in the chart %s; put it there, or name a secret instead" (index . 1) (index . 0).Chart.Name) -}}
{{- end -}}
{{- $content | b64enc -}}
{{- end -}}

{{/* The pod that looks at the cluster before a release changes it: (list $ "datastore") */}}
{{- define "apigee.guardrail" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: apigee-hybrid-helm-guardrail-{{ $component }}
  namespace: {{ $root.Release.Namespace }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: "-10"
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: apigee-hybrid-helm-guardrail-{{ $component }}
  namespace: {{ $root.Release.Namespace }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: "-10"
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
rules:
  - {apiGroups: [apigee.cloud.google.com], resources: ["*"], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: apigee-hybrid-helm-guardrail-{{ $component }}
  namespace: {{ $root.Release.Namespace }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: "-9"
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: apigee-hybrid-helm-guardrail-{{ $component }}}
subjects:
  - {kind: ServiceAccount, name: apigee-hybrid-helm-guardrail-{{ $component }}, namespace: {{ $root.Release.Namespace }}}
---
apiVersion: v1
kind: Pod
metadata:
  name: apigee-hybrid-helm-guardrail-{{ $component }}
  namespace: {{ $root.Release.Namespace }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: "0"
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  restartPolicy: Never
  serviceAccountName: apigee-hybrid-helm-guardrail-{{ $component }}
  containers:
    - name: apigee-hybrid-helm-guardrail-{{ $component }}
      image: {{ include "apigee.hub" $root }}/apigee-watcher:{{ $root.Chart.AppVersion }}
      command: [apigee-guardrails]
      env:
        - {name: APIGEE_CHECKPOINT, value: {{ ternary "upgrade" "install" $root.Release.IsUpgrade }}}
        - {name: APIGEE_COMPONENT, value: apigee-{{ $component }}}
        - {name: APIGEE_VERSION, value: {{ $root.Chart.AppVersion | quote }}}
        - {name: APIGEE_BACKUP_ENABLED, value: {{ dig "backup" "enabled" false $root.Values.cassandra | quote }}}
        - {name: POD_NAMESPACE, value: {{ $root.Release.Namespace }}}
{{- end -}}
