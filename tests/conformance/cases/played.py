"""What the played controllers and nodes, the operator's events and kubectl ask for beside the kinds of kinds.py."""
from kinds import BY_PLURAL, TEMPLATE, merged
from play import DELETE, GET, MERGE, POST, PUT, TABLED, WATCH, case

MINE = "labelSelector=case%3D$ns"
REVISION = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {"name": "a", "labels": {"case": "$ns"}}, "revision": 1,
            "data": {"spec": {"template": {"$patch": "replace", **TEMPLATE}}}}
OWNERS = {"metadata": {"ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s", "uid": "11111111-2222-3333-4444-555555555555", "controller": True, "blockOwnerDeletion": True}]}}
case("controllerrevisions: create, get, list, update, delete", POST("controllerrevisions", REVISION), GET("controllerrevisions/a"), GET("controllerrevisions?" + MINE), POST("controllerrevisions", REVISION),
     PUT("controllerrevisions/a", merged(REVISION, {"revision": 2})), PUT("controllerrevisions/a", merged(REVISION, {"revision": 3, "metadata": {"resourceVersion": "${1.metadata.resourceVersion}"}})),
     DELETE("controllerrevisions/a"), GET("controllerrevisions/a"), DELETE("controllerrevisions/a"))
case("controllerrevisions: watched", POST("controllerrevisions", REVISION), WATCH("controllerrevisions?" + MINE + "&resourceVersion=${1.metadata.resourceVersion}", 2,
     PUT("controllerrevisions/a", merged(merged(REVISION, {"revision": 2}), OWNERS)), DELETE("controllerrevisions/a")))
case("controllerrevisions: tables", POST("controllerrevisions", merged(REVISION, OWNERS)), TABLED("controllerrevisions/a"), TABLED("controllerrevisions?" + MINE))
case("controllerrevisions: a dry run", POST("controllerrevisions?dryRun=All", REVISION), GET("controllerrevisions/a"))
case("pods: the log of one without a node", POST("pods", BY_PLURAL["pods"].make()), GET("pods/a/log"), GET("pods/none/log"), GET("pods/a/log?container=c"), GET("pods/a/log?container=none"))
for plural in ("priorityclasses", "customresourcedefinitions", "events", "secrets", "serviceaccounts"):
    case(plural + ": a list of none, and a watch", GET(plural + "?" + MINE), WATCH(plural + "?" + MINE, 1, seconds=1))
EVENTS = "/apis/events.k8s.io/v1/namespaces/$ns/events"
case("events.k8s.io: a list of none", GET(EVENTS + "?" + MINE), MERGE(EVENTS + "/none", {"note": "n"}), GET(EVENTS + "/none"))
case("namespaces: finalize of none", PUT("namespaces/$ns-none/finalize", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "$ns-none"}, "spec": {"finalizers": []}}), GET("namespaces/$ns-none"))
case("events.k8s.io: one of the core group", POST("events", BY_PLURAL["events"].make()), GET(EVENTS + "/a"), GET(EVENTS + "?" + MINE), WATCH(EVENTS + "?" + MINE, 1), DELETE(EVENTS + "/a"), GET("events/a"))
