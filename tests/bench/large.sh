# Sourced by tests/bench/run: prints a Druid object with 40 groups, 161 objects.
large_cluster() {
    local types=(historical middleManager broker router coordinator) i type
    cat <<'END'
apiVersion: druid.apache.org/v1alpha1
kind: Druid
metadata: {name: large, namespace: default, uid: large}
spec:
  image: apache/druid:34.0.0
  common.runtime.properties: |
    druid.zk.service.host=zk
    druid.metadata.storage.type=postgresql
    druid.extensions.loadList=["druid-kafka-indexing-service"]
  jvm.options: |
    -server
    -Djava.io.tmpdir=/druid/data
  log4j.config: <Configuration/>
  services: [{spec: {type: ClusterIP, clusterIP: None}}]
  env: [{name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
  podLabels: {team: data}
  podAnnotations: {a: b}
  tolerations: [{key: a, operator: Exists}]
  volumes: [{name: tmp, emptyDir: {}}]
  volumeMounts: [{name: tmp, mountPath: /tmp}]
  nodes:
END
    for i in $(seq 40); do
        type=${types[i % 5]}
        cat <<END
    group-$i:
      nodeType: $type
      druid.port: 8083
      replicas: 3
      nodeConfigMountPath: /opt/druid/conf/druid/cluster/$type
      runtime.properties: |
        druid.service=druid/$type
        druid.server.tier=tier-$i
        druid.processing.numThreads=4
      extra.jvm.options: |
        -Xmx8g
        -Xms8g
      resources: {requests: {cpu: "2", memory: 16Gi}, limits: {memory: 16Gi}}
      volumeClaimTemplates:
        - metadata: {name: data}
          spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 100Gi}}, storageClassName: fast}
      volumeMounts: [{name: data, mountPath: /druid/data}]
      podDisruptionBudgetSpec: {maxUnavailable: 1}
      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [
        {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: druid}}}]}}
END
    done
}
