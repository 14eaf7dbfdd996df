"""Scale, eviction, binding, and what only some kinds have."""
from kinds import BY_PLURAL, KINDS, merged
from play import APPLY, DELETE, GET, JSONP, MERGE, POST, PUT, WATCH, case

SCALE = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a", "namespace": "$ns"}, "spec": {"replicas": 2}}
for plural in ("statefulsets", "deployments", "replicasets"):
    one = BY_PLURAL[plural].make()
    case(plural + ": scale is read, written and refused", POST(plural, one), GET(plural + "/a/scale"), PUT(plural + "/a/scale", SCALE), GET(plural + "/a"), MERGE(plural + "/a/scale", {"spec": {"replicas": 5}}),
         GET(plural + "/a"), MERGE(plural + "/a/scale", {"spec": {"replicas": -1}}), PUT(plural + "/a/scale", merged(SCALE, {"metadata": {"resourceVersion": "1"}})),
         GET(plural + "/none/scale"), MERGE(plural + "/none/scale", {"spec": {"replicas": 1}}), MERGE(plural + "/a", {}), GET(plural + "/a"))
    case(plural + ": scale of another manager's replicas", APPLY(plural + "/a", merged(one, {"spec": {"replicas": 1}})), MERGE(plural + "/a/scale?fieldManager=hpa", {"spec": {"replicas": 4}}), GET(plural + "/a"),
         APPLY(plural + "/a", merged(one, {"spec": {"replicas": 1}})), APPLY(plural + "/a", one), GET(plural + "/a"))
case("druids: no scale", POST("druids", BY_PLURAL["druids"].make()), GET("druids/a/scale"), MERGE("druids/a/scale", {"spec": {"replicas": 1}}))

POD, BUDGET = BY_PLURAL["pods"].make(), BY_PLURAL["poddisruptionbudgets"].make()
EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a", "namespace": "$ns"}}
case("pods: eviction of one that was never scheduled", POST("pods", POD), POST("pods/a/eviction", EVICTION), GET("pods/a"), POST("pods/a/eviction", EVICTION))
case("pods: a grace period", POST("pods", POD), POST("pods/a/binding", {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "a"}, "target": {"kind": "Node", "name": "n"}}), GET("pods/a"),
     DELETE("pods/a"), GET("pods/a"), DELETE("pods/a", {"gracePeriodSeconds": 5}), GET("pods/a"), DELETE("pods/a", {"gracePeriodSeconds": 0}), GET("pods/a"),
     WATCH("pods?resourceVersion=${1.metadata.resourceVersion}", 5))

for kind in KINDS:
    if kind.plural == "namespaces":
        continue
    at = "%s/%s" % (kind.plural, kind.name("a"))
    case(kind.plural + ": metadata that is refused in an update", POST(kind.plural, kind.make()), MERGE(at, {"metadata": {"labels": {"bad key!": "1"}}}), MERGE(at, {"metadata": {"labels": {"x": "bad value!"}}}),
         MERGE(at, {"metadata": {"annotations": {"bad key!": "1"}}}), MERGE(at, {"metadata": {"ownerReferences": [{"kind": "X", "name": "y"}]}}), MERGE(at, {"metadata": {"finalizers": ["bad"]}}),
         JSONP(at, {"op": "replace", "path": "/metadata/labels/new", "value": "1"}), JSONP(at, {"op": "remove", "path": "/metadata/labels/other"}))
