-- What plays Kubernetes' controllers and nodes in the sandbox, and Druid in its pods. Same runtime, same
-- contract as the policies of an operator; these are clients of the API server like any other.
return {
  api = 1,
  controllers = {
    "kubernetes.statefulset", "kubernetes.deployment", "kubernetes.replicaset", "kubernetes.kubelet",
    "kubernetes.volume", "kubernetes.garbage", "kubernetes.namespace", "druid.model",
  },
}
