-- A Druid object, field by field. deploy/make-crd makes crd/ and deploy/crd-cel/ of it.
--
-- A field is { name, type, what it is for }. Types: text, boolean, int32, int64, time, number-or-text,
-- object; "[T]" is a list of T, "{T}" a map of T, "anything" is not looked at. Other names are in `types`.
-- A type with `open` is Kubernetes' own. Of such a type only what this program reads is named, so that
-- it has the type that is expected; everything else passes as it is, whatever the server's release.
--
-- What a value must be beyond its type is said in policies/druid/rules.lua: an object that was stored
-- once must stay readable, and its status writable, so the schema itself asks for as little as it can.

local types = {
  Dependency = { required = { "type", "spec" }, fields = {
    { "type", "text", "Only \"default\" is known." },
    { "spec", "anything", "An object with the one field `properties`: the lines as text." },
  } },
  Secret = { fields = {
    { "name", "text", "Name of the Secret." },
    { "namespace", "text",
      "Namespace of the Secret, that of the Druid object when it is left out. Another one has to allow it: by the "
      .. "annotation nemeton.dev/readable-from of the Secret, with namespaces separated by commas." },
  } },
  Certificate = { required = { "name" }, fields = {
    { "name", "text", "Its name, in the namespace of the Druid object." },
    { "key", "text", "Its key; ca.crt when it is left out." },
  } },
  Auth = { required = { "type", "secretRef" }, fields = {
    { "type", "text", "How to log in: basic-auth." },
    { "secretRef", "Secret", "The Secret with name and password." },
    { "usernameKey", "text", "Key of the name in the Secret; OperatorUserName when it is left out." },
    { "passwordKey", "text", "Key of the password in the Secret; OperatorPassword when it is left out." },
  } },
  DrainStrategy = { fields = {
    { "strategy", "text",
      "drain: a worker gets no new tasks and is replaced when its tasks are done. restore: it is replaced at once, "
      .. "for Druid is configured to restore its tasks. none: it is replaced like any other pod. drain when it is left out." },
    { "drainTimeout", "text", "How long its tasks may take: 1h when it is left out." },
    { "podReadyTimeout", "text", "How long its new pod may take: 30m when it is left out." },
    { "onTimeout", "text",
      "hold: it waits on, and the cluster is Degraded. proceed: it is replaced, and tasks that still run fail. hold "
      .. "when the block is left out; proceed when it is there without this, as in apache/druid-operator." },
    { "whenDeleted", "text",
      "drain: before the cluster is deleted its workers end their tasks, for drainTimeout at most. none when it is left "
      .. "out: they are deleted with it." },
    { "maxUnavailable", "number-or-text", "Workers of a group that may be emptied or away at a time: a number, or a "
      .. "percentage such as 10%; 1 when it is left out." },
  } },
  VolumeResizing = { fields = {
    { "name", "text", "The claim." },
    { "from", "text", "Its size now." },
    { "to", "text", "The size that was asked for." },
    { "phase", "text", "Asked, Resizing, FileSystemResizePending (its pod has to be on a node) or Failed." },
    { "message", "text", "What Kubernetes says about it." },
  } },
  VolumeRetention = { fields = {
    { "whenDeleted", "text",
      "What becomes of volumes when the cluster is deleted: Delete or Retain. Retain when it is left out and "
      .. "disablePVCDeletionFinalizer is true, else Delete." },
    { "whenScaled", "text",
      "What becomes of volumes of ordinals that were scaled away: Retain or Delete. Retain when it is left out." },
    { "after", "text", "How long a volume that was scaled away is kept for whenScaled: Delete; 1h when it is left out. "
      .. "whenDeleted knows no delay." },
  } },
  Container = { required = { "containerName", "image" }, fields = {
    { "containerName", "text", "Name of the container; once in a pod." },
    { "image", "text", "Image of the container. Nothing is taken over from the Druid container." },
    { "imagePullPolicy", "text", "When to pull the image." },
    { "runAsInit", "boolean", "Run it to its end before Druid starts, instead of beside it." },
    { "command", "[text]", "Replaces the image's entrypoint." },
    { "args", "[text]", "Arguments of the command." },
    { "env", "[EnvVar]", "Environment of the container." },
    { "envFrom", "[EnvFromSource]", "ConfigMaps and Secrets that become environment." },
    { "resources", "ResourceRequirements", "Requests and limits of the container." },
    { "volumeMounts", "[VolumeMount]", "Volumes of the pod that the container sees." },
    { "securityContext", "SecurityContext", "Security context of the container." },
  } },

  -- Kubernetes' own
  Affinity = { open = true },
  ConfigMapReference = { open = true, fields = {
    { "name", "text", "The ConfigMap's name." },
    { "namespace", "text", "Its namespace; that of this object when it is left out." },
  } },
  ContainerPort = { open = true, fields = {
    { "name", "text" }, { "containerPort", "int32" }, { "protocol", "text" },
  } },
  EnvFromSource = { open = true },
  EnvVar = { open = true, fields = { { "name", "text" } } },
  HorizontalPodAutoscalerSpec = { open = true, fields = {
    { "minReplicas", "int32" }, { "maxReplicas", "int32" },
    { "scaleTargetRef", { open = true, fields = { { "kind", "text" }, { "name", "text" } } } },
  } },
  IngressSpec = { open = true },
  Lifecycle = { open = true },
  LocalObjectReference = { open = true, fields = { { "name", "text" } } },
  ObjectMeta = { open = true, fields = {
    { "name", "text" }, { "labels", "{text}" }, { "annotations", "{text}" },
  } },
  PersistentVolumeClaim = { open = true, fields = {
    { "metadata", "ObjectMeta" },
    { "spec", { open = true, fields = { { "resources", "ResourceRequirements" } } } },
  } },
  PodDisruptionBudgetSpec = { open = true, fields = {
    { "minAvailable", "number-or-text" }, { "maxUnavailable", "number-or-text" },
  } },
  PodDNSConfig = { open = true },
  PodSecurityContext = { open = true },
  Probe = { open = true, fields = {
    { "httpGet", { open = true, fields = { { "port", "number-or-text" } } } },
    { "exec", { open = true } }, { "tcpSocket", { open = true } }, { "grpc", { open = true } },
    { "initialDelaySeconds", "int32" }, { "timeoutSeconds", "int32" }, { "periodSeconds", "int32" },
    { "successThreshold", "int32" }, { "failureThreshold", "int32" },
  } },
  ResourceRequirements = { open = true, fields = {
    { "limits", "{number-or-text}" }, { "requests", "{number-or-text}" },
  } },
  SecurityContext = { open = true },
  Service = { open = true, fields = {
    { "metadata", "ObjectMeta" },
    { "spec", { open = true, fields = {
      { "type", "text" }, { "selector", "{text}" },
      { "ports", { list = true, open = true, fields = {
        { "name", "text" }, { "port", "int32" }, { "protocol", "text" } } } },
    } } },
  } },
  StatefulSetUpdateStrategy = { open = true, fields = { { "type", "text" } } },
  Toleration = { open = true },
  TopologySpreadConstraint = { open = true },
  Volume = { open = true, fields = { { "name", "text" } } },
  VolumeMount = { open = true, fields = { { "name", "text" }, { "mountPath", "text" } } },
}

