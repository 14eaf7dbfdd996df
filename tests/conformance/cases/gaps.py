"""Old watches, streams and their marks, Events of the newer group, CustomResourceDefinitions as objects."""
from kinds import BY_PLURAL, merged
from play import GET, POST, WATCH, case

CONFIG = BY_PLURAL["configmaps"].make
MINE = "labelSelector=case%3D$ns"
case("watch: from a revision long gone", POST("configmaps", CONFIG()), WATCH("configmaps?resourceVersion=1", 1, seconds=1), aged=True)
case("watch: from a revision that is no number", WATCH("configmaps?resourceVersion=x", 1, seconds=1))
case("watch: streamed from the start, with its mark", POST("configmaps", CONFIG("a")), POST("configmaps", CONFIG("b")),
     WATCH("configmaps?" + MINE + "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true", 4, POST("configmaps", CONFIG("c"))))
case("watch: streamed without marks", POST("configmaps", CONFIG("a")), WATCH("configmaps?" + MINE + "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", 1, seconds=1))
case("watch: streams that are asked for wrongly", *[WATCH("configmaps?" + query, 1, seconds=1) for query in ("sendInitialEvents=true", "sendInitialEvents=true&resourceVersionMatch=Exact",
     "sendInitialEvents=perhaps&resourceVersionMatch=NotOlderThan", "resourceVersionMatch=NotOlderThan")])
case("list: from a revision long gone", POST("configmaps", CONFIG()), GET("configmaps?resourceVersion=1&resourceVersionMatch=Exact"), GET("configmaps?resourceVersion=1&resourceVersionMatch=NotOlderThan"),
     GET("configmaps?resourceVersion=x"), GET("configmaps?resourceVersionMatch=Exact"), aged=True)

EVENTS = "/apis/events.k8s.io/v1/namespaces/$ns/events"
NEW = {"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "a", "labels": {"case": "$ns"}}, "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "a.example/c",
       "reportingInstance": "i", "action": "Do", "reason": "R", "regarding": {"kind": "Pod", "namespace": "$ns", "name": "p"}, "note": "n", "type": "Normal"}
case("events.k8s.io: refused", *[POST(EVENTS, merged(NEW, change)) for change in ({"reportingInstance": None}, {"action": None}, {"reason": None}, {"eventTime": None},
     {"type": "Odd"}, {"note": "x" * 1100}, {"reportingController": "not a name"})])

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SCHEMA = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer"}}}}}
CRD = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.g.example"},
       "spec": {"group": "g.example", "scope": "Namespaced", "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}}]}}


def version(**change):
    return {"spec": {"versions": [merged(CRD["spec"]["versions"][0], change)]}}


case("CustomResourceDefinition: a dry run", POST(CRDS + "?dryRun=All", CRD), GET(CRDS + "/things.g.example"))
case("CustomResourceDefinition: refused", *[POST(CRDS + "?dryRun=All", merged(CRD, change)) for change in (
    {"metadata": {"name": "other"}}, {"spec": {"scope": "Odd"}}, version(schema=None), version(schema={"openAPIV3Schema": {"type": "string"}}),
    version(schema={"openAPIV3Schema": {"type": "object", "properties": {"a": {}}}}), {"unknown": 1})])
