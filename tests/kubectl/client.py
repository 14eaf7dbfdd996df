"""The official Python client against the sandbox: CRUD, patches, watch, custom objects."""
import sys

from kubernetes import client, config, watch

config.load_kube_config(sys.argv[1])
core, apps, custom = client.CoreV1Api(), client.AppsV1Api(), client.CustomObjectsApi()

made = core.create_namespaced_config_map("default", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="py"), data={"a": "1"}))
assert made.metadata.uid and made.metadata.resource_version
made.data["a"] = "2"
changed = core.replace_namespaced_config_map("py", "default", made)
assert int(changed.metadata.resource_version) > int(made.metadata.resource_version)
try:
    core.replace_namespaced_config_map("py", "default", made)
    raise AssertionError("a stale resourceVersion was accepted")
except client.ApiException as error:
    assert error.status == 409, error
core.patch_namespaced_config_map("py", "default", {"data": {"b": "3"}})

seen = []
stream = watch.Watch()
for event in stream.stream(core.list_namespaced_config_map, "default", timeout_seconds=5):
    seen.append((event["type"], event["object"].metadata.name))
    if event["object"].metadata.name == "py":
        stream.stop()
assert ("ADDED", "py") in seen, seen
core.delete_namespaced_config_map("py", "default")
try:
    core.read_namespaced_config_map("py", "default")
    raise AssertionError("it is still there")
except client.ApiException as error:
    assert error.status == 404, error

pods = core.list_pod_for_all_namespaces(limit=1)
assert pods.metadata.resource_version
body = {"apiVersion": "druid.apache.org/v1alpha1", "kind": "DruidIngestion", "metadata": {"name": "py"}, "spec": {"druidCluster": "none", "ingestion": {"type": "native-batch", "spec": "{}"}}}
custom.create_namespaced_custom_object("druid.apache.org", "v1alpha1", "default", "druidingestions", body)
custom.delete_namespaced_custom_object("druid.apache.org", "v1alpha1", "default", "druidingestions", "py")
print("python client: all well")