-- Fields that the cluster and each group have: name, type, how the two meet, what it is for.
--   replace  the group's value is used whole when it is set, also when it is empty
--   prefer   the group's value, unless it is empty
--   add      the cluster's entries, then the group's
--   merge    both, key by key; the group's win
local shared = {
  { "image", "text", "prefer", "Image of the Druid containers. Its tag tells an upgrade from a downgrade." },
  { "imagePullPolicy", "text", "prefer", "When to pull the image: Always, IfNotPresent or Never." },
  { "imagePullSecrets", "[LocalObjectReference]", "replace", "Secrets for pulling the images." },
  { "env", "[EnvVar]", "replace", "Environment of the Druid containers; configMapSHA is added to it." },
  { "envFrom", "[EnvFromSource]", "replace", "ConfigMaps and Secrets that become environment." },
  { "jvm.options", "text", "prefer", "Options of the Java process; becomes jvm.config." },
  { "log4j.config", "text", "prefer", "Becomes log4j2.xml beside runtime.properties." },
  { "securityContext", "PodSecurityContext", "replace", "Security context of the pods." },
  { "containerSecurityContext", "SecurityContext", "replace", "Security context of the Druid containers." },
  { "volumeClaimTemplates", "[PersistentVolumeClaim]", "add",
    "Claims that each pod of a StatefulSet gets. A Deployment has none." },
  { "volumes", "[Volume]", "add", "Volumes of the pods, after the two with the configuration." },
  { "volumeMounts", "[VolumeMount]", "add", "Mounts of the Druid containers, after the configuration." },
  { "podAnnotations", "{text}", "replace", "Annotations of the pods." },
  { "podLabels", "{text}", "merge",
    "Labels of the pods and of what belongs to a group; never part of a new selector." },
  { "workloadAnnotations", "{text}", "merge", "Annotations of the StatefulSets and Deployments, not of pods." },
  { "podManagementPolicy", "text", "prefer",
    "Parallel or OrderedReady, of StatefulSets. Kubernetes cannot change it later." },
  { "updateStrategy", "StatefulSetUpdateStrategy", "replace", "Update strategy of the StatefulSets." },
  { "priorityClassName", "text", "prefer", "Priority class of the pods." },
  { "livenessProbe", "Probe", "replace",
    "Whether the process lives. Replaces the default; {} means none. An httpGet port of 0 or none means druid.port." },
  { "readinessProbe", "Probe", "replace",
    "Whether the process can serve. Replaces the default; {} means none. An httpGet port of 0 or none means druid.port." },
  { "startUpProbe", "Probe", "replace",
    "Whether the process has started. Replaces the default; {} means none. An httpGet port of 0 or none means druid.port." },
  { "services", "[Service]", "replace",
    "Services of each group; [] means none. A name may hold one %s for druid-<cluster>-<group>, and is that "
    .. "when it is left out. Without ports it has druid.port. The first is the StatefulSet's serviceName." },
  { "nodeSelector", "{text}", "replace", "Labels of the nodes that the pods may run on." },
  { "tolerations", "[Toleration]", "add", "Taints that the pods tolerate." },
  { "affinity", "Affinity", "replace", "Affinity of the pods." },
  { "dnsPolicy", "text", "prefer", "DNS policy of the pods." },
  { "dnsConfig", "PodDNSConfig", "replace", "DNS configuration of the pods." },
  { "additionalContainer", "[Container]", "add", "Containers beside the Druid process, or before it." },
}

