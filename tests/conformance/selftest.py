"""Each mask hides what it must and no more: a difference planted beside it is seen.

A plant is an answer of one server twice, the second time with a difference that the mask of that name is
near to. It must be reported; and so must nothing be where the two differ by what the mask is for.
"""
import copy
import json
import sys

import compare
import masks
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
    return [one, copy.deepcopy(one), table, refusal, mark, page, {"kind": "Status", "details": {"causes": conflict}}]


def put(value, path, new):
    *head, last = path
    for part in head:
        value = value[part]
    value[last] = new


# name: (path and value of a difference that is none, path and value of one that is)
PLANTS = {
    "uid": [((0, "metadata", "uid"), OTHER, (1, "metadata", "uid"), OTHER), ((1, "metadata", "uid"), OTHER)],
    "resourceVersion": [((0, "metadata", "resourceVersion"), "11", (1, "metadata", "resourceVersion"), "11",
                         (2, "rows", 0, "object", "metadata", "resourceVersion"), "11"), ((1, "metadata", "resourceVersion"), "11")],
    "list": [((2, "metadata", "resourceVersion"), "99"), ((2, "metadata", "resourceVersion"), "9")],
    "time": [((0, "metadata", "creationTimestamp"), "2023-11-14T22:13:25Z"), ((0, "metadata", "creationTimestamp"), "2023-11-14T22:13:25.000000Z")],
    "name": [((0, "metadata", "name"), "web-zzzzz", (1, "metadata", "name"), "web-zzzzz", (2, "rows", 0, "cells", 0), "web-zzzzz"), ((0, "metadata", "name"), "web-toolong")],
    "address": [((0, "spec", "clusterIP"), "10.96.0.9", (1, "spec", "clusterIP"), "10.96.0.9"), ((0, "spec", "clusterIP"), "None")],
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
    "conflicts": [((6, "details", "causes"), lambda causes: causes[2:] + causes[:2]), ((6, "details", "causes"), lambda causes: [causes[1], causes[0], causes[2]])],
}


def masked(list_of_answers):
    mask = masks.Mask("[]", "c-1", NOW)
    return [mask.apply(answer) for answer in list_of_answers]


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
        hidden, seen = PLANTS[name]
        if list(compare.differences(changed(hidden), masked(answers()))):
            failed += 1
            print("mask %s: shows what it is to hide: %s" % (name, json.dumps([str(d) for d in compare.differences(changed(hidden), masked(answers()))][:2])))
        if not list(compare.differences(changed(seen), masked(answers()))):
            failed += 1
            print("mask %s: hides a difference" % name)
    print("%d passed, %d failed" % (2 * len(masks.MASKS) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
