"""Each mask hides what it must and no more: a difference planted beside it is seen.

A plant is an answer of one server twice, the second time with a difference that the mask of that name is
near to. It must be reported; and so must nothing be where the two differ by what the mask is for.
"""
import copy
import email.message
import json
import sys

import compare
import masks
import selftest_traces
from kinds import CONTAINER

UID, OTHER = "0a1b2c3d-1111-4222-8333-444455556666", "0a1b2c3d-1111-4222-8333-777788889999"
NOW = 1700000000
TIME = "2023-11-14T22:13:20Z"


def answers():
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
    told = {"kind": "Status", "message": "web-x2b4c of c-1, uid %s, at %s, revision 10, address 10.0.0.7" % (UID, TIME)}
    old = [{"kind": "Status", "message": text} for text in ("Too large resource version: 99, current: 12", "too old resource version: 1 (12)")]
    quoted = {"kind": "Status", "message": "Invalid value: " + json.dumps(json.dumps({"metadata": {"managedFields": [{"manager": "a"}, {"manager": "b"}]}}))}
    return [one, copy.deepcopy(one), table, refusal, mark, page, {"kind": "Status", "details": {"causes": conflict}}, micro, told, *old, quoted]


def put(value, path, new):
    *head, last = path
    for part in head:
        value = value[part]
    value[last] = new


# name: (path and value of a difference that is none, path and value of one that is)
PLANTS = {
    "uid": [None, ((1, "metadata", "uid"), OTHER)],
    "resourceVersion": [None, ((1, "metadata", "resourceVersion"), "11")],
    "list": [((2, "metadata", "resourceVersion"), "99"), ((2, "metadata", "resourceVersion"), "9")],
    "time": [((0, "metadata", "creationTimestamp"), "2023-11-14T22:13:25Z"), ((0, "metadata", "creationTimestamp"), "2023-11-14T22:13:25.000000Z")],
    "name": [None, ((0, "metadata", "name"), "web-toolong")],
    "address": [None, ((0, "spec", "clusterIP"), "None")],
    "port": [((0, "spec", "ports", 0, "nodePort"), 30999, (1, "spec", "ports", 0, "nodePort"), 30999), ((0, "spec", "ports", 0, "nodePort"), 123)],
    "token": [((5, "metadata", "continue"), "another token that is quite long"), ((5, "metadata", "continue"), "")],
    "age": [((2, "rows", 0, "cells", 1), "7s"), ((2, "rows", 0, "cells", 1), "<unknown>")],
    "volume": [((0, "spec", "volumes", 0, "name"), "kube-api-access-xxxxx"), ((0, "spec", "volumes", 0, "name"), "kube-api-access-1")],
    "scheme": [((3, "message"), lambda text: text.replace("a/b.go:1", "c.go:9")), ((3, "message"), lambda text: text.replace('kind "X"', 'kind "Y"'))],
    "order": [((3, "message"), lambda text: text.replace('{\\"a\\":1,\\"b\\":2}', '{\\"b\\":2,\\"a\\":1}')), ((3, "message"), lambda text: text.replace('\\"b\\":2', '\\"b\\":3'))],
    "description": [((2, "columnDefinitions", 0, "description"), ""), ((2, "columnDefinitions", 0, "name"), "Nome")],
    "change": [((3, "message"), lambda text: text.replace("\n@@ -1 +1 @@\n-a\n+b\n", "")), ((3, "message"), lambda text: text.replace("fixed", "free"))],
    "managers": [((0, "metadata", "managedFields"), lambda entries: entries[::-1]), ((0, "metadata", "managedFields"), lambda entries: entries[:1])],
    "bookmark": [((4, "spec"), {"a": 2}), ((4, "kind"), "Pod")],
    "repeats": [((3, "details", "causes"), [{"field": "spec"}]), ((3, "details", "causes"), [])],
    "microseconds": [((7, "spec", "renewTime"), "2023-11-14T22:13:25.123456Z"), ((7, "spec", "renewTime"), "2020-01-02T03:04:05.000006Z")],
    "uid in text": [((0, "metadata", "uid"), OTHER, (1, "metadata", "uid"), OTHER, (8, "message"), lambda text: text.replace(UID, OTHER)), ((8, "message"), lambda text: text.replace(UID, OTHER))],
    "time in text": [((8, "message"), lambda text: text.replace(":20Z", ":25Z")), ((8, "message"), lambda text: text.replace("2023", "2020"))],
    "revision in text": [((0, "metadata", "resourceVersion"), "11", (1, "metadata", "resourceVersion"), "11", (2, "rows", 0, "object", "metadata", "resourceVersion"), "11",
                          (7, "metadata", "resourceVersion"), "11", (8, "message"), lambda text: text.replace("revision 10", "revision 11")),
                         ((8, "message"), lambda text: text.replace("revision 10", "revision 11"))],
    "revision of the store in text": [((9, "message"), lambda text: text.replace("current: 12", "current: 15"), (10, "message"), lambda text: text.replace("(12)", "(15)")),
                                      ((9, "message"), lambda text: text.replace("99", "98"))],
    "address in text": [((0, "spec", "clusterIP"), "10.96.0.9", (1, "spec", "clusterIP"), "10.96.0.9", (8, "message"), lambda text: text.replace("10.0.0.7", "10.96.0.9")),
                        ((8, "message"), lambda text: text.replace("10.0.0.7", "10.0.0.8"))],
    "name in text": [((0, "metadata", "name"), "web-zzzzz", (1, "metadata", "name"), "web-zzzzz", (2, "rows", 0, "cells", 0), "web-zzzzz",
                      (8, "message"), lambda text: text.replace("web-x2b4c", "web-zzzzz")), ((8, "message"), lambda text: text.replace("web-x2b4c", "web-zzzzz"))],
    "managers in quotes": [((11, "message"), lambda text: text.replace('\\"a', '\\"?').replace('\\"b', '\\"a').replace('\\"?', '\\"b')), ((11, "message"), lambda text: text.replace('\\"b', '\\"c'))],
    "conflicts": [((6, "details", "causes"), lambda causes: causes[2:] + causes[:2]), ((6, "details", "causes"), lambda causes: [causes[1], causes[0], causes[2]])],
}