local cluster = {
  { "common.runtime.properties", "text", "Druid's common.runtime.properties, shared by all processes." },
  { "extraCommonConfig", "[ConfigMapReference]",
    "ConfigMaps whose files are added to the common configuration, in any namespace; later ones win. While one "
    .. "cannot be read nothing is changed." },
  { "commonConfigMountPath", "text", "Directory in the container where the common configuration is mounted.",
    default = "/opt/druid/conf/druid/cluster/_common" },
  { "startScript", "text",
    "Script that starts Druid; it gets the process type as its argument. \"\" means bin/run-druid.sh.",
    default = "/druid.sh" },
  { "serviceAccount", "text", "Service account of the pods of groups without serviceAccountName." },
  { "metricDimensions.json", "text", "Becomes metricDimensions.json in the common configuration." },
  { "hdfs-site.xml", "text", "Becomes hdfs-site.xml in the common configuration." },
  { "core-site.xml", "text", "Becomes core-site.xml in the common configuration." },
  { "zookeeper", "Dependency", "ZooKeeper: lines that follow common.runtime.properties." },
  { "metadataStore", "Dependency", "Metadata store: lines that follow those of zookeeper." },
  { "deepStorage", "Dependency", "Deep storage: lines that follow those of metadataStore." },
  { "defaultProbes", "boolean", "Probes that fit each process, where none is given.", default = true },
  { "rollingDeploy", "boolean", "Restart one group at a time, in Druid's order, each when the one before is ready.",
    default = true },
  { "druidTimeout", "text",
    "How long a Druid that gives no answer is waited for before its pods are replaced by what Kubernetes says "
    .. "alone: 1m when it is left out, 0s for not at all." },
  { "deletionDeadline", "text",
    "How long the deletion of the cluster waits for pods and volumes that do not end, after its workers are drained; then "
    .. "volumes that are still in use are left, and an event names them. 1h when it is left out." },
  { "progressDeadline", "text",
    "How long a group may take for a change before it is told to be stuck: 30m when it is left out. A group's own "
    .. "goes before it." },
  { "rollback", "text",
    "What happens when an update is stuck: manual (nothing but words), or auto: back to what was ready last. "
    .. "manual when it is left out." },
  { "middleManagerDrainStrategy", "DrainStrategy",
    "How workers (middleManager, indexer) are emptied before they are replaced, scaled away or removed. A group's "
    .. "own replaces it." },
  { "volumeRetention", "VolumeRetention", "Which volumes are deleted, and when. Fields that a group gives go before these." },
  { "deleteOrphanPvc", "boolean",
    "Without effect unless volumeRetention.whenScaled is Delete; false keeps volumes that were scaled away even then, "
    .. "which the condition VolumesKept says.",
    default = true },
  { "disablePVCDeletionFinalizer", "boolean", "Keep the volumes when the cluster is deleted.", default = false },
  { "forceDeleteStsPodOnError", "boolean", "Accepted for compatibility; the shipped policies do not act on it.",
    default = true },
  { "scalePvcSts", "boolean",
    "Volumes grow when a claim template asks for more, each by its own; the storage class has to allow it.",
    default = false },
  { "recreateOnImmutableChange", "boolean",
    "Make a workload anew around its running pods, or a Service anew, for a field that Kubernetes never lets change: "
    .. "true when it is left out." },
  { "ignored", "boolean", "Unused. To pause a cluster, set the annotation druid.apache.org/ignored to \"true\".",
    default = false },
  { "dynamicConfig", "object",
    "Dynamic configuration of the Coordinator and of the workers: field by field, or below the keys coordinator and "
    .. "overlord. Those of groups say the same." },
  { "auth", "Auth", "Credentials for Druid's API." },
  { "api", { fields = {
    { "scheme", "text", "http or https; https when druid.enablePlaintextPort is false, else http, when it is left out." },
    { "ca", { fields = {
      { "secretRef", "Certificate", "The Secret that has it." },
      { "configMapRef", "Certificate", "The ConfigMap that has it." },
    } }, "The certificate authority of Druid's certificates, as PEM; the system's when it is left out." },
  } }, "How Druid's API is reached." },
}

