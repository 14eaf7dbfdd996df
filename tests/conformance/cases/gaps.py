"""Old watches, streams and their marks, Events of the newer group, CustomResourceDefinitions as objects."""
from kinds import BY_PLURAL, merged
from play import APPLY, GET, MERGE, POST, PUT, WATCH, case

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
SHORT = {key: NEW[key] for key in ("apiVersion", "kind")}
case("events.k8s.io: who manages what, made there and read and changed in both groups", POST(EVENTS + "?fieldManager=maker", NEW), GET("events/a"), MERGE("events/a?fieldManager=other", {"message": "m", "count": 2}),
     GET(EVENTS + "/a"), MERGE("events/a?fieldManager=maker", {"metadata": {"annotations": {"x": "y"}}}), GET(EVENTS + "/a"))
case("events.k8s.io: who manages what, made in the core group", POST("events?fieldManager=maker", BY_PLURAL["events"].make()), GET(EVENTS + "/a"), MERGE(EVENTS + "/a?fieldManager=other", {"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}}),
     MERGE(EVENTS + "/a?fieldManager=maker", {"metadata": {"labels": {"x": "y"}}}), GET("events/a"))
case("events.k8s.io: changed", POST(EVENTS, NEW), *[MERGE(EVENTS + "/a", change) for change in ({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}}, {"metadata": {"labels": {"x": "y"}}}, {"note": "other"},
     {"reason": "Other"}, {"regarding": {"name": "q"}}, {"related": {"kind": "Pod", "name": "q"}}, {"action": "Other"}, {"type": "Warning"}, {"type": "Odd"}, {"eventTime": "2026-01-01T00:00:02.000000Z"},
     {"reportingController": "b.example/c"}, {"reportingInstance": "j"}, {"deprecatedCount": 2}, {"deprecatedSource": {"component": "x"}}, {"deprecatedFirstTimestamp": "2026-01-01T00:00:00Z"},
     {"deprecatedLastTimestamp": "2026-01-01T00:00:00Z"}, {"series": {"count": 0, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}}, {"series": None}, {"note": "x" * 1100})])
case("events.k8s.io: of the core group, changed", POST("events", BY_PLURAL["events"].make()), *[MERGE(EVENTS + "/a", change) for change in ({"note": "other"}, {"reason": "Other"}, {"type": "Warning"}, {"deprecatedCount": 2})],
     *[MERGE("events/a", change) for change in ({"message": "other"}, {"reason": "Other"}, {"type": "Warning"}, {"count": 2}, {"involvedObject": {"name": "q"}})])
case("events: of the newer group, changed in the core group", POST(EVENTS, NEW), *[MERGE("events/a", change) for change in ({"message": "other"}, {"reason": "Other"}, {"action": "Other"}, {"count": 2}, {"involvedObject": {"name": "q"}},
     {"eventTime": None}, {"reportingComponent": ""}, {"message": "x" * 1100})])
case("events.k8s.io: applied", APPLY(EVENTS + "/a", NEW), APPLY(EVENTS + "/a", merged(SHORT, {"metadata": {"labels": {"x": "y"}}}), manager="two"), GET("events/a"),
     APPLY("events/a", {"apiVersion": "v1", "kind": "Event", "message": "m"}, manager="three"), APPLY("events/a", {"apiVersion": "v1", "kind": "Event", "message": "m"}, manager="three", force=True), GET(EVENTS + "/a"),
     APPLY(EVENTS + "/a", merged(NEW, {"note": "k"})), APPLY(EVENTS + "/a", merged(NEW, {"note": "k"}), force=True), APPLY(EVENTS + "/a", SHORT, manager="two"), GET("events/a"))
case("events.k8s.io: replaced", POST(EVENTS, NEW), PUT(EVENTS + "/a?fieldManager=maker", merged(NEW, {"note": "other"})), PUT(EVENTS + "/a?fieldManager=maker", merged(NEW, {"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}})),
     PUT(EVENTS + "/b", merged(NEW, {"metadata": {"name": "b"}})), GET("events/a"))

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