for plain, text in (("uid", "uid in text"), ("resourceVersion", "revision in text"), ("address", "address in text"), ("name", "name in text")):
    PLANTS[plain][0] = PLANTS[text][0] # what is the same wherever it is told


def masked(list_of_answers, namespace="c-1"):
    mask = masks.Mask("[]", namespace, NOW)
    return [mask.apply(answer) for answer in list_of_answers]


def in_namespace(name):
    return json.loads(json.dumps(answers()).replace("c-1", name))


def header_set(**more):
    out = email.message.Message()
    for name, value in {"Content-Type": "application/json", "Warning": "299 - \"w\"", **more}.items():
        out[name.replace("_", "-")] = value
    return masks.headers(out)


def stream(*more):
    return masks.events([{"type": "ADDED", "object": {"metadata": {"resourceVersion": "1"}}}, *more])


def bookmark(metadata):
    return {"type": "BOOKMARK", "object": {"metadata": metadata}}


# what is not in an object: name → (a pair that is equal, a pair that is not)
OTHER_PLANTS = {
    "namespace": ((masked(in_namespace("c-2"), "c-2"), masked(answers())), (masked(in_namespace("c-2")), masked(answers()))),
    "headers": ((header_set(Date="a", Audit_Id="b"), header_set(Date="c")), (header_set(Retry_After="1"), header_set())),
    "ticks": ((stream(bookmark({"resourceVersion": "5"})), stream()), (stream(bookmark({"annotations": {"k8s.io/initial-events-end": "true"}})), stream())),
}


def changed(plant):
    out = answers()
    for path, new in zip(plant[::2], plant[1::2]):
        if callable(new):
            old = out
            for part in path:
                old = old[part]
            assert new(old) != old, path
            new = new(old)
        put(out, path, new)
    return masked(out)


def main():
    failed = 0
    for name in masks.MASKS:
        if name in OTHER_PLANTS:
            equal, different = OTHER_PLANTS[name]
        else:
            equal, different = [(changed(plant), masked(answers())) for plant in PLANTS[name]]
        if list(compare.differences(*equal)):
            failed += 1
            print("mask %s: shows what it is to hide: %s" % (name, json.dumps([str(d) for d in compare.differences(*equal)][:2])))
        if not list(compare.differences(*different)):
            failed += 1
            print("mask %s: hides a difference" % name)
    traces, wrong = selftest_traces.check()
    failed += wrong
    print("%d passed, %d failed" % (2 * len(masks.MASKS) + traces - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