local group = {
  { "nodeType", "text",
    "The Druid process: historical, middleManager, indexer, broker, router, overlord or coordinator." },
  { "druid.port", "int32", "Port of the process: for its configuration, probes, container and default Service." },
  { "runtime.properties", "text", "The process's runtime.properties; druid.port is put before it." },
  { "nodeConfigMountPath", "text", "Directory in the container where the process's configuration is mounted." },
  { "replicas", "int32", "Number of pods. Left alone when it is left out or an autoscaler sets it.", minimum = 0 },
  { "kind", "text", "StatefulSet, or Deployment, which has no volumeClaimTemplates.", default = "StatefulSet" },
  { "extra.jvm.options", "text", "Lines that follow jvm.options." },
  { "serviceAccountName", "text", "Service account of the pods; the cluster's serviceAccount when left out." },
  { "ports", "[ContainerPort]", "Ports of the Druid container besides druid.port, which is named druid-port." },
  { "resources", "ResourceRequirements", "Requests and limits of the Druid container." },
  { "persistentVolumeClaim", "[PersistentVolumeClaim]",
    "Claims of the group that stand for themselves. One without a name gets the group's." },
  { "maxSurge", "number-or-text", "Of a Deployment: pods over the count during an update." },
  { "maxUnavailable", "number-or-text", "Of a Deployment: pods that may be missing during an update." },
  { "progressDeadline", "text", "How long the group may take for a change before it is told to be stuck." },
  { "middleManagerDrainStrategy", "DrainStrategy", "Of a middleManager or indexer: how it is emptied. Replaces the cluster's." },
  { "volumeRetention", "VolumeRetention", "Which volumes of the group are deleted, and when." },
  { "lifecycle", "Lifecycle", "Lifecycle hooks of the Druid container." },
  { "terminationGracePeriodSeconds", "int64", "Seconds that a pod gets to stop." },
  { "podDisruptionBudgetSpec", "PodDisruptionBudgetSpec",
    "Makes a PodDisruptionBudget for the group; its selector is filled in." },
  { "hpAutoscaler", "HorizontalPodAutoscalerSpec",
    "Makes a HorizontalPodAutoscaler (autoscaling/v2); the group's replicas are then its business. Without "
    .. "scaleTargetRef it is the group's workload." },
  { "ingress", "IngressSpec", "Makes an Ingress (networking.k8s.io/v1)." },
  { "ingressAnnotations", "{text}", "Annotations of the Ingress." },
  { "topologySpreadConstraints", "[TopologySpreadConstraint]", "How the pods are spread." },
  { "dynamicConfig", "object",
    "Of a coordinator group: fields of the Coordinator's dynamic configuration. Of a middleManager, indexer or overlord "
    .. "group: that of the workers, with selectStrategy and autoScaler." },
}

