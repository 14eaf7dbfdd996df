"""Each mask hides what it must and no more: a difference planted beside it turns the suite red.

masks.py lists them, each with two pairs of what two servers could say: one that differs by what the mask is for, and
is the same behind it; and one that differs by what is near to that. Both are judged as the suite judges what it has
played, and that the pairs differ before anything is masked is looked at, too.
"""
import contextlib
import copy
import email.message
import importlib.machinery
import importlib.util
import io
import json
import os
import sys

import controllers
import masks
import play
from kinds import CONTAINER

GAP_MS = 250
UID, OTHER = "0a1b2c3d-1111-4222-8333-444455556666", "0a1b2c3d-1111-4222-8333-777788889999"
NOW = 1700000000
TIME = "2023-11-14T22:13:20Z"


def load_conformance():
    loader = importlib.machinery.SourceFileLoader("conformance", os.path.join(os.path.dirname(os.path.abspath(__file__)), "conformance"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("conformance", loader))
    loader.exec_module(module)
    return module


conformance = load_conformance()


class Pair:
    """What two servers said, as it came and masked; red() is the suite's verdict about it."""

    def __init__(self, raw, masked, traced=False):
        self.raw, self.masked, self.traced = raw, masked, traced

    def red(self):
        left, right = self.masked
        if self.traced:
            return controllers.report({"planted": left}, {"planted": right})
        case = play.Case("planted", [play.GET("configmaps/%d" % i) for i in range(max(len(left), len(right)))])
        return conformance.report([case], [left], [right])


def samples():
    one = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web-x2b4c", "generateName": "web-", "namespace": "c-1", "uid": UID, "resourceVersion": "10",
           "creationTimestamp": TIME, "managedFields": [{"manager": "a", "operation": "Apply", "apiVersion": "v1", "time": TIME}, {"manager": "b", "operation": "Apply", "apiVersion": "v1"}]},
           "spec": {"clusterIP": "10.0.0.7", "ports": [{"port": 80, "nodePort": 30123}], "volumes": [{"name": "kube-api-access-bcdfg"}], "containers": [CONTAINER]}}
    table = {"kind": "Table", "metadata": {"resourceVersion": "12"}, "columnDefinitions": [{"name": "Name", "description": "d"}, {"name": "Age", "description": "d"}],
             "rows": [{"cells": ["web-x2b4c", "5s"], "object": {"metadata": {"resourceVersion": "10"}}}]}
    refusal = {"kind": "Status", "message": 'no kind "X" in scheme "a/b.go:1": Invalid value: "{\\"a\\":1,\\"b\\":2}": spec: Forbidden: fixed\n@@ -1 +1 @@\n-a\n+b\n, end',
               "details": {"causes": [{"field": "spec"}, {"field": "spec"}]}}
    mark = {"kind": "Service", "spec": {"a": 1}, "metadata": {"resourceVersion": "12", "annotations": {"k8s.io/initial-events-end": "true"}}}
    page = {"kind": "ServiceList", "items": [], "metadata": {"resourceVersion": "12", "continue": "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ"}}
    conflict = [{"reason": "FieldManagerConflict", "message": "conflict with \"%s\"" % who, "field": field} for who, field in (("a", ".x"), ("a", ".y"), ("b", ".z"))]
    micro = {"kind": "Lease", "metadata": {"resourceVersion": "10"}, "spec": {"renewTime": TIME.replace("Z", ".000001Z")}}
    told = {"kind": "Status", "message": "web-x2b4c of c-1, uid %s, at %s, resource version 10 by RFC 10, address 10.0.0.7" % (UID, TIME)}
    old = [{"kind": "Status", "message": text} for text in ("Too large resource version: 99, current: 12", "too old resource version: 1 (12)")]
    quoted = {"kind": "Status", "message": "Invalid value: " + json.dumps(json.dumps({"metadata": {"managedFields": [{"manager": "a"}, {"manager": "b"}]}}))}
    return [one, copy.deepcopy(one), table, refusal, mark, page, {"kind": "Status", "details": {"causes": conflict}}, micro, told, *old, quoted]


