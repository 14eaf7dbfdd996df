-- The shapes of the objects in which the former operator writes a workload: the fields of each type, in the
-- order in which it prints them (Kubernetes 1.27, the version it is made with).
--
-- "name:kind": ? is left out when it is empty; * may be absent; [ a list; { a map; s a text, i a number, b true
-- or false, Q a quantity, I a number or a text, T a time (always null here); all others are types of this list.

local M = {}

M.text = [[
  AWSElasticBlockStoreVolumeSource = volumeID:s fsType:?s partition:?i readOnly:?b
  Affinity = nodeAffinity:?*NodeAffinity podAffinity:?*PodAffinity podAntiAffinity:?*PodAntiAffinity
  AzureDiskVolumeSource = diskName:s diskURI:s cachingMode:?*s fsType:?*s readOnly:?*b kind:?*s
  AzureFileVolumeSource = secretName:s shareName:s readOnly:?b
  CSIVolumeSource = driver:s readOnly:?*b fsType:?*s volumeAttributes:?{s
    nodePublishSecretRef:?*LocalObjectReference
  Capabilities = add:?[s drop:?[s
  CephFSVolumeSource = monitors:[s path:?s user:?s secretFile:?s secretRef:?*LocalObjectReference readOnly:?b
  CinderVolumeSource = volumeID:s fsType:?s readOnly:?b secretRef:?*LocalObjectReference
  ConfigMapEnvSource = name:?s optional:?*b
  ConfigMapKeySelector = name:?s key:s optional:?*b
  ConfigMapProjection = name:?s items:?[KeyToPath optional:?*b
  ConfigMapVolumeSource = name:?s items:?[KeyToPath defaultMode:?*i optional:?*b
  Container = name:s image:?s command:?[s args:?[s workingDir:?s ports:?[ContainerPort envFrom:?[EnvFromSource
    env:?[EnvVar resources:?ResourceRequirements resizePolicy:?[ContainerResizePolicy volumeMounts:?[VolumeMount
    volumeDevices:?[VolumeDevice livenessProbe:?*Probe readinessProbe:?*Probe startupProbe:?*Probe
    lifecycle:?*Lifecycle terminationMessagePath:?s terminationMessagePolicy:?s imagePullPolicy:?s
    securityContext:?*SecurityContext stdin:?b stdinOnce:?b tty:?b
  ContainerPort = name:?s hostPort:?i containerPort:i protocol:?s hostIP:?s
  ContainerResizePolicy = resourceName:s restartPolicy:s
  Deployment = kind:?s apiVersion:?s metadata:?ObjectMeta spec:?DeploymentSpec status:?None
  DeploymentSpec = replicas:?*i selector:*LabelSelector template:PodTemplateSpec strategy:?DeploymentStrategy
    minReadySeconds:?i revisionHistoryLimit:?*i paused:?b progressDeadlineSeconds:?*i
  DeploymentStrategy = type:?s rollingUpdate:?*RollingUpdateDeployment
  DownwardAPIProjection = items:?[DownwardAPIVolumeFile
  DownwardAPIVolumeFile = path:s fieldRef:?*ObjectFieldSelector resourceFieldRef:?*ResourceFieldSelector
    mode:?*i
  DownwardAPIVolumeSource = items:?[DownwardAPIVolumeFile defaultMode:?*i
  EmptyDirVolumeSource = medium:?s sizeLimit:?*Q
  EnvFromSource = prefix:?s configMapRef:?*ConfigMapEnvSource secretRef:?*SecretEnvSource
  EnvVar = name:s value:?s valueFrom:?*EnvVarSource
  EnvVarSource = fieldRef:?*ObjectFieldSelector resourceFieldRef:?*ResourceFieldSelector
    configMapKeyRef:?*ConfigMapKeySelector secretKeyRef:?*SecretKeySelector
  EphemeralVolumeSource = volumeClaimTemplate:?*PersistentVolumeClaimTemplate
  ExecAction = command:?[s
  FCVolumeSource = targetWWNs:?[s lun:?*i fsType:?s readOnly:?b wwids:?[s
  FlexVolumeSource = driver:s fsType:?s secretRef:?*LocalObjectReference readOnly:?b options:?{s
  FlockerVolumeSource = datasetName:?s datasetUUID:?s
  GCEPersistentDiskVolumeSource = pdName:s fsType:?s partition:?i readOnly:?b
  GRPCAction = port:i service:*s
  GitRepoVolumeSource = repository:s revision:?s directory:?s
  GlusterfsVolumeSource = endpoints:s path:s readOnly:?b
  HTTPGetAction = path:?s port:I host:?s scheme:?s httpHeaders:?[HTTPHeader
  HTTPHeader = name:s value:s
  HostPathVolumeSource = path:s type:?*s
  ISCSIVolumeSource = targetPortal:s iqn:s lun:i iscsiInterface:?s fsType:?s readOnly:?b portals:?[s
    chapAuthDiscovery:?b chapAuthSession:?b secretRef:?*LocalObjectReference initiatorName:?*s
  KeyToPath = key:s path:s mode:?*i
  LabelSelector = matchLabels:?{s matchExpressions:?[LabelSelectorRequirement
  LabelSelectorRequirement = key:s operator:s values:?[s
  Lifecycle = postStart:?*LifecycleHandler preStop:?*LifecycleHandler
  LifecycleHandler = exec:?*ExecAction httpGet:?*HTTPGetAction tcpSocket:?*TCPSocketAction
  LocalObjectReference = name:?s
  NFSVolumeSource = server:s path:s readOnly:?b
  NoSet = replicas:i availableReplicas:i
  NodeAffinity = requiredDuringSchedulingIgnoredDuringExecution:?*NodeSelector
    preferredDuringSchedulingIgnoredDuringExecution:?[PreferredSchedulingTerm
  NodeSelector = nodeSelectorTerms:[NodeSelectorTerm
  NodeSelectorRequirement = key:s operator:s values:?[s
  NodeSelectorTerm = matchExpressions:?[NodeSelectorRequirement matchFields:?[NodeSelectorRequirement
  None =
  ObjectFieldSelector = apiVersion:?s fieldPath:s
  ObjectMeta = name:?s namespace:?s creationTimestamp:T labels:?{s annotations:?{s
    ownerReferences:?[OwnerReference
  OwnerReference = apiVersion:s kind:s name:s uid:s controller:?*b blockOwnerDeletion:?*b
  PersistentVolumeClaim = kind:?s apiVersion:?s metadata:?ObjectMeta spec:?PersistentVolumeClaimSpec
    status:?None
  PersistentVolumeClaimSpec = accessModes:?[s selector:?*LabelSelector resources:?ResourceRequirements
    volumeName:?s storageClassName:?*s volumeMode:?*s dataSource:?*TypedLocalObjectReference
    dataSourceRef:?*TypedObjectReference
  PersistentVolumeClaimTemplate = metadata:?ObjectMeta spec:PersistentVolumeClaimSpec
  PersistentVolumeClaimVolumeSource = claimName:s readOnly:?b
  PhotonPersistentDiskVolumeSource = pdID:s fsType:?s
  PodAffinity = requiredDuringSchedulingIgnoredDuringExecution:?[PodAffinityTerm
    preferredDuringSchedulingIgnoredDuringExecution:?[WeightedPodAffinityTerm
  PodAffinityTerm = labelSelector:?*LabelSelector namespaces:?[s topologyKey:s namespaceSelector:?*LabelSelector
  PodAntiAffinity = requiredDuringSchedulingIgnoredDuringExecution:?[PodAffinityTerm
    preferredDuringSchedulingIgnoredDuringExecution:?[WeightedPodAffinityTerm
  PodDNSConfig = nameservers:?[s searches:?[s options:?[PodDNSConfigOption
  PodDNSConfigOption = name:?s value:?*s
  PodSecurityContext = seLinuxOptions:?*SELinuxOptions windowsOptions:?*WindowsSecurityContextOptions
    runAsUser:?*i runAsGroup:?*i runAsNonRoot:?*b supplementalGroups:?[i fsGroup:?*i sysctls:?[Sysctl
    fsGroupChangePolicy:?*s seccompProfile:?*SeccompProfile
  PodSpec = volumes:?[Volume initContainers:?[Container containers:[Container restartPolicy:?s
    terminationGracePeriodSeconds:?*i activeDeadlineSeconds:?*i dnsPolicy:?s nodeSelector:?{s
    serviceAccountName:?s serviceAccount:?s automountServiceAccountToken:?*b nodeName:?s hostNetwork:?b
    hostPID:?b hostIPC:?b shareProcessNamespace:?*b securityContext:?*PodSecurityContext
    imagePullSecrets:?[LocalObjectReference hostname:?s subdomain:?s affinity:?*Affinity schedulerName:?s
    tolerations:?[Toleration priorityClassName:?s priority:?*i dnsConfig:?*PodDNSConfig runtimeClassName:?*s
    enableServiceLinks:?*b preemptionPolicy:?*s topologySpreadConstraints:?[TopologySpreadConstraint
    setHostnameAsFQDN:?*b hostUsers:?*b
  PodTemplateSpec = metadata:?ObjectMeta spec:?PodSpec
  PortworxVolumeSource = volumeID:s fsType:?s readOnly:?b
  PreferredSchedulingTerm = weight:i preference:NodeSelectorTerm
  Probe = exec:?*ExecAction httpGet:?*HTTPGetAction tcpSocket:?*TCPSocketAction grpc:?*GRPCAction
    initialDelaySeconds:?i timeoutSeconds:?i periodSeconds:?i successThreshold:?i failureThreshold:?i
    terminationGracePeriodSeconds:?*i
  ProjectedVolumeSource = sources:[VolumeProjection defaultMode:?*i
  QuobyteVolumeSource = registry:s volume:s readOnly:?b user:?s group:?s tenant:?s
  RBDVolumeSource = monitors:[s image:s fsType:?s pool:?s user:?s keyring:?s secretRef:?*LocalObjectReference
    readOnly:?b
  ResourceClaim = name:s
  ResourceFieldSelector = containerName:?s resource:s divisor:?Q
  ResourceRequirements = limits:?{Q requests:?{Q claims:?[ResourceClaim
  RollingUpdateDeployment = maxUnavailable:?*I maxSurge:?*I
  RollingUpdateStatefulSetStrategy = partition:?*i maxUnavailable:?*I
  SELinuxOptions = user:?s role:?s type:?s level:?s
  ScaleIOVolumeSource = gateway:s system:s secretRef:*LocalObjectReference sslEnabled:?b protectionDomain:?s
    storagePool:?s storageMode:?s volumeName:?s fsType:?s readOnly:?b
  SeccompProfile = type:s localhostProfile:?*s
  SecretEnvSource = name:?s optional:?*b
  SecretKeySelector = name:?s key:s optional:?*b
  SecretProjection = name:?s items:?[KeyToPath optional:?*b
  SecretVolumeSource = secretName:?s items:?[KeyToPath defaultMode:?*i optional:?*b
  SecurityContext = capabilities:?*Capabilities privileged:?*b seLinuxOptions:?*SELinuxOptions
    windowsOptions:?*WindowsSecurityContextOptions runAsUser:?*i runAsGroup:?*i runAsNonRoot:?*b
    readOnlyRootFilesystem:?*b allowPrivilegeEscalation:?*b procMount:?*s seccompProfile:?*SeccompProfile
  ServiceAccountTokenProjection = audience:?s expirationSeconds:?*i path:s
  StatefulSet = kind:?s apiVersion:?s metadata:?ObjectMeta spec:?StatefulSetSpec status:?NoSet
  StatefulSetOrdinals = start:i
  StatefulSetPersistentVolumeClaimRetentionPolicy = whenDeleted:?s whenScaled:?s
  StatefulSetSpec = replicas:?*i selector:*LabelSelector template:PodTemplateSpec
    volumeClaimTemplates:?[PersistentVolumeClaim serviceName:s podManagementPolicy:?s
    updateStrategy:?StatefulSetUpdateStrategy revisionHistoryLimit:?*i minReadySeconds:?i
    persistentVolumeClaimRetentionPolicy:?*StatefulSetPersistentVolumeClaimRetentionPolicy
    ordinals:?*StatefulSetOrdinals
  StatefulSetUpdateStrategy = type:?s rollingUpdate:?*RollingUpdateStatefulSetStrategy
  StorageOSVolumeSource = volumeName:?s volumeNamespace:?s fsType:?s readOnly:?b
    secretRef:?*LocalObjectReference
  Sysctl = name:s value:s
  TCPSocketAction = port:I host:?s
  Toleration = key:?s operator:?s value:?s effect:?s tolerationSeconds:?*i
  TopologySpreadConstraint = maxSkew:i topologyKey:s whenUnsatisfiable:s labelSelector:?*LabelSelector
    minDomains:?*i nodeAffinityPolicy:?*s nodeTaintsPolicy:?*s matchLabelKeys:?[s
  TypedLocalObjectReference = apiGroup:*s kind:s name:s
  TypedObjectReference = apiGroup:*s kind:s name:s namespace:?*s
  Volume = name:s hostPath:?*HostPathVolumeSource emptyDir:?*EmptyDirVolumeSource
    gcePersistentDisk:?*GCEPersistentDiskVolumeSource awsElasticBlockStore:?*AWSElasticBlockStoreVolumeSource
    gitRepo:?*GitRepoVolumeSource secret:?*SecretVolumeSource nfs:?*NFSVolumeSource iscsi:?*ISCSIVolumeSource
    glusterfs:?*GlusterfsVolumeSource persistentVolumeClaim:?*PersistentVolumeClaimVolumeSource
    rbd:?*RBDVolumeSource flexVolume:?*FlexVolumeSource cinder:?*CinderVolumeSource cephfs:?*CephFSVolumeSource
    flocker:?*FlockerVolumeSource downwardAPI:?*DownwardAPIVolumeSource fc:?*FCVolumeSource
    azureFile:?*AzureFileVolumeSource configMap:?*ConfigMapVolumeSource
    vsphereVolume:?*VsphereVirtualDiskVolumeSource quobyte:?*QuobyteVolumeSource
    azureDisk:?*AzureDiskVolumeSource photonPersistentDisk:?*PhotonPersistentDiskVolumeSource
    projected:?*ProjectedVolumeSource portworxVolume:?*PortworxVolumeSource scaleIO:?*ScaleIOVolumeSource
    storageos:?*StorageOSVolumeSource csi:?*CSIVolumeSource ephemeral:?*EphemeralVolumeSource
  VolumeDevice = name:s devicePath:s
  VolumeMount = name:s readOnly:?b mountPath:s subPath:?s mountPropagation:?*s subPathExpr:?s
  VolumeProjection = secret:?*SecretProjection downwardAPI:?*DownwardAPIProjection
    configMap:?*ConfigMapProjection serviceAccountToken:?*ServiceAccountTokenProjection
  VsphereVirtualDiskVolumeSource = volumePath:s fsType:?s storagePolicyName:?s storagePolicyID:?s
  WeightedPodAffinityTerm = weight:i podAffinityTerm:PodAffinityTerm
  WindowsSecurityContextOptions = gmsaCredentialSpecName:?*s gmsaCredentialSpec:?*s runAsUserName:?*s
    hostProcess:?*b
]]

local lines = {}   -- type = the text of its fields

for name, fields in (M.text:gsub("\n    ", " ") .. "\n"):gmatch("  (%w+) = ?([^\n]*)\n") do
  lines[name] = fields
end

local shapes = {}

-- The fields of a type: a list of { name =, optional =, kind = }, read when it is first asked for.
function M.shape(name)
  local shape = shapes[name]
  if not shape and lines[name] then
    shape = {}
    for field, optional, kind in lines[name]:gmatch("(%S-):(%??)(%S+)") do
      shape[#shape + 1] = { name = field, optional = optional == "?", kind = kind }
    end
    shapes[name] = shape
  end
  return shape
end

return M