local status = {
  { "observedGeneration", "int64", "The generation of the spec that was applied last." },
  { "message", "text", "How the cluster is, in one line." },
  { "readyGroups", "text", "Groups that are ready, of all." },
  { "policyVersion", "text", "Version of the policies that wrote this." },
  { "progressTime", "time", "When this was last written; it moves only together with something else." },
  { "rollout", { fields = {
    { "from", "text", "The image's version before." },
    { "to", "text", "The image's version after." },
    { "order", "text", "The groups in the order in which they restart, and why." },
  } }, "The update under way." },
  { "groups", { list = true, key = "name", required = { "name" }, fields = {
    { "name", "text", "The group's key in spec.nodes." },
    { "nodeType", "text", "The Druid process." },
    { "workload", "text", "Name of its StatefulSet or Deployment." },
    { "ready", "int32", "Pods that are ready." },
    { "updated", "int32", "Pods of the newest template." },
    { "total", "int32", "Pods that are wanted." },
    { "revision", "text", "The revision its pods should have." },
    { "phase", "text",
      "Creating, Ready, Waiting, Rolling, WaitingForHands, Scaling, RolledBack, NotReady or Failed." },
    { "waitsFor", "text", "What has to happen before it goes on." },
    { "progress", "time", "When its pods last got on." },
    { "eta", "time", "When it is done, if it goes on as it did so far." },
    { "message", "text", "What is wrong with it, and what helps." },
    { "note", "text", "What the spec asks for and Kubernetes cannot change in place." },
    { "since", "time", "When the phase began." },
  } }, "The node groups, in the order of an upgrade." },
  { "rollback", { fields = {
    { "generation", "int64", "The generation of the spec that is not followed any more." },
    { "group", "text", "The group that was stuck." },
    { "reason", "text", "Why." },
    { "time", "time", "When." },
  } }, "The update that was taken back." },
  { "keptVolumes", "[text]", "Claims of ordinals that were scaled away and are kept; at most 20." },
  { "volumesResizing", "[VolumeResizing]", "Claims that were asked to grow and have not their size yet; at most 20." },
  { "middleManagerDrain", { fields = {
    { "statefulSet", "text", "The workers' StatefulSet." },
    { "phase", "text", "Draining, WaitingForPod, Enabling or Blocked." },
    { "podName", "text", "The worker." },
    { "podOrdinal", "int32", "Its number." },
    { "oldPodUID", "text", "Its uid before it is replaced." },
    { "lastTransitionTime", "time", "When the phase began." },
    { "message", "text", "What it waits for." },
    { "workers", { list = true, key = "name", required = { "name" }, fields = {
      { "name", "text", "The pod." },
      { "revision", "text", "Its revision." },
      { "enabled", "boolean", "Whether it gets new tasks." },
      { "tasks", "int32", "Tasks that run on it." },
      { "phase", "text", "Draining, WaitingForPod, Enabling or Blocked." },
      { "since", "time", "When the phase began." },
      { "deadline", "time", "When it has taken too long." },
    } }, "All workers that are emptied or replaced." },
  } }, "The workers that are emptied or replaced now." },
  { "historicalsLeaving", { list = true, key = "name", required = { "name" }, fields = {
    { "name", "text", "The pod." },
    { "revision", "text", "Its revision." },
    { "size", "int64", "Bytes of segments that it holds." },
    { "phase", "text", "Draining or Blocked." },
    { "since", "time", "When it began." },
    { "deadline", "time", "When it has taken too long." },
  } }, "Historicals that give their segments away before they are taken away." },
  { "conditions", { list = true, key = "type", required = { "type", "status" }, fields = {
    { "type", "text", "Ready, Progressing, Degraded, DynamicConfigApplied or PolicyError." },
    { "status", "text", "True, False or Unknown." },
    { "reason", "text", "The reason as one word." },
    { "message", "text", "The reason in words." },
    { "observedGeneration", "int64", "The generation of the spec that it speaks of." },
    { "lastTransitionTime", "time", "When the status last changed." },
  } }, "Ready, Progressing, Degraded and PolicyError." },
  { "druidNodeStatus", { fields = {
    { "druidNode", "text", "A pod that is not ready, or All." },
    { "druidNodeConditionStatus", "text", "True or False." },
    { "druidNodeConditionType", "text", "DruidClusterReady or DruidNodeErrorState." },
    { "reason", "text", "Why." },
  } }, "The state as earlier operators reported it." },
  { "statefulSets", "[text]", "Names of the StatefulSets." },
  { "deployments", "[text]", "Names of the Deployments." },
  { "services", "[text]", "Names of the Services." },
  { "configMaps", "[text]", "Names of the ConfigMaps." },
  { "podDisruptionBudgets", "[text]", "Names of the PodDisruptionBudgets." },
  { "ingress", "[text]", "Names of the Ingresses." },
  { "hpAutoscalers", "[text]", "Names of the HorizontalPodAutoscalers." },
  { "pods", "[text]", "Names of the pods." },
  { "persistentVolumeClaims", "[text]", "Names of the claims in use." },
}