def put(value, path, new):
    *head, last = path
    for part in head:
        value = value[part]
    if callable(new):
        assert new(value[last]) != value[last], path
        new = new(value[last])
    value[last] = new


def masked(list_of_answers, namespace="c-1"):
    mask = masks.Mask("[]", namespace, NOW)
    return [mask.apply(answer) for answer in copy.deepcopy(list_of_answers)]


def answers(*changes):
    """The samples, and the samples with changes: path, value, path, value …; a value may be made of what is there."""
    changed = samples()
    for path, new in zip(changes[::2], changes[1::2]):
        put(changed, path, new)
    return Pair((changed, samples()), (masked(changed), masked(samples())))


def in_namespaces(name, told):
    """The samples in another namespace, of a case that has the namespace that is told."""
    other = json.loads(json.dumps(samples()).replace("c-1", name))
    return Pair((other, samples()), (masked(other, told), masked(samples())))


def header_sets(*sets):
    both = []
    for more in sets:
        both.append(email.message.Message())
        for name, value in {"Content-Type": "application/json", "Warning": "299 - \"w\"", **more}.items():
            both[-1][name] = value
    return Pair([one.items() for one in both], [[{"headers": masks.headers(one)}] for one in both])


def bookmark(metadata):
    return {"type": "BOOKMARK", "object": {"metadata": metadata}}


def streams(more):
    raw = [[{"type": "ADDED", "object": {"metadata": {"resourceVersion": "1"}}}, *rest] for rest in (more, [])]
    return Pair(raw, [[{"body": masks.events(one)}] for one in raw])


# Of traces

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


def volume(name, claim, namespace="n"):
    return made("PersistentVolume", name, spec={"claimRef": {"name": claim, "namespace": namespace}, "capacity": {"storage": "1Gi"}})


def held(*finalizers):
    return pod("held", finalizers=list(finalizers))


A, B, CLAIM = pod("a"), pod("b"), made("PersistentVolumeClaim", "c", spec={"resources": {"requests": {"storage": "1Gi"}}})
USER = pod("user")
USER["spec"]["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
RUNS = changed(A, status__phase="Running")
GOING = made("StatefulSet", "web", metadata={"deletionTimestamp": "now"}, spec={})
READY = {"type": "Ready", "status": "True"}


def later(one, number):
    return changed(one, metadata__resourceVersion=str(number))


def traces(*both):
    """Two traces of events (at_ms, object) or (at_ms, object, "GONE")."""
    steps = [[("step", [(at, more[0] if more else "SET", one) for at, one, *more in events])] for events in both]
    return Pair(copy.deepcopy(steps), [masks.reduced(one, GAP_MS) for one in steps], traced=True)


def busy(now, recorded):
    """What a busy control plane does now, and what was recorded."""
    steps = [[("step", [(at, "SET", one) for at, one in events])] for events in (now, recorded)]
    wanted = masks.reduced(steps[1], masks.GAP_REAL_MS)
    return Pair(copy.deepcopy(steps), (masks.parted(steps[0], masks.GAPS_REAL_MS, wanted), wanted), traced=True)


def seen(*objects):
    """What of the objects is told in the namespace n, and nothing."""
    told = [(0, one) for one in objects if masks.of_namespace(one, "n")]
    return Pair((objects, ()), traces(told, []).masked, traced=True)


def verdict(pair):
    """Whether the suite goes red, and what it says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        red = pair.red()
    return bool(red), said.getvalue()


def main():
    checks = failed = 0
    for name, (_, same, different) in masks.plants(sys.modules[__name__]).items():
        for pair, wanted, wrong in ((same, False, "shows what it is to hide"), (different, True, "hides a difference")):
            checks += 1
            red, said = verdict(pair)
            if pair.raw[0] == pair.raw[1] or red != wanted:
                failed += 1
                print("mask %s: %s\n%s" % (name, wrong if red != wanted else "nothing is planted", said[:400]))
    print("%d passed, %d failed" % (checks - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
