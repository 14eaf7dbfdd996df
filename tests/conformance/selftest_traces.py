"""The same for traces (beats.py): what is hidden of what controllers do, and what beside it is not."""
import copy

import beats

GAP_MS = 250


def made(kind, name, **fields):
    metadata = {"name": name, "uid": "uid-" + kind + name, "resourceVersion": "1", "namespace": "n", **fields.pop("metadata", {})}
    return {"kind": kind, "metadata": metadata, **fields}


def owned(kind, name, uid):
    return [{"kind": kind, "name": name, "uid": uid, "controller": True}]


def pod(name, **metadata):
    return made("Pod", name, metadata=metadata, spec={"containers": [{"name": "c", "image": "i:1"}]}, status={"phase": "Pending", "podIP": "10.0.0.1"})


def of_set(suffix, digest="abc"):
    return pod("web-%s-%s" % (digest, suffix), generateName="web-%s-" % digest, ownerReferences=owned("ReplicaSet", "web-" + digest, "uid-ReplicaSetweb-" + digest))


def replica_set(digest="abc", generation=1, observed=1):
    return made("ReplicaSet", "web-" + digest, metadata={"generation": generation, "labels": {"pod-template-hash": digest}, "ownerReferences": owned("Deployment", "web", "uid-Deploymentweb")},
                spec={"replicas": 1}, status={"observedGeneration": observed})


def deployment(reason, message, time="a"):
    return made("Deployment", "web", spec={}, status={"conditions": [{"type": "Progressing", "status": "True", "reason": reason, "message": message, "lastUpdateTime": time}]})


def revision(owner_uid):
    return made("ControllerRevision", "web-1", revision=1, metadata={"ownerReferences": owned("StatefulSet", "web", owner_uid)},
                data={"spec": {"template": {"spec": {"containers": [{"image": "i:1"}]}}}})


def changed(one, **changes):
    """A later state of the same object: members of metadata, spec or status by place."""
    out = copy.deepcopy(one)
    out["metadata"]["resourceVersion"] = str(int(out["metadata"]["resourceVersion"]) + 1)
    for place, value in changes.items():
        head, _, last = place.partition("__")
        out.setdefault(head, {})[last] = value
    return out


def trace(*events):
    """Events as (at_ms, object) or (at_ms, object, "GONE")."""
    return beats.reduced([("step", [(at, more[0] if more else "SET", one) for at, one, *more in events])], GAP_MS)


A, B, CLAIM = pod("a"), pod("b"), made("PersistentVolumeClaim", "c", spec={"resources": {"requests": {"storage": "1Gi"}}})
USER = pod("user")
USER["spec"]["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
RUNS = changed(A, status__phase="Running")
GOING = made("StatefulSet", "web", metadata={"deletionTimestamp": "now"}, spec={})
READY = {"type": "Ready", "status": "True"}


def later(one, number):
    return changed(one, metadata__resourceVersion=str(number))


# name → (two traces that are equal, two that are not)
PLANTS = {
    "what is not told of an object": ((trace((0, A)), trace((0, changed(A, metadata__uid="other", metadata__creationTimestamp="t", metadata__managedFields=[{}], status__podIP="10.9.9.9")))),
                                      (trace((0, A)), trace((0, changed(A, status__phase="Running"))))),
    "writes in a beat": ((trace((0, A), (10, RUNS)), trace((0, RUNS))), (trace((0, A), (900, RUNS)), trace((0, RUNS)))),
    "order in a beat": ((trace((0, A), (1, later(B, 2))), trace((0, B), (1, later(A, 2)))), (trace((0, CLAIM), (1, later(USER, 2))), trace((0, USER), (1, later(CLAIM, 2))))),
    "came and went in a beat": ((trace((0, A), (1, later(B, 2)), (2, later(B, 3), "GONE")), trace((0, A))), (trace((0, A), (1, later(B, 2)), (900, later(B, 3), "GONE")), trace((0, A)))),
    "random names": ((trace((0, of_set("x")), (1, later(of_set("y"), 2))), trace((0, of_set("v")), (1, later(of_set("w"), 2)))), (trace((0, of_set("x")), (1, later(of_set("y"), 2))), trace((0, of_set("x"))))),
    "names from digests": ((trace((0, replica_set("abc"))), trace((0, replica_set("xyz")))),
                           (trace((0, replica_set("abc"))), trace((0, replica_set("abc")), (1, later(replica_set("xyz"), 2))))),
    "generation of ReplicaSets": ((trace((0, replica_set(generation=3, observed=3))), trace((0, replica_set(generation=2, observed=2)))),
                                  (trace((0, replica_set(generation=3, observed=3))), trace((0, replica_set(generation=3, observed=2))))),
    "made, and gets on": ((trace((0, deployment("NewReplicaSetCreated", 'Created new replica set "r"'))), trace((0, deployment("ReplicaSetUpdated", 'ReplicaSet "r" is progressing.')))),
                          (trace((0, deployment("NewReplicaSetCreated", 'Created new replica set "r"'))), trace((0, deployment("ReplicaSetUpdated", 'ReplicaSet "s" is progressing.'))))),
    "times of conditions": ((trace((0, deployment("R", "m", "a"))), trace((0, deployment("R", "m", "b")))), (trace((0, deployment("R", "m"))), trace((0, deployment("S", "m"))))),
    "conditions of pods": ((trace((0, A)), trace((0, changed(A, status__conditions=[{"type": "PodScheduled", "status": "True"}])))), (trace((0, A)), trace((0, changed(A, status__conditions=[READY]))))),
    "revisions of a set that goes": ((trace((0, GOING), (1, later(revision(GOING["metadata"]["uid"]), 2))), trace((0, GOING))),
                                     (trace((0, GOING), (1, later(revision("other"), 2))), trace((0, GOING)))),
    "zeros": ((trace((0, changed(replica_set(), status__readyReplicas=0))), trace((0, changed(replica_set(), status__labels=[])))),
              (trace((0, changed(replica_set(), status__readyReplicas=1))), trace((0, replica_set())))),
    "objects of others": ((beats.of_namespace(made("ConfigMap", "kube-root-ca.crt"), "n"), beats.of_namespace(made("PersistentVolume", "v", spec={"claimRef": {"namespace": "m"}}), "n")),
                          (beats.of_namespace(made("ConfigMap", "other"), "n"), beats.of_namespace(made("PersistentVolume", "v", spec={}), "n"))),
}


def check():
    """How many checks there are, and how many failed."""
    failed = 0
    for name, (equal, different) in PLANTS.items():
        if equal[0] != equal[1]:
            failed += 1
            print("traces, %s: shows what is to be hidden: %s" % (name, equal))
        if different[0] == different[1]:
            failed += 1
            print("traces, %s: hides a difference" % name)
    return 2 * len(PLANTS), failed