-- Defaults of shared fields, at the cluster's level only: they must not hide the cluster's value.
local shared_defaults = { imagePullPolicy = "IfNotPresent", podManagementPolicy = "Parallel" }

local said = {
  replace = { " A group's own replaces it, also an empty one.", " Replaces the cluster's, also when it is empty." },
  prefer = { " A group's own goes before it.", " Goes before the cluster's." },
  add = { " A group's own are added.", " Added to the cluster's." },
  merge = { " A group's own are merged over them.", " Merged over the cluster's, key by key." },
}

for _, row in ipairs(shared) do
  local name, type_name, rule, text = table.unpack(row)
  cluster[#cluster + 1] = { name, type_name, text .. said[rule][1], default = shared_defaults[name] }
  group[#group + 1] = { name, type_name, text .. said[rule][2] }
end
cluster[#cluster + 1] = { "nodes", { map = true, fields = group,
  about = "One group of equal Druid processes.",
  required = { "nodeType", "druid.port", "runtime.properties", "nodeConfigMountPath" } },
  "The node groups, by a key that becomes part of their objects' names." }

return {
  comment = "The Druid cluster as Kubernetes knows it.",
  kind = "Druid",
  plural = "druids",
  short = "dru",
  about = "A Druid cluster.",
  columns = {
    { "Ready", "string", '.status.conditions[?(@.type=="Ready")].status' },
    { "Groups", "string", ".status.readyGroups" },
    { "Status", "string", ".status.message" },
    { "Image", "string", ".spec.image" },
    { "Age", "date", ".metadata.creationTimestamp" },
  },
  types = types,
  shared = shared,
  spec = { about = "What the cluster should be.", fields = cluster,
    required = { "common.runtime.properties", "nodes" } },
  status = { about = "What the cluster is.", fields = status },
  rules = "druid.rules",
}
