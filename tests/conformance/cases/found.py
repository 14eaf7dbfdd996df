"""What random requests found, once each."""
from kinds import BY_PLURAL, merged
from play import APPLY, DELETE, GET, JSONP, MERGE, POST, PUT, STRATEGIC, WATCH, case


def one(plural, **metadata):
    return BY_PLURAL[plural].make(**metadata)


def labels(value):
    return {"metadata": {"labels": value}}


def container(**fields):
    return {"spec": {"template": {"spec": {"containers": [{"name": "c", **fields}]}}}}


case("found: strategic patches of wrong types", POST("configmaps", one("configmaps")), *[STRATEGIC("configmaps/a", patch) for patch in (
    labels({"x": 5}), labels(["x"]), labels("a"), labels({"x": True}), labels({"x": 1.5}), labels({"x": ["a"]}), labels({"x": {"a": "b"}}),
    {"metadata": {"finalizers": {"a": "b"}}}, {"metadata": {"finalizers": "a"}}, {"metadata": {"generation": "5"}}, {"metadata": "a"}, {"metadata": ["a"]},
    {"data": ["k"]}, {"binaryData": {"x": "%"}}, {"binaryData": {"x": 5}}, {"binaryData": {"x": ["a"]}}, {"immutable": "yes"}, {"immutable": 5},
    {"metadata": {"creationTimestamp": "now"}}, {"metadata": {"creationTimestamp": 5}}, {"metadata": {"ownerReferences": [5]}},
    {"metadata": {"generation": 1.5}}, {"metadata": {"annotations": {"b": None}, "labels": {"x": 9}}, "immutable": 3})])
case("found: strategic patches of wrong types, deeper", POST("statefulsets", one("statefulsets")), *[STRATEGIC("statefulsets/a", patch) for patch in (
    {"spec": {"replicas": "a"}}, {"spec": {"replicas": 1.5}}, {"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": True}}}}, {"spec": "a"},
    container(resources={"requests": {"cpu": "x"}}), container(resources={"requests": {"cpu": True}}), container(livenessProbe={"httpGet": {"port": 1.5}}),
    container(env="a"), container(command=[5]), {"spec": {"template": {"spec": {"containers": "a", "terminationGracePeriodSeconds": "a"}}}},
    {"spec": {"template": {"spec": {"topologySpreadConstraints": [{"maxSkew": 0, "whenUnsatisfiable": "Never"}]}}}})])
case("found: what an update removes last is not in the event", POST("secrets", one("secrets", finalizers=["a.example/x"])), DELETE("secrets/a"),
     WATCH("secrets?resourceVersion=${1.metadata.resourceVersion}", 2, MERGE("secrets/a", {"metadata": {"finalizers": None, "labels": {"late": "1"}}})))
case("found: a custom object that calls itself otherwise", POST("druids", merged(one("druids"), {"kind": "Other"})), POST("druids", merged(one("druids"), {"kind": "Other", **labels({"x": 5})})),
     POST("druids", one("druids")), POST("druids", merged(one("druids"), {"kind": "Other"})), MERGE("druids/a", {"kind": "Other"}),
     PUT("druids/a", merged(one("druids"), {"kind": "Other", "metadata": {"resourceVersion": "${3.metadata.resourceVersion}"}})))
case("found: nobody is warned of what is refused", POST("druids", one("druids", finalizers=["a.example/x"])), DELETE("druids/a"), JSONP("druids/a", {"op": "replace", "path": "/metadata/finalizers/0", "value": "2"}),
     POST("statefulsets", merged(one("statefulsets"), {"spec": {"replicas": -1, "template": {"spec": {"terminationGracePeriodSeconds": -1}}}})))
case("found: the first write to a claim is one", POST("persistentvolumeclaims", one("persistentvolumeclaims")), MERGE("persistentvolumeclaims/a", {}), MERGE("persistentvolumeclaims/a", {}))
case("found: empty annotations that are applied to a custom object", APPLY("druids/a", one("druids", annotations={})), MERGE("druids/a", {}), MERGE("druids/a", {}), GET("druids/a"))
for propagation in ("Foreground", "Orphan", "Background"):
    case("found: a dry run in the URL beside a body, " + propagation, POST("poddisruptionbudgets", one("poddisruptionbudgets")), DELETE("poddisruptionbudgets/a?dryRun=All", {"propagationPolicy": propagation}), GET("poddisruptionbudgets/a"))
case("found: dry runs of Services", POST("services", one("services")), DELETE("services/a"), PUT("services/a?dryRun=All", merged(one("services"), {"metadata": {"resourceVersion": "${1.metadata.resourceVersion}"}})),
     POST("services?dryRun=All", one("services")), POST("services?dryRun=All", one("services")))
case("found: metadata are judged last", POST("poddisruptionbudgets", merged(one("poddisruptionbudgets", labels={"x": "bad value!"}), {"spec": {"maxUnavailable": "120%"}})),
     POST("poddisruptionbudgets", one("poddisruptionbudgets", labels={"x": "bad value!"})))
case("found: scaled to nothing", POST("statefulsets", one("statefulsets")), MERGE("statefulsets/a/scale", {"spec": {"replicas": 0}}), GET("statefulsets/a"), MERGE("statefulsets/a", labels({"x": "1"})))
