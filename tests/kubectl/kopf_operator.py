"""A kopf operator, unmodified, against the sandbox: it sees a ConfigMap come, change and go."""
import os
import subprocess
import sys
import tempfile
import time

from kubernetes import client, config

HANDLERS = '''
import kopf

@kopf.on.create("configmaps", labels={"watch": "me"})
def created(body, **_):
    return {"seen": body["metadata"]["name"]}

@kopf.on.update("configmaps", labels={"watch": "me"}, field="data")
def updated(name, patch, **_):
    patch.metadata.annotations["updated"] = "yes"
'''

kubeconfig, kopf = sys.argv[1], sys.argv[2]
config.load_kube_config(kubeconfig)
core = client.CoreV1Api()


def wait(what, condition, seconds=30):
    for _ in range(seconds * 5):
        if condition():
            return
        time.sleep(0.2)
    raise AssertionError("waited in vain: " + what)


def annotations():
    return core.read_namespaced_config_map("kopf", "default").metadata.annotations or {}


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "handlers.py")
    with open(path, "w", encoding="ascii") as file:
        file.write(HANDLERS)
    operator = subprocess.Popen([kopf, "run", "--standalone", "-n", "default", path], env=dict(os.environ, KUBECONFIG=kubeconfig),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        core.create_namespaced_config_map("default", client.V1ConfigMap(
            metadata=client.V1ObjectMeta(name="kopf", labels={"watch": "me"}), data={"a": "1"}))
        wait("the create handler", lambda: any(k.startswith("kopf.zalando.org/") for k in annotations()))
        core.patch_namespaced_config_map("kopf", "default", {"data": {"a": "2"}})
        wait("the update handler", lambda: annotations().get("updated") == "yes")
    finally:
        operator.terminate()
        operator.wait(timeout=20)
    finalizers = core.read_namespaced_config_map("kopf", "default").metadata.finalizers
    core.patch_namespaced_config_map("kopf", "default", {"metadata": {"finalizers": None}})
    core.delete_namespaced_config_map("kopf", "default")
print("kopf: all well", finalizers or "")
