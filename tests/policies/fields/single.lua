-- One situation a row: what the cluster (under spec) and the group (under spec.nodes.hot) say, as YAML, and
-- what comes out where. false: nothing is there. The group is a historical named `hot` of the cluster `demo`
-- in the namespace `ns`, with druid.port 8083. Each row is tried with a StatefulSet and a Deployment, unless
-- `only` says otherwise. `extra` are the files of the ConfigMaps named by extraCommonConfig.
--
-- Places: workload/, template/, pod/, main/, config/ and common/ (files), services, service/, budget/,
-- ingress/, autoscaler/, claims.

return {
  -- Configuration
  { "common.runtime.properties", "is a file of the common ConfigMap",
    cluster = "common.runtime.properties: a=b", makes = { ["common/common.runtime.properties"] = "a=b" } },
  { "zookeeper", "follows the common properties, and the metadata store and the deep storage follow it",
    cluster = [[
      common.runtime.properties: a=b
      deepStorage: {type: default, spec: {properties: s=1}}
      metadataStore: {type: default, spec: {properties: m=1}}
      zookeeper: {type: default, spec: {properties: z=1}}]],
    makes = { ["common/common.runtime.properties"] = '"a=b\\nz=1\\n\\nm=1\\n\\ns=1\\n"' } },
  { "metadataStore", "can be the only one",
    cluster = "{common.runtime.properties: a=b, metadataStore: {type: default, spec: {properties: m=1}}}",
    makes = { ["common/common.runtime.properties"] = '"a=b\\nm=1\\n"' } },
  { "deepStorage", "may be a JSON text, as an old schema asked for",
    cluster = [[
      common.runtime.properties: a=b
      deepStorage: {type: default, spec: '{"properties":"s=1"}'}]],
    makes = { ["common/common.runtime.properties"] = '"a=b\\ns=1\\n"' } },
  { "metricDimensions.json", "is a file of the same name", cluster = "metricDimensions.json: '{}'",
    makes = { ["common/metricDimensions.json"] = "'{}'" } },
  { "hdfs-site.xml", "is a file of the same name", cluster = "hdfs-site.xml: <a/>",
    makes = { ["common/hdfs-site.xml"] = "<a/>", ["common/core-site.xml"] = false } },
  { "core-site.xml", "is a file of the same name; empty, it is none",
    cluster = "{core-site.xml: <a/>, hdfs-site.xml: ''}",
    makes = { ["common/core-site.xml"] = "<a/>", ["common/hdfs-site.xml"] = false } },
  { "extraCommonConfig", "adds files; the later ConfigMap wins, and may replace what is built in",
    cluster = "{core-site.xml: <mine/>, extraCommonConfig: [{name: a}, {name: b, namespace: other}]}",
    extra = { "{x: '1', z: '1'}", "{z: '2', core-site.xml: <theirs/>}" },
    makes = { ["common/x"] = "'1'", ["common/z"] = "'2'", ["common/core-site.xml"] = "<theirs/>" } },
  { "runtime.properties", "follows druid.port", group = "runtime.properties: x=y",
    makes = { ["config/runtime.properties"] = '"druid.port=8083\\nx=y"' } },
  { "extra.jvm.options", "follows jvm.options", cluster = "jvm.options: -server", group = "extra.jvm.options: -Xmx1g",
    makes = { ["config/jvm.config"] = '"-server\\n-Xmx1g"', ["config/log4j2.xml"] = false } },
  { "commonConfigMountPath", "is where the common files are mounted, read-only",
    cluster = "commonConfigMountPath: /common",
    makes = { ["main/volumeMounts/1"] = "{name: common-config-volume, mountPath: /common, readOnly: true}",
      ["pod/volumes/1"] = "{name: common-config-volume, configMap: {name: demo-druid-common-config}}" } },
  { "commonConfigMountPath", "has the default of the image",
    makes = { ["main/volumeMounts/1/mountPath"] = "/opt/druid/conf/druid/cluster/_common" } },
  { "nodeConfigMountPath", "is where the group's files are mounted, read-only", group = "nodeConfigMountPath: /own",
    makes = { ["main/volumeMounts/2"] = "{name: nodetype-config-volume, mountPath: /own, readOnly: true}",
      ["pod/volumes/2"] = "{name: nodetype-config-volume, configMap: {name: druid-demo-hot-config}}" } },
  { "nodeConfigMountPath", "empty, it follows from the process", group = "nodeConfigMountPath: ''",
    makes = { ["main/volumeMounts/2/mountPath"] = "/druid/conf/druid/historical" } },

  -- The process
  { "nodeType", "is the label component and the script's argument", group = "nodeType: broker",
    makes = { ["main/command"] = "[/druid.sh, broker]", ["workload/metadata/labels/component"] = "broker",
      ["main/readinessProbe/httpGet/path"] = "/druid/broker/v1/readiness", ["main/args"] = false } },
  { "startScript", "starts Druid", cluster = "startScript: /start.sh",
    makes = { ["main/command"] = "[/start.sh, historical]" } },
  { "startScript", "empty, it is Druid's own", cluster = "startScript: ''",
    makes = { ["main/command"] = "[bin/run-druid.sh, historical]" } },
  { "serviceAccount", "is that of every group", cluster = "serviceAccount: druid",
    makes = { ["pod/serviceAccountName"] = "druid" } },
  { "serviceAccountName", "goes before it", cluster = "serviceAccount: druid", group = "serviceAccountName: hot",
    makes = { ["pod/serviceAccountName"] = "hot" } },
  { "druid.port", "is in the configuration, the probes, the container and the Service", group = "druid.port: 9000",
    cluster = "services: [{}]",
    makes = { ["config/runtime.properties"] = '"druid.port=9000\\n"', ["main/livenessProbe/httpGet/port"] = "9000",
      ["main/ports"] = "[{name: druid-port, containerPort: 9000, protocol: TCP}]",
      ["service/spec/ports"] = "[{name: service-port, port: 9000, targetPort: 9000, protocol: TCP}]" } },
  { "ports", "come before druid.port", group = "ports: [{name: jmx, containerPort: 1}, {containerPort: 1, protocol: UDP}]",
    makes = { ["main/ports"] = [=[[{name: jmx, containerPort: 1, protocol: TCP}, {containerPort: 1, protocol: UDP},
      {name: druid-port, containerPort: 8083, protocol: TCP}]]=] } },
  { "ports", "one for druid.port itself keeps its name", group = "ports: [{name: http, containerPort: 8083}]",
    makes = { ["main/ports"] = "[{name: http, containerPort: 8083, protocol: TCP}]" } },
  { "env", "ends with the variable that restarts pods; of two equal ones the last wins",
    cluster = "env: [{name: A, value: '1'}, {name: B, value: '2'}, {name: A, value: '3'}]",
    makes = { ["main/env/1"] = "{name: B, value: '2'}", ["main/env/2"] = "{name: A, value: '3'}",
      ["main/env/3/name"] = "configMapSHA" } },
  { "resources", "are the Druid container's", group = "resources: {limits: {cpu: 2}, requests: {memory: 1Gi}}",
    makes = { ["main/resources"] = "{limits: {cpu: 2}, requests: {memory: 1Gi}}" } },
  { "lifecycle", "is the Druid container's", group = "lifecycle: {preStop: {exec: {command: [sleep, '5']}}}",
    makes = { ["main/lifecycle"] = "{preStop: {exec: {command: [sleep, '5']}}}" } },
  { "terminationGracePeriodSeconds", "is the pods'", group = "terminationGracePeriodSeconds: 0",
    makes = { ["pod/terminationGracePeriodSeconds"] = "0" } },
  { "topologySpreadConstraints", "are the pods'",
    group = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]",
    makes = { ["pod/topologySpreadConstraints"] =
      "[{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]" } },
  { "imagePullSecrets", "one that is listed twice is there once", cluster = "imagePullSecrets: [{name: a}, {name: a}]",
    makes = { ["pod/imagePullSecrets"] = "[{name: a}]" } },
  { "affinity", "parts newer than any schema pass",
    cluster = "{affinity: {newAffinity: {a: [1, {b: c}]}}, securityContext: {newField: [true]}}",
    makes = { ["pod/affinity"] = "{newAffinity: {a: [1, {b: c}]}}", ["pod/securityContext"] = "{newField: [true]}" } },
  { "additionalContainer", "has everything that is said, and nothing of the Druid container",
    cluster = "{image: druid:1, env: [{name: A, value: a}]}",
    group = [[
      additionalContainer:
        - {containerName: side, image: i:1, imagePullPolicy: Always, command: [a], args: [b],
           env: [{name: B, value: b}], envFrom: [{secretRef: {name: s}}], resources: {limits: {cpu: 1}},
           volumeMounts: [{name: common-config-volume, mountPath: /c}], securityContext: {runAsUser: 1}}]],
    makes = { ["pod/containers/2"] = [[
      {name: side, image: i:1, imagePullPolicy: Always, command: [a], args: [b], env: [{name: B, value: b}],
       envFrom: [{secretRef: {name: s}}], resources: {limits: {cpu: 1}},
       volumeMounts: [{name: common-config-volume, mountPath: /c}], securityContext: {runAsUser: 1}}]],
      ["pod/initContainers"] = false } },

  -- Probes
  { "defaultProbes", "fit the process: a historical's", makes = {
    ["main/livenessProbe"] = [[{httpGet: {path: /status/health, port: 8083}, initialDelaySeconds: 5, timeoutSeconds: 5,
      periodSeconds: 10, failureThreshold: 10, successThreshold: 1}]],
    ["main/readinessProbe"] = [[{httpGet: {path: /druid/historical/v1/readiness, port: 8083}, initialDelaySeconds: 5,
      timeoutSeconds: 5, periodSeconds: 10, failureThreshold: 20, successThreshold: 1}]],
    ["main/startupProbe"] = [[{httpGet: {path: /druid/historical/v1/readiness, port: 8083}, initialDelaySeconds: 180,
      timeoutSeconds: 10, periodSeconds: 30, failureThreshold: 20, successThreshold: 1}]] } },
  { "defaultProbes", "fit the process: a broker's", group = "nodeType: broker", makes = {
    ["main/startupProbe"] = [[{httpGet: {path: /druid/broker/v1/readiness, port: 8083}, initialDelaySeconds: 5,
      timeoutSeconds: 5, periodSeconds: 10, failureThreshold: 20, successThreshold: 1}]] } },
  { "defaultProbes", "fit the process: any other's", group = "nodeType: overlord", makes = {
    ["main/readinessProbe"] = [[{httpGet: {path: /status/health, port: 8083}, initialDelaySeconds: 5, timeoutSeconds: 5,
      periodSeconds: 10, failureThreshold: 10, successThreshold: 1}]] } },
  { "defaultProbes", "false: none but what is said", cluster = "defaultProbes: false",
    group = "readinessProbe: {tcpSocket: {port: 1}}",
    makes = { ["main/livenessProbe"] = false, ["main/startupProbe"] = false,
      ["main/readinessProbe"] = "{tcpSocket: {port: 1}}" } },
  { "livenessProbe", "{} says none, for one group", cluster = "livenessProbe: {exec: {command: [a]}}",
    group = "livenessProbe: {}", makes = { ["main/livenessProbe"] = false } },
  { "startUpProbe", "{} says none, for the cluster, in place of the default", cluster = "startUpProbe: {}",
    makes = { ["main/startupProbe"] = false } },
  { "readinessProbe", "a port of 0 is druid.port", cluster = "readinessProbe: {httpGet: {path: /x, port: 0}, periodSeconds: 3}",
    makes = { ["main/readinessProbe"] = "{httpGet: {path: /x, port: 8083}, periodSeconds: 3}" } },
  { "readinessProbe", "a port that is left out, or empty, is druid.port",
    cluster = "livenessProbe: {httpGet: {path: /x, port: ''}}",
    group = "readinessProbe: {httpGet: {path: /x, scheme: HTTPS}}",
    makes = { ["main/readinessProbe"] = "{httpGet: {path: /x, scheme: HTTPS, port: 8083}}",
      ["main/livenessProbe"] = "{httpGet: {path: /x, port: 8083}}" } },

  -- Workloads
  { "kind", "is a StatefulSet when nothing is said", only = "StatefulSet", group = "kind: null",
    makes = { ["workload/kind"] = "StatefulSet" } },
  { "kind", "may be a Deployment, which has no claims, no serviceName and a strategy of its own", only = "Deployment",
    cluster = "{services: [{}], updateStrategy: {type: OnDelete}}",
    group = "volumeClaimTemplates: [{metadata: {name: d}, spec: {}}]",
    makes = { ["workload/kind"] = "Deployment", ["workload/spec/volumeClaimTemplates"] = false,
      ["workload/spec/serviceName"] = false, ["workload/spec/updateStrategy"] = false,
      ["workload/spec/podManagementPolicy"] = false, ["workload/spec/strategy"] = "{type: RollingUpdate}" } },
  { "replicas", "is the workload's", group = "replicas: 3", makes = { ["workload/spec/replicas"] = "3" } },
  { "replicas", "may be 0", group = "replicas: 0", makes = { ["workload/spec/replicas"] = "0" } },
  { "maxSurge", "is a Deployment's", only = "Deployment", group = "maxSurge: 2",
    makes = { ["workload/spec/strategy"] = "{type: RollingUpdate, rollingUpdate: {maxSurge: 2}}" } },
  { "maxUnavailable", "is a Deployment's, a share too", only = "Deployment", group = "{maxUnavailable: 25%, maxSurge: 0}",
    makes = { ["workload/spec/strategy"] = "{type: RollingUpdate, rollingUpdate: {maxUnavailable: 25%, maxSurge: 0}}" } },
  { "maxSurge", "is nothing to a StatefulSet", only = "StatefulSet", group = "{maxSurge: 1, maxUnavailable: 1}",
    makes = { ["workload/spec/strategy"] = false, ["workload/spec/updateStrategy"] = false } },
  { "podManagementPolicy", "is Parallel when nothing is said", only = "StatefulSet",
    makes = { ["workload/spec/podManagementPolicy"] = "Parallel" } },
  { "podLabels", "never select pods", cluster = "podLabels: {team: x}",
    makes = { ["workload/spec/selector/matchLabels"] =
      "{app: druid, druid_cr: demo, nodeSpecUniqueStr: druid-demo-hot, component: historical}" } },
  { "podLabels", "do not take the place of the operator's", group = "podLabels: {app: mine, component: mine}",
    makes = { ["template/metadata/labels"] =
      "{app: druid, druid_cr: demo, nodeSpecUniqueStr: druid-demo-hot, component: historical}" } },
  { "podAnnotations", "are not the workload's", cluster = "podAnnotations: {a: b}",
    makes = { ["workload/metadata/annotations"] = false } },
  { "workloadAnnotations", "are not the pods'", cluster = "workloadAnnotations: {a: b}",
    makes = { ["template/metadata/annotations"] = false } },
  { "volumeClaimTemplates", "keep names, labels, annotations and spec", only = "StatefulSet",
    cluster = [[
      volumeClaimTemplates:
        - metadata: {name: d, labels: {a: b}, annotations: {c: d}, creationTimestamp: null}
          spec: {storageClassName: fast, volumeMode: Filesystem}]],
    makes = { ["workload/spec/volumeClaimTemplates"] =
      [=[[{metadata: {name: d, labels: {a: b}, annotations: {c: d}}, spec: {storageClassName: fast,
        volumeMode: Filesystem}}]]=] } },

  -- What a group has besides
  { "services", "have the group's name, or a template with %s for it",
    cluster = "services: [{}, {metadata: {name: 'x-%s'}}, {metadata: {name: 'fixed'}}]",
    makes = { ["services/1/metadata/name"] = "druid-demo-hot", ["services/2/metadata/name"] = "x-druid-demo-hot",
      ["services/3/metadata/name"] = "fixed" } },
  { "services", "the first is the StatefulSet's", only = "StatefulSet",
    cluster = "services: [{metadata: {name: '%s-headless'}, spec: {clusterIP: None}}, {}]",
    makes = { ["workload/spec/serviceName"] = "druid-demo-hot-headless", ["service/spec/clusterIP"] = "None" } },
  { "services", "[] of a group: none", only = "StatefulSet", cluster = "services: [{}]", group = "services: []",
    makes = { services = false, ["workload/spec/serviceName"] = "''" } },
  { "services", "select the group's pods, add to labels, and are in the cluster's namespace",
    cluster = [[
      services:
        - metadata: {namespace: elsewhere, labels: {app: mine, own: x}, annotations: {a: b}}
          spec: {type: LoadBalancer, selector: {app: mine, extra: w}, ports: [{port: 80, targetPort: 8083}], newField: 1}]],
    makes = { ["service/metadata/namespace"] = "ns", ["service/metadata/annotations"] = "{a: b}",
      ["service/metadata/labels"] =
        "{app: druid, own: x, druid_cr: demo, nodeSpecUniqueStr: druid-demo-hot, component: historical}",
      ["service/spec"] = [[{type: LoadBalancer, newField: 1, ports: [{port: 80, targetPort: 8083, protocol: TCP}],
        selector: {app: druid, extra: w, druid_cr: demo, nodeSpecUniqueStr: druid-demo-hot, component: historical}}]] } },
  { "podDisruptionBudgetSpec", "is a budget of the group's pods",
    group = "podDisruptionBudgetSpec: {maxUnavailable: 1, selector: {matchLabels: {a: b}}}",
    makes = { ["budget/metadata/name"] = "druid-demo-hot", ["budget/spec"] = [[{maxUnavailable: 1, selector: {matchLabels:
      {app: druid, druid_cr: demo, nodeSpecUniqueStr: druid-demo-hot, component: historical}}}]] } },
  { "podDisruptionBudgetSpec", "left out: none", makes = { budget = false } },
  { "hpAutoscaler", "is an autoscaler with that spec",
    group = [[hpAutoscaler: {minReplicas: 1, maxReplicas: 3, behavior: {scaleDown: {policies: []}},
      scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: druid-demo-hot}}]],
    makes = { ["autoscaler/metadata/name"] = "druid-demo-hot", ["autoscaler/metadata/labels"] = "{app: druid, druid_cr: demo}",
      ["autoscaler/spec"] = [[{minReplicas: 1, maxReplicas: 3, behavior: {scaleDown: {policies: []}},
        scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: druid-demo-hot}}]] } },
  { "hpAutoscaler", "is for the group's workload when it does not say", only = "Deployment",
    group = "hpAutoscaler: {maxReplicas: 3}",
    makes = { ["autoscaler/spec/scaleTargetRef"] = "{apiVersion: apps/v1, kind: Deployment, name: druid-demo-hot}" } },
  { "ingress", "is an Ingress with that spec", group = "ingress: {ingressClassName: nginx, rules: [{host: h}], newField: 1}",
    makes = { ["ingress/spec"] = "{ingressClassName: nginx, rules: [{host: h}], newField: 1}",
      ["ingress/metadata/name"] = "druid-demo-hot", ["ingress/metadata/annotations"] = false } },
  { "ingressAnnotations", "are the Ingress's", group = "{ingress: {rules: [{host: h}]}, ingressAnnotations: {a: b}}",
    makes = { ["ingress/metadata/annotations"] = "{a: b}" } },
  { "ingressAnnotations", "make no Ingress", group = "{ingress: {}, ingressAnnotations: {a: b}}", makes = { ingress = false } },
  { "persistentVolumeClaim", "are claims, each with its own name", group = [[
      persistentVolumeClaim:
        - {metadata: {name: one, labels: {a: b}, annotations: {c: d}}, spec: {storageClassName: fast}}
        - {spec: {volumeName: v}}]],
    makes = { ["claims/1/metadata/name"] = "one", ["claims/1/metadata/annotations"] = "{c: d}",
      ["claims/1/metadata/labels"] =
        "{a: b, app: druid, druid_cr: demo, nodeSpecUniqueStr: druid-demo-hot, component: historical}",
      ["claims/1/spec"] = "{storageClassName: fast}", ["claims/2/metadata/name"] = "druid-demo-hot",
      ["claims/2/metadata/ownerReferences/1/kind"] = "Druid", ["claims/3"] = false } },
  { "disablePVCDeletionFinalizer", "keeps claims from going with the cluster", cluster = "disablePVCDeletionFinalizer: true",
    group = "persistentVolumeClaim: [{spec: {}}]", makes = { ["claims/1/metadata/ownerReferences"] = false } },
  { "ignored", "changes nothing", cluster = "ignored: true", makes = { ["workload/spec/replicas"] = "1" } },
}
